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
	l := &link{client: &Client{log: slog.New(slog.DiscardHandler)}, hello: make(chan protocol.ServerFrame, 1)}
	l.life.init()
	for _, text := range []string{`{"type":"presence","push":{"push_id":"p"}}`, `{"type":"push"}`, `{}`, `[`, `{"type":"hello","session":"s"}`, `{"type":"hello"}`} {
		l.OnMessage(nil, &gws.Message{Opcode: gws.OpcodeText, Data: bytes.NewBufferString(text)})
	}
	if hello := <-l.hello; hello.Session != "s" {
		t.Errorf("hello is %+v, want the first one", hello)
	}
}
