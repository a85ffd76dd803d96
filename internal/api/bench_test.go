package api

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/hushpush/hush/internal/rest"
	"github.com/hushpush/hush/protocol"
)

// BenchmarkPushBody measures checking and decoding a push's body, and the fast path.
func BenchmarkPushBody(b *testing.B) {
	schema := rest.SchemaFor[protocol.PushRequest](newSchemas())
	for _, users := range []int{1, 1_000} {
		names := make([]string, users)
		for i := range names {
			names[i] = fmt.Sprintf(`"user-%d"`, i)
		}
		body := []byte(`{"to":{"users":[` + strings.Join(names, ",") + `]},"resource_id":"both","payload":"{\"cursor\":1841}"}`)
		b.Run(fmt.Sprintf("check/users=%d", users), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				if found, err := checkBody(body, schema, nil); err != nil || len(found) > 0 {
					b.Fatalf("found %v, %v", found, err)
				}
			}
		})
		b.Run(fmt.Sprintf("plain/users=%d", users), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				if p, ok := readPlainPush(body); !ok || len(p.To.Users) != users {
					b.Fatalf("%d users, %v", len(p.To.Users), ok)
				}
			}
		})
		b.Run(fmt.Sprintf("decode/users=%d", users), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				var p protocol.PushRequest
				if err := json.Unmarshal(body, &p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
