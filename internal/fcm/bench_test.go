package fcm

import (
	"testing"
	"time"

	"github.com/hushpush/hush/internal/provider/wakertest"
	"github.com/hushpush/hush/push"
)

// A wake with one push made a request: filled, sealed, in FCM's message.
func BenchmarkRequest(b *testing.B) {
	now := time.Now()
	payload := `{"cursor":1841,"note":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}`
	d := push.Device{App: "notes", Package: "com.example.notes", ProviderToken: "fcm-registration-token-of-a-hundred-and-some-bytes"}
	w := push.Wake{ID: push.NewID(), Key: wakertest.Key, ExpiresAt: now.Add(time.Hour), EndsAt: now.Add(time.Hour),
		Items: []push.Item{push.PushItem{ID: push.NewID(), ResourceID: "both", Payload: []byte(payload), PayloadBytes: len(payload)}}}
	s := &sender{path: "/v1/projects/demo/messages:send"}
	b.ReportAllocs()
	for b.Loop() {
		text, err := body(&d, &w, now)
		if err != nil {
			b.Fatal(err)
		}
		s.request(text, "access-token")
	}
}
