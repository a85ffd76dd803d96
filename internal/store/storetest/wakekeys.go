package storetest

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hushpush/hush/internal/store"
	"github.com/hushpush/hush/push"
)

func (suite) TheWakeSecretLiesSealedAndStaysTheSame(t *testing.T, w *World) {
	first := w.WakeSecret()
	if len(first) < 32 {
		t.Fatalf("the wake secret has %d bytes", len(first))
	}
	w.Reopen()
	if w.WakeSecret() != first {
		t.Error("a restart made another wake secret")
	}
	w.AddDevice("notes", "alice", "d1", push.IOS) // now there is a key
	other := w.Config
	other.Keys = SealedBy("k2")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	var refused *store.KeyError
	if _, err := store.Open(Context(t), other); !errors.As(err, &refused) || refused.Stored != "k1" {
		t.Errorf("opening with another secret key: %v; want a refusal that names k1", err)
	}
	w.Store = Open(t, w.Config)
	if w.WakeSecret() != first {
		t.Error("the wake secret is another one")
	}
}

func (suite) AWakeKeyIsKnownAsLongAsItsOwner(t *testing.T, w *World) {
	hash := w.AddDevice("notes", "alice", "d1", push.Android)
	owner := func(what, id string, want bool) push.WakeKeyOwner {
		t.Helper()
		o, err := w.WakeKeyOwner(Context(t), id)
		if want && err != nil || !want && !errors.Is(err, push.ErrNotFound) {
			t.Errorf("%s: %+v, %v; want it known: %v", what, o, err, want)
		}
		return o
	}
	newest := func() string {
		t.Helper()
		d, err := w.Device(Context(t), Key("d1"))
		if err != nil {
			t.Fatal(err)
		}
		return d.WakeKeyID
	}
	alices := newest()
	if o := owner("alice's", alices, true); o != (push.WakeKeyOwner{DeviceKey: Key("d1"), OwnerGeneration: 1}) {
		t.Errorf("alice's key is %+v's", o)
	}
	owner("an id that text cannot hold", "\x00\xff", false)
	second := NewHash()
	if _, _, err := w.Register(Context(t), push.Registration{DeviceID: "d1", Platform: push.Android}, "notes", push.Caller{User: "bob"}, hash, second); err != nil {
		t.Fatal(err)
	}
	owner("alice's, once the device is bob's", alices, false)
	bobs := newest()
	if o := owner("bob's", bobs, true); o.OwnerGeneration != 2 {
		t.Errorf("bob's key is of generation %d, want 2", o.OwnerGeneration)
	}
	if err := w.Unregister(Context(t), Key("d1")); err != nil {
		t.Fatal(err)
	}
	owner("bob's, once the device is unregistered", bobs, false)
	w.AddDevice("notes", "bob", "d1", push.Android)
	again := newest()
	if again == bobs {
		t.Error("a device that registered again has its former key")
	}
	if err := w.DeleteApp(Context(t), "notes", func() {}); err != nil {
		t.Fatal(err)
	}
	owner("of an app that was deleted", again, false)
}

func (suite) ADeviceHasABoundedNumberOfKnownKeys(t *testing.T, w *World) {
	c := w.limited(0)
	hash := w.AddDevice("notes", "alice", "d1", push.Android)
	var ids []string
	named := ""
	for range 15 {
		got, _, err := w.Register(Context(t), push.Registration{DeviceID: "d1", Platform: push.Android, WakeKeyID: named}, "notes", push.Caller{}, hash, nil)
		if err != nil {
			t.Fatal(err)
		}
		named = got.Device.WakeKeyID
		ids = append(ids, named)
		c.Advance(push.WakeKeyAge)
	}
	known := ""
	for _, id := range ids {
		if _, err := w.WakeKeyOwner(Context(t), id); err == nil {
			known += "1"
		} else {
			known += "0"
		}
	}
	if known != "000"+strings.Repeat("1", 12) {
		t.Errorf("of 15 keys are known %s, want the newest 12", known)
	}
}

func (suite) ATokenIsTakenOnlyFromWhoHasNotRegisteredSince(t *testing.T, w *World) {
	w.AddDevice("notes", "alice", "d1", push.Android)
	p := PushTo(ToUsers("alice"), "x")
	w.MustAccept(p)
	from := push.WakeKeyOwner{DeviceKey: Key("d1"), OwnerGeneration: 1}
	for _, c := range []struct {
		name   string
		from   push.WakeKeyOwner
		madeAt time.Time
		want   bool
	}{
		{"a wake from before", from, time.Now().Add(-time.Hour), false},
		{"a former owner's", push.WakeKeyOwner{DeviceKey: Key("d1")}, time.Now().Add(time.Hour), false},
		{"no device", push.WakeKeyOwner{DeviceKey: Key("d2"), OwnerGeneration: 1}, time.Now().Add(time.Hour), false},
		{"a wake that came", from, time.Now().Add(time.Hour), true},
		{"again", from, time.Now().Add(time.Hour), false},
	} {
		if got, err := w.DropToken(Context(t), c.from, c.madeAt); got != c.want || err != nil {
			t.Errorf("%s: taken %v, %v; want %v", c.name, got, err, c.want)
		}
	}
	events := w.AllDeliveries(p.ID)[0].Events
	if last := events[len(events)-1]; last.Event != push.EventTokenDropped || last.Reason != push.ReasonTokenMoved {
		t.Errorf("the last event is %+v, want token_dropped for token_moved", last)
	}
}
