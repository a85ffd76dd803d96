package storetest

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hushpush/hush/push"
)

// Clock is a clock that a test sets.
type Clock struct{ ahead atomic.Int64 }

func (c *Clock) Now() time.Time          { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *Clock) Advance(d time.Duration) { c.ahead.Add(int64(d)) }

const day = 24 * time.Hour

// limited reopens the store with a clock and a limit of devices per user; 0 is the default.
func (w *World) limited(limit int) *Clock {
	w.T.Helper()
	c := &Clock{}
	w.Config.Now, w.Config.DevicesPerUser = c.Now, limit
	w.Reopen()
	return c
}

func (w *World) devicesOf(user string) []string {
	w.T.Helper()
	list, _, err := w.DevicesOf(Context(w.T), "notes", user, "", 1000)
	if err != nil {
		w.T.Fatal(err)
	}
	ids := []string{}
	for _, d := range list {
		ids = append(ids, d.ID)
	}
	return ids
}

// try registers a user's device without a provider token, or imports it.
func (w *World) try(user, id string, imported bool) (push.Registered, error) {
	w.T.Helper()
	r := push.Registration{DeviceID: id, Platform: push.Android}
	got, _, err := w.Register(Context(w.T), r, "notes", push.Caller{User: user, Import: imported}, nil, NewHash())
	return got, err
}

func (w *World) heard(id string, at time.Time) {
	w.T.Helper()
	if err := w.Heard(Context(w.T), Key(id), at); err != nil {
		w.T.Fatal(err)
	}
}

func (suite) ANewDeviceTakesThePlaceOfTheLongestUnheard(t *testing.T, w *World) {
	c := w.limited(3)
	w.AddDevice("notes", "alice", "live", push.IOS)
	if _, err := w.try("alice", "tokenless", false); err != nil {
		t.Fatal(err)
	}
	w.AddDevice("notes", "alice", "livelier", push.IOS)
	w.AddDevice("notes", "bob", "bob's", push.IOS)
	p := PushTo(ToUsers("alice"), "x")
	w.MustAccept(p)
	if _, err := w.try("alice", "too soon", false); !errors.Is(err, push.ErrTooManyDevices) {
		t.Errorf("a fourth device at once: %v; want it refused", err)
	}
	if got := w.devicesOf("alice"); !slices.Equal(got, []string{"live", "livelier", "tokenless"}) {
		t.Errorf("after the refusal alice has %q; want all three", got)
	}

	c.Advance(9 * day)
	w.heard("live", c.Now())
	got, err := w.try("alice", "new1", false)
	if err != nil || len(got.Evicted) != 1 || got.Evicted[0] != Key("tokenless") {
		t.Errorf("evicted %v, %v; want the one without a token", got.Evicted, err)
	}
	if got, err = w.try("alice", "new2", false); err != nil || len(got.Evicted) != 1 || got.Evicted[0] != Key("livelier") {
		t.Errorf("evicted %v, %v; want the longest unheard", got.Evicted, err)
	}
	if _, err := w.try("alice", "new3", false); !errors.Is(err, push.ErrTooManyDevices) {
		t.Errorf("one more: %v; want it refused, as all were heard within 7 days", err)
	}
	w.WantStates(p.ID, "live alice waiting ", "livelier alice undeliverable device_limit", "tokenless alice undeliverable device_limit")
	if d := w.AllDeliveries(p.ID)[1]; d.Events[len(d.Events)-1].Reason != push.ReasonDeviceLimit {
		t.Errorf("timeline %+v; want device_limit at its end", d.Events)
	}
	if _, err := w.Device(Context(t), Key("livelier")); !errors.Is(err, push.ErrNotFound) {
		t.Errorf("the device that made room: %v; want it unregistered", err)
	}
}

