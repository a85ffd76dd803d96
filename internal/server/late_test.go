package server_test

import (
	"testing"
	"time"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
	"github.com/hushpush/hush/pushtest/apnstest"
	"github.com/hushpush/hush/pushtest/hushtest"
	"github.com/hushpush/hush/sdk"
)

func TestAnAnswerThatComesAfterTheDeliveryEndedIsAnEvent(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(t *testing.T, hush *hushtest.Server, id, user string){
		"cancelled": func(t *testing.T, hush *hushtest.Server, id, _ string) {
			if _, err := hush.Cancel(t.Context(), hushtest.App, id); err != nil {
				t.Error(err)
			}
		},
		"unregistered": func(t *testing.T, hush *hushtest.Server, _, user string) {
			if err := hush.DeleteDevice(t.Context(), hushtest.App, hush.DevicesOf(t, user)[0].DeviceID); err != nil {
				t.Error(err)
			}
		},
	} {
		for engine, opts := range engines(t) {
			t.Run(name+"/"+engine, func(t *testing.T) {
				t.Parallel()
				hush := hushtest.Start(t, opts(t)...)
				var id string
				// The answer must be slower than the end, and less than 10 s, after which a wake is given up. A busy machine may need
				// more than the first of these.
				for wait := time.Second; ; wait *= 2 {
					if wait > 8*time.Second {
						t.Fatal("no answer came after the end; want one that does")
					}
					user := wait.String()
					newPhone(t, hush, user, sdk.IOS)
					if _, err := hush.APNs.AddFault(apnstest.Fault{Do: "delay", Wait: apnstest.Wait(wait)}); err != nil {
						t.Fatal(err)
					}
					id = hush.Send(t, user, "both", "x")
					hush.WaitFor(t, id, "wake_sent", func(p protocol.Push) bool { return has(p, push.EventWakeSent) })
					end(t, hush, id, user)
					got := hush.WaitFor(t, id, "final", func(p protocol.Push) bool { return p.Final })
					if !has(got, push.EventWakeAnswered) {
						break
					}
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
