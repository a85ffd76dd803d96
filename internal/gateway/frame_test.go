package gateway

import (
	"strings"
	"testing"

	"github.com/hushpush/hush/protocol"
)

func FuzzDeviceFrame(f *testing.F) {
	f.Add([]byte(`{"type":"receipts","seq":1,"receipts":[{"push_id":"p","event":"handled","result":"new_data","path":"apns","at":"2026-01-02T15:04:05Z","took":"1s"}]}`))
	f.Add([]byte(`{"type":"state","app_state":"foreground","facts":{"a":[{"b":null}]}}`))
	f.Add([]byte(`{"type":"state","facts":{"a":"\ud800"}}`))
	f.Add([]byte(`[[[[[[[[[[[[[[[[[[[[`))
	f.Fuzz(func(t *testing.T, data []byte) {
		frame, err := parseFrame(data)
		if err != nil {
			return
		}
		if frame.Type != protocol.FrameReceipts && frame.Type != protocol.FrameState {
			t.Errorf("%q: type %q was taken", data, frame.Type)
		}
		for _, r := range frame.Receipts {
			parsed, ok := r.Parse()
			if ok && (parsed.Took < 0 || parsed.Took > protocol.MaxTook) {
				t.Errorf("%q: receipt %+v was taken", data, parsed)
			}
		}
	})
}

func TestFactsHaveOneLimitOnEveryWay(t *testing.T) {
	t.Parallel()
	for n, good := range map[int]bool{1 << 10: true, protocol.MaxFactsBytes: false} { // the braces and the name come on top
		_, err := parseFrame([]byte(`{"type":"state","facts":{"a":"` + strings.Repeat("x", n) + `"}}`))
		if (err == nil) != good {
			t.Errorf("a fact of %d bytes: error %v, want it taken %v", n, err, good)
		}
	}
}
