package server_test

import (
	"testing"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
	"github.com/hushpush/hush/pushtest/apnstest"
	"github.com/hushpush/hush/pushtest/hushtest"
	"github.com/hushpush/hush/sdk"
)

func TestAnAnswerThatComesAfterTheDeliveryEndedIsAnEvent(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*testing.T, *hushtest.Server, string){
		"cancelled": func(t *testing.T, hush *hushtest.Server, id string) {
			if _, err := hush.Cancel(t.Context(), hushtest.App, id); err != nil {
				t.Error(err)
			}
		},
		"unregistered": func(t *testing.T, hush *hushtest.Server, _ string) {
			if err := hush.DeleteDevice(t.Context(), hushtest.App, hush.DevicesOf(t, "alice")[0].DeviceID); err != nil {
				t.Error(err)
			}
		},
	} {
		for engine, opts := range engines(t) {
			t.Run(name+"/"+engine, func(t *testing.T) {
				t.Parallel()
				hush := hushtest.Start(t, opts(t)...)
				newPhone(t, hush, "alice", sdk.IOS)
				if _, err := hush.APNs.AddFault(apnstest.Fault{Do: "delay", Wait: 2e9 /* 2 s */}); err != nil {
					t.Fatal(err)
				}
				id := hush.Send(t, "alice", "both", "x")
				hush.WaitFor(t, id, "wake_sent", func(p protocol.Push) bool { return has(p, push.EventWakeSent) })
				end(t, hush, id)
				got := hush.WaitFor(t, id, "final", func(p protocol.Push) bool { return p.Final })
				if has(got, push.EventWakeAnswered) {
					t.Skip("the machine was too slow: the answer came before the end")
				}
				hush.WaitFor(t, id, "wake_answered", func(p protocol.Push) bool { return has(p, push.EventWakeAnswered) })
			})
		}
	}
}

// has reports whether the push's first delivery has the event.
func has(p protocol.Push, name push.EventName) bool {
	if len(p.Deliveries) > 0 {
		for _, e := range p.Deliveries[0].Events {
			if e.Event == name {
				return true
			}
		}
	}
	return false
}
