package sdk

import (
	"bytes"
	"log/slog"
	"testing"

	"github.com/lxzan/gws"

	"github.com/hushpush/hush/protocol"
)

func TestEachKindOfFrameIsTakenAndOthersArePassedOver(t *testing.T) {
	t.Parallel()
	for _, kind := range protocol.ServerFrameTypes() {
		if frames[kind] == nil {
			t.Errorf("frames of type %s are passed over", kind)
		}
	}
	s := newSession(slog.New(slog.DiscardHandler), nil, nil, owner{})
	for _, text := range []string{`{"type":"presence","push":{"push_id":"p"}}`, `{"type":"push"}`, `{}`, `[`, `{"type":"hello","session":"s"}`, `{"type":"hello"}`} {
		s.OnMessage(nil, &gws.Message{Opcode: gws.OpcodeText, Data: bytes.NewBufferString(text)})
	}
	if hello := <-s.hello; hello.Session != "s" {
		t.Errorf("hello is %+v, want the first one", hello)
	}
}
