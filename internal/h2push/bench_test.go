package h2push_test

import (
	"context"
	"strings"
	"testing"

	"golang.org/x/net/http2"

	"github.com/hushpush/hush/internal/h2push"
)

// A request's frames out and its answer's frames in, over TLS, one request at a time and a hundred. The peer reads no header
// and answers the same bytes each time, so that next to all that is allocated is ours.
func BenchmarkDo(b *testing.B) {
	p := newPeer(b, []http2.Setting{{ID: http2.SettingMaxConcurrentStreams, Val: 1000}, {ID: http2.SettingInitialWindowSize, Val: 1 << 30}}, (*wire).nod)
	pool := p.pool(nil)
	req := h2push.Request{Path: "/3/device/" + strings.Repeat("ab", 32), FreshPath: true, Body: []byte(strings.Repeat("x", 400)),
		Header: []h2push.Field{{Name: "apns-push-type", Value: "background"}, {Name: "apns-topic", Value: "com.example.notes"},
			{Name: "apns-id", Value: "0199c0de-0000-7000-8000-000000000000", Fresh: true}, {Name: "authorization", Value: "bearer " + strings.Repeat("t", 200)}}}
	send := func(ctx context.Context) {
		if resp, err := pool.Do(ctx, req); err != nil || resp.Status != 200 {
			b.Errorf("got %d, %v", resp.Status, err)
		}
	}
	b.Run("one", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			send(b.Context())
		}
	})
	b.Run("hundred", func(b *testing.B) {
		b.ReportAllocs()
		b.SetParallelism(100)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				send(b.Context())
			}
		})
	})
}

// nod answers each request with 200, and does as little as can be.
func (w *wire) nod() error {
	w.ReadMetaHeaders = nil
	w.SetReuseFrames()
	if err := w.WriteWindowUpdate(0, 1<<30); err != nil {
		return err
	}
	for taken := uint32(0); ; {
		f, err := w.ReadFrame()
		if err != nil {
			return err
		}
		switch f := f.(type) {
		case *http2.SettingsFrame:
			if !f.IsAck() {
				err = w.WriteSettingsAck()
			}
		case *http2.PingFrame:
			err = w.WritePing(true, f.Data)
		case *http2.DataFrame:
			if taken += f.Length; taken > 1<<29 {
				err, taken = w.WriteWindowUpdate(0, taken), 0
			}
			if f.StreamEnded() && err == nil {
				const status200 = 0x88 // of HPACK's static table (RFC 7541, appendix A)
				err = w.WriteHeaders(http2.HeadersFrameParam{StreamID: f.StreamID, BlockFragment: []byte{status200}, EndHeaders: true, EndStream: true})
			}
		}
		if err != nil {
			return err
		}
	}
}
