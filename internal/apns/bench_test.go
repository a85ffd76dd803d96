package apns

import (
	"testing"
	"time"

	"github.com/hushpush/hush/internal/provider/wakertest"
	"github.com/hushpush/hush/push"
)

// A wake with one push made a request: filled, sealed, with its header.
func BenchmarkRequest(b *testing.B) {
	now := time.Now()
	payload := `{"cursor":1841,"note":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}`
	d := push.Device{App: "notes", BundleID: "com.example.notes", Environment: push.Production, ProviderToken: "aabbccddeeff00112233445566778899aabbccddeeff00112233445566778899"}
	w := push.Wake{ID: push.NewID(), Key: wakertest.Key, ExpiresAt: now.Add(time.Hour), EndsAt: now.Add(time.Hour),
		Items: []push.Item{push.PushItem{ID: push.NewID(), ResourceID: "both", Payload: []byte(payload), PayloadBytes: len(payload)}}}
	b.ReportAllocs()
	for b.Loop() {
		req, err := request(&d, &w, now)
		if err != nil {
			b.Fatal(err)
		}
		authorized(req.Request, "a.provider.token")
	}
}
