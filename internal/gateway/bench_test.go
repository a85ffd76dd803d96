package gateway

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// BenchmarkParseFrame parses a device's frame with a number of receipts.
func BenchmarkParseFrame(b *testing.B) {
	for _, receipts := range []int{1, 50} {
		b.Run(fmt.Sprintf("receipts=%d", receipts), func(b *testing.B) {
			f := protocol.DeviceFrame{Type: protocol.FrameReceipts, Seq: 7}
			for range receipts {
				f.Receipts = append(f.Receipts, protocol.Receipt{PushID: string(push.NewID()), Event: push.ReceiptHandled, Result: push.NewData, Path: push.PathSession})
			}
			data, err := json.Marshal(f)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				if _, err := parseFrame(data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkPushFrame makes the frame of a push.
func BenchmarkPushFrame(b *testing.B) {
	payload := []byte(`{"cursor":1841,"note":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}`)
	item := push.PushItem{ID: push.NewID(), ResourceID: "both", Payload: payload, PayloadBytes: len(payload), AcceptedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour)}
	s := &session{}
	b.ReportAllocs()
	for b.Loop() {
		if f := s.pushFrame(item); len(f.data) == 0 {
			b.Fatal("the frame is empty")
		}
	}
}
