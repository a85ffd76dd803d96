package store_test

import (
	"testing"

	"github.com/hushpush/hush/push"
)

func TestAcceptMakesADeliveryPerDeviceAndOnePerUserWithoutAny(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		w.device("notes", "alice", "a1", push.IOS)
		w.device("notes", "alice", "a2", push.Android)
		p := pushTo(toUsers("alice", "bob", "alice"), "x")
		got := w.accept(p)
		if got.Deliveries != 3 || len(got.Devices) != 2 || len(got.Warnings) != 1 || got.Warnings[0].User != "bob" {
			t.Errorf("accepted: %+v; want 3 deliveries, 2 devices, a warning for bob", got)
		}
		w.wantStates(p.ID, " bob waiting no_device", "a1 alice waiting ", "a2 alice waiting ")
		w.handle("a1", p.ID)
		w.wantStates(p.ID, " bob waiting no_device", "a1 alice handled ", "a2 alice waiting ")
	})
}
