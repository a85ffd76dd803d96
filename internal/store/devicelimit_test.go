package store_test

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hushpush/hush/internal/store"
	"github.com/hushpush/hush/push"
)

// clock is a time that a test moves.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time          { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) advance(d time.Duration) { c.ahead.Add(int64(d)) }

const day = 24 * time.Hour

// onBothIn is onBoth with a clock, and with a limit of devices.
func onBothIn(t *testing.T, limit int, test func(t *testing.T, w *world, c *clock)) {
	t.Helper()
	onBoth(t, func(t *testing.T, w *world) {
		c := &clock{}
		cfg := w.cfg
		cfg.Now, cfg.DevicesPerUser = c.now, limit
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		w.Store, w.cfg = open(t, cfg), cfg
		test(t, w, c)
	})
}

func (w *world) devicesOf(user string) []string {
	w.t.Helper()
	list, _, err := w.DevicesOf(ctx(w.t), "notes", user, "", 1000)
	if err != nil {
		w.t.Fatal(err)
	}
	ids := []string{}
	for _, d := range list {
		ids = append(ids, d.ID)
	}
	return ids
}

// try registers a device of a user without a provider token, or imports it.
func (w *world) try(user, id string, imported bool) (push.Registered, error) {
	w.t.Helper()
	r := push.Registration{DeviceID: id, Platform: push.Android}
	got, _, err := w.Register(ctx(w.t), r, "notes", push.Caller{User: user, Import: imported}, nil, secret())
	return got, err
}

func (w *world) heard(id string, at time.Time) {
	w.t.Helper()
	if err := w.Heard(ctx(w.t), key(id), at); err != nil {
		w.t.Fatal(err)
	}
}

func TestANewDeviceTakesThePlaceOfTheLongestUnheard(t *testing.T) {
	t.Parallel()
	onBothIn(t, 3, func(t *testing.T, w *world, c *clock) {
		w.device("notes", "alice", "live", push.IOS)
		if _, err := w.try("alice", "tokenless", false); err != nil {
			t.Fatal(err)
		}
		w.device("notes", "alice", "livelier", push.IOS)
		w.device("notes", "bob", "bob's", push.IOS)
		p := pushTo(toUsers("alice"), "x")
		w.accept(p)
		if _, err := w.try("alice", "too soon", false); !errors.Is(err, push.ErrTooManyDevices) {
			t.Errorf("a fourth device at once: %v; want it refused", err)
		}
		if got := w.devicesOf("alice"); !slices.Equal(got, []string{"live", "livelier", "tokenless"}) {
			t.Errorf("after the refusal alice has %q; want all three", got)
		}

		c.advance(9 * day)
		w.heard("live", c.now())
		got, err := w.try("alice", "new1", false)
		if err != nil || len(got.Evicted) != 1 || got.Evicted[0] != key("tokenless") {
			t.Errorf("evicted %v, %v; want the one without a token", got.Evicted, err)
		}
		if got, err = w.try("alice", "new2", false); err != nil || len(got.Evicted) != 1 || got.Evicted[0] != key("livelier") {
			t.Errorf("evicted %v, %v; want the longest unheard", got.Evicted, err)
		}
		if _, err := w.try("alice", "new3", false); !errors.Is(err, push.ErrTooManyDevices) {
			t.Errorf("one more: %v; want it refused, as all were heard within 7 days", err)
		}
		w.wantStates(p.ID, "live alice waiting ", "livelier alice undeliverable device_limit", "tokenless alice undeliverable device_limit")
		if d := w.deliveries(p.ID)[1]; d.Events[len(d.Events)-1].Reason != push.ReasonDeviceLimit {
			t.Errorf("timeline %+v; want device_limit at its end", d.Events)
		}
		if _, err := w.Device(ctx(t), key("livelier")); !errors.Is(err, push.ErrNotFound) {
			t.Errorf("the device that made room: %v; want it unregistered", err)
		}
	})
}

