package store_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hushpush/hush/internal/store"
	"github.com/hushpush/hush/push"
)

func TestTheWakeSecretLiesSealedAndStaysTheSame(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		first := w.WakeSecret()
		if len(first) < 32 {
			t.Fatalf("the wake secret has %d bytes", len(first))
		}
		w.reopen()
		if w.WakeSecret() != first {
			t.Error("a restart made another wake secret")
		}
		w.device("notes", "alice", "d1", push.IOS) // now there is a key
		other := w.cfg
		other.Keys = sealedBy("k2")
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		var refused *store.KeyError
		if _, err := store.Open(ctx(t), other); !errors.As(err, &refused) || refused.Stored != "k1" {
			t.Errorf("opening with another secret key: %v; want a refusal that names k1", err)
		}
		w.Store = open(t, w.cfg)
		if w.WakeSecret() != first {
			t.Error("the wake secret is another one")
		}
	})
}

func TestAWakeKeyIsKnownAsLongAsItsOwner(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		hash := w.device("notes", "alice", "d1", push.Android)
		owner := func(what, id string, want bool) push.WakeKeyOwner {
			t.Helper()
			o, err := w.WakeKeyOwner(ctx(t), id)
			if want && err != nil || !want && !errors.Is(err, push.ErrNotFound) {
				t.Errorf("%s: %+v, %v; want it known: %v", what, o, err, want)
			}
			return o
		}
		newest := func() string {
			t.Helper()
			d, err := w.Device(ctx(t), key("d1"))
			if err != nil {
				t.Fatal(err)
			}
			return d.WakeKeyID
		}
		alices := newest()
		if o := owner("alice's", alices, true); o != (push.WakeKeyOwner{DeviceKey: key("d1"), OwnerGeneration: 1}) {
			t.Errorf("alice's key is %+v's", o)
		}
		owner("an id that text cannot hold", "\x00\xff", false)
		second := secret()
		if _, _, err := w.Register(ctx(t), push.Registration{DeviceID: "d1", Platform: push.Android}, "notes", push.Caller{User: "bob"}, hash, second); err != nil {
			t.Fatal(err)
		}
		owner("alice's, once the device is bob's", alices, false)
		bobs := newest()
		if o := owner("bob's", bobs, true); o.OwnerGeneration != 2 {
			t.Errorf("bob's key is of generation %d, want 2", o.OwnerGeneration)
		}
		if err := w.Unregister(ctx(t), key("d1")); err != nil {
			t.Fatal(err)
		}
		owner("bob's, once the device is unregistered", bobs, false)
		w.device("notes", "bob", "d1", push.Android)
		again := newest()
		if again == bobs {
			t.Error("a device that registered again has its former key")
		}
		if err := w.DeleteApp(ctx(t), "notes", func() {}); err != nil {
			t.Fatal(err)
		}
		owner("of an app that was deleted", again, false)
	})
}

func TestADeviceHasABoundedNumberOfKnownKeys(t *testing.T) {
	t.Parallel()
	now := time.Now()
	w := newWorld(t, store.Config{DataDir: t.TempDir(), Now: func() time.Time { return now }})
	hash := w.device("notes", "alice", "d1", push.Android)
	var ids []string
	named := ""
	for range 15 {
		got, _, err := w.Register(ctx(t), push.Registration{DeviceID: "d1", Platform: push.Android, WakeKeyID: named}, "notes", push.Caller{}, hash, nil)
		if err != nil {
			t.Fatal(err)
		}
		named = got.Device.WakeKeyID
		ids = append(ids, named)
		now = now.Add(push.WakeKeyAge)
	}
	known := ""
	for _, id := range ids {
		if _, err := w.WakeKeyOwner(ctx(t), id); err == nil {
			known += "1"
		} else {
			known += "0"
		}
	}
	if known != "000"+strings.Repeat("1", 12) {
		t.Errorf("of 15 keys are known %s, want the newest 12", known)
	}
}

func TestATokenIsTakenOnlyFromWhoHasNotRegisteredSince(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		w.device("notes", "alice", "d1", push.Android)
		p := pushTo(toUsers("alice"), "x")
		w.accept(p)
		from := push.WakeKeyOwner{DeviceKey: key("d1"), OwnerGeneration: 1}
		for _, c := range []struct {
			name   string
			from   push.WakeKeyOwner
			madeAt time.Time
			want   bool
		}{
			{"a wake from before", from, time.Now().Add(-time.Hour), false},
			{"a former owner's", push.WakeKeyOwner{DeviceKey: key("d1")}, time.Now().Add(time.Hour), false},
			{"no device", push.WakeKeyOwner{DeviceKey: key("d2"), OwnerGeneration: 1}, time.Now().Add(time.Hour), false},
			{"a wake that came", from, time.Now().Add(time.Hour), true},
			{"again", from, time.Now().Add(time.Hour), false},
		} {
			if got, err := w.TakeToken(ctx(t), c.from, c.madeAt); got != c.want || err != nil {
				t.Errorf("%s: taken %v, %v; want %v", c.name, got, err, c.want)
			}
		}
		events := w.deliveries(p.ID)[0].Events
		if last := events[len(events)-1]; last.Event != push.EventTokenDropped || last.Reason != push.ReasonTokenMoved {
			t.Errorf("the last event is %+v, want token_dropped for token_moved", last)
		}
	})
}
