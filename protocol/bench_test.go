package protocol_test

import (
	"encoding/json"
	"testing"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

func BenchmarkWake(b *testing.B) {
	key := push.WakeKey{ID: "qLqk3vvJ4o1ZbZ0d", Key: "sixteen bytes of"}
	payload := `{"cursor":1841,"note":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}`
	text, err := json.Marshal(protocol.Wake{Wake: string(push.NewID()), Pushes: []protocol.WakePush{{ID: string(push.NewID()), Resource: "both", Payload: &payload}}})
	if err != nil {
		b.Fatal(err)
	}
	b.Run("seal", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := protocol.SealWake(key, text); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("open", func(b *testing.B) {
		part, err := protocol.SealWake(key, text)
		if err != nil {
			b.Fatal(err)
		}
		var sealed protocol.SealedWake
		if err := json.Unmarshal(part, &sealed); err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			if _, err := sealed.Open(key); err != nil {
				b.Fatal(err)
			}
		}
	})
}