func TestAnOwnerChangeCountsForTheNewOwner(t *testing.T) {
	t.Parallel()
	onBothIn(t, 1, func(t *testing.T, w *world, c *clock) {
		hash := w.device("notes", "alice", "a1", push.IOS)
		w.device("notes", "bob", "b1", push.IOS)
		take := func() (push.Registered, error) {
			r := push.Registration{DeviceID: "a1", Platform: push.IOS}
			got, _, err := w.Register(ctx(t), r, "notes", push.Caller{User: "bob"}, hash, secret())
			return got, err
		}
		if _, err := take(); !errors.Is(err, push.ErrTooManyDevices) {
			t.Errorf("bob's second device: %v; want it refused", err)
		}
		if got := w.devicesOf("alice"); len(got) != 1 {
			t.Errorf("alice has %q; want her device still", got)
		}
		c.advance(9 * day)
		if got, err := take(); err != nil || len(got.Evicted) != 1 {
			t.Errorf("evicted %v, %v; want bob's first device", got.Evicted, err)
		}
		if got := w.devicesOf("bob"); !slices.Equal(got, []string{"a1"}) {
			t.Errorf("bob has %q; want a1", got)
		}
	})
}

func TestImportedDevicesDoNotPushEachOtherOut(t *testing.T) {
	t.Parallel()
	onBothIn(t, 3, func(t *testing.T, w *world, c *clock) {
		for i := range 5 {
			if _, err := w.try("alice", fmt.Sprint("i", i), true); (err != nil) != (i >= 3) || err != nil && !errors.Is(err, push.ErrTooManyDevices) {
				t.Errorf("line %d: %v; want the first three imported, and the rest refused", i, err)
			}
		}
		c.advance(9 * day)
		if _, err := w.try("alice", "i0", true); err != nil { // what is there may always be imported again
			t.Error(err)
		}
		if got, err := w.try("alice", "new", false); err != nil || len(got.Evicted) != 1 || got.Evicted[0] != key("i0") {
			t.Errorf("evicted %v, %v; want i0: an import says nothing of the device being alive", got.Evicted, err)
		}
	})
}

func TestADeviceThatWasHeardStays(t *testing.T) {
	t.Parallel()
	onBothIn(t, 1, func(t *testing.T, w *world, c *clock) {
		w.device("notes", "alice", "a1", push.IOS)
		_, err := w.Step(ctx(t), push.StepRequest{Key: key("a1")}, func(s push.Snapshot) push.Changes {
			s.Device.HeardAt = c.now().Add(9 * day)
			return push.Changes{Device: &s.Device}
		})
		if err != nil {
			t.Fatal(err)
		}
		c.advance(9 * day)
		if _, err := w.try("alice", "new", false); !errors.Is(err, push.ErrTooManyDevices) {
			t.Errorf("a second device: %v; want it refused, as the first was heard", err)
		}
		w.heard("a1", c.now().Add(-20*day))
		if d, err := w.Device(ctx(t), key("a1")); err != nil || push.Day(d.HeardAt) != push.Day(c.now()) {
			t.Errorf("heard at %s, %v; want the last day to stay", d.HeardAt, err)
		}
	})
}

func TestUnregisteredDevicesLeaveInTheEnd(t *testing.T) {
	t.Parallel()
	onBothIn(t, 0, func(t *testing.T, w *world, c *clock) {
		for i := range 5 {
			w.device("notes", "alice", fmt.Sprint("d", i), push.IOS)
			if i > 0 {
				if err := w.Unregister(ctx(t), key(fmt.Sprint("d", i))); err != nil {
					t.Fatal(err)
				}
			}
		}
		if n, err := w.RemoveDevices(ctx(t), c.now().Add(-time.Hour), 10); n != 0 || err != nil {
			t.Errorf("removed %d, %v; want none so soon", n, err)
		}
		c.advance(31 * day)
		if got, err := w.try("alice", "d4", false); !errors.Is(err, nil) || got.Device.OwnerGeneration != 2 {
			t.Fatalf("registered again: generation %d, %v; want 2", got.Device.OwnerGeneration, err)
		}
		for _, want := range []int{2, 1, 0} {
			if n, err := w.RemoveDevices(ctx(t), c.now().Add(-30*day), 2); n != want || err != nil {
				t.Errorf("removed %d, %v; want %d", n, err, want)
			}
		}
		if got := w.devicesOf("alice"); !slices.Equal(got, []string{"d0", "d4"}) {
			t.Errorf("alice has %q; want d0 and d4", got)
		}
		if got, err := w.try("alice", "d1", false); err != nil || got.Device.OwnerGeneration != 1 {
			t.Errorf("a removed one registered again: generation %d, %v; want 1", got.Device.OwnerGeneration, err)
		}
	})
}

func TestADevicesLimitBelowZeroIsRefused(t *testing.T) {
	t.Parallel()
	if _, err := store.Open(ctx(t), store.Config{DataDir: t.TempDir(), Keys: sealedBy("k1"), DevicesPerUser: -1}); err == nil {
		t.Error("opened with a limit of -1 devices")
	}
}
