package gateway

import (
	"slices"
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
		if !slices.Contains(protocol.DeviceFrameTypes(), frame.Type) {
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

func TestEachKindOfFrameHasALineAndItsOwnFields(t *testing.T) {
	t.Parallel()
	if len(kinds) != len(protocol.DeviceFrameTypes()) {
		t.Errorf("%d kinds have a line, want %d", len(kinds), len(protocol.DeviceFrameTypes()))
	}
	own := map[protocol.FrameType]string{
		protocol.FrameReceipts: `"seq":1,"receipts":[{"push_id":"p","event":"received","path":"session"}]`,
		protocol.FrameState:    `"app_state":"foreground","facts":{"os_version":"18.1"}`,
	}
	for _, is := range protocol.DeviceFrameTypes() {
		if _, err := parseFrame([]byte(`{"type":"` + string(is) + `",` + own[is] + `}`)); err != nil {
			t.Errorf("%s with its own fields: %v", is, err)
		}
		for other, fields := range own {
			if _, err := parseFrame([]byte(`{"type":"` + string(is) + `",` + own[is] + `,` + fields + `}`)); other != is && err == nil {
				t.Errorf("%s with the fields of %s: no error", is, other)
			}
		}
	}
}