func (suite) AnOwnerChangeCountsForTheNewOwner(t *testing.T, w *World) {
	c := w.limited(1)
	hash := w.AddDevice("notes", "alice", "a1", push.IOS)
	w.AddDevice("notes", "bob", "b1", push.IOS)
	take := func() (push.Registered, error) {
		r := push.Registration{DeviceID: "a1", Platform: push.IOS}
		got, _, err := w.Register(Context(t), r, "notes", push.Caller{User: "bob"}, hash, NewHash())
		return got, err
	}
	if _, err := take(); !errors.Is(err, push.ErrTooManyDevices) {
		t.Errorf("bob's second device: %v; want it refused", err)
	}
	if got := w.devicesOf("alice"); len(got) != 1 {
		t.Errorf("alice has %q; want her device still", got)
	}
	c.Advance(9 * day)
	if got, err := take(); err != nil || len(got.Evicted) != 1 {
		t.Errorf("evicted %v, %v; want bob's first device", got.Evicted, err)
	}
	if got := w.devicesOf("bob"); !slices.Equal(got, []string{"a1"}) {
		t.Errorf("bob has %q; want a1", got)
	}
}

func (suite) ImportedDevicesDoNotPushEachOtherOut(t *testing.T, w *World) {
	c := w.limited(3)
	for i := range 5 {
		if _, err := w.try("alice", fmt.Sprint("i", i), true); (err != nil) != (i >= 3) || err != nil && !errors.Is(err, push.ErrTooManyDevices) {
			t.Errorf("line %d: %v; want the first three imported, and the rest refused", i, err)
		}
	}
	c.Advance(9 * day)
	if _, err := w.try("alice", "i0", true); err != nil { // what is there may always be imported again
		t.Error(err)
	}
	if got, err := w.try("alice", "new", false); err != nil || len(got.Evicted) != 1 || got.Evicted[0] != Key("i0") {
		t.Errorf("evicted %v, %v; want i0: an import says nothing of the device being alive", got.Evicted, err)
	}
}

func (suite) ADeviceThatWasHeardStays(t *testing.T, w *World) {
	c := w.limited(1)
	w.AddDevice("notes", "alice", "a1", push.IOS)
	_, err := w.Step(Context(t), push.StepRequest{Key: Key("a1")}, func(s push.Snapshot) push.Changes {
		s.Device.HeardAt = c.Now().Add(9 * day)
		return push.Changes{Device: &s.Device}
	})
	if err != nil {
		t.Fatal(err)
	}
	c.Advance(9 * day)
	if _, err := w.try("alice", "new", false); !errors.Is(err, push.ErrTooManyDevices) {
		t.Errorf("a second device: %v; want it refused, as the first was heard", err)
	}
	w.heard("a1", c.Now().Add(-20*day))
	if d, err := w.Device(Context(t), Key("a1")); err != nil || push.Day(d.HeardAt) != push.Day(c.Now()) {
		t.Errorf("heard at %s, %v; want the last day to stay", d.HeardAt, err)
	}
}

func (suite) UnregisteredDevicesLeaveInTheEnd(t *testing.T, w *World) {
	c := w.limited(0)
	for i := range 5 {
		w.AddDevice("notes", "alice", fmt.Sprint("d", i), push.IOS)
		if i > 0 {
			if err := w.Unregister(Context(t), Key(fmt.Sprint("d", i))); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n, err := w.RemoveDevices(Context(t), c.Now().Add(-time.Hour), 10); n != 0 || err != nil {
		t.Errorf("removed %d, %v; want none so soon", n, err)
	}
	c.Advance(31 * day)
	if got, err := w.try("alice", "d4", false); !errors.Is(err, nil) || got.Device.OwnerGeneration != 2 {
		t.Fatalf("registered again: generation %d, %v; want 2", got.Device.OwnerGeneration, err)
	}
	for _, want := range []int{2, 1, 0} {
		if n, err := w.RemoveDevices(Context(t), c.Now().Add(-30*day), 2); n != want || err != nil {
			t.Errorf("removed %d, %v; want %d", n, err, want)
		}
	}
	if got := w.devicesOf("alice"); !slices.Equal(got, []string{"d0", "d4"}) {
		t.Errorf("alice has %q; want d0 and d4", got)
	}
	if got, err := w.try("alice", "d1", false); err != nil || got.Device.OwnerGeneration != 1 {
		t.Errorf("a removed one registered again: generation %d, %v; want 1", got.Device.OwnerGeneration, err)
	}
}
