package storetest

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hushpush/hush/internal/store"
	"github.com/hushpush/hush/push"
)

// World is an open store with one app, "notes", and its resource "both".
type World struct {
	*store.Store
	T      testing.TB
	Config store.Config // that it was opened with
	Engine Engine
}

// New returns a world with an empty database of an engine.
func New(t testing.TB, e Engine) *World {
	t.Helper()
	return NewWith(t, e, e.Empty(t))
}

// NewWith is New with other settings than the engine's.
func NewWith(t testing.TB, e Engine, cfg store.Config) *World {
	t.Helper()
	if cfg.DevicesPerUser == 0 {
		cfg.DevicesPerUser = 1000 // for tests of other things
	}
	if cfg.Keys == nil {
		cfg.Keys = SealedBy("k1")
	}
	w := &World{T: t, Config: cfg, Engine: e, Store: Open(t, cfg)}
	if _, _, err := w.PutApp(Context(t), "notes"); err != nil {
		t.Fatal(err)
	}
	ttl := time.Hour
	w.MustPutResource(push.Resource{App: "notes", ID: "both", APNs: &push.Strategy{TTL: &ttl}, FCM: &push.Strategy{}})
	if e.Check != nil {
		t.Cleanup(func() { e.Check(t, w.Store) })
	}
	return w
}

// Reopen closes the store and opens it again with w.Config, as another process would.
func (w *World) Reopen() {
	w.T.Helper()
	if err := w.Close(); err != nil {
		w.T.Fatal(err)
	}
	w.Store = Open(w.T, w.Config)
}

// Context returns a context that ends after a minute, or with the test.
func Context(t testing.TB) context.Context {
	c, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	t.Cleanup(cancel)
	return c
}

// MustPutResource stores a resource.
func (w *World) MustPutResource(r push.Resource) {
	w.T.Helper()
	if _, err := w.PutResource(Context(w.T), r); err != nil {
		w.T.Fatal(err)
	}
}

var counter atomic.Int64

// NewHash returns the hash of a new credential.
func NewHash() []byte {
	h := sha256.Sum256(fmt.Appendf(nil, "credential %d", counter.Add(1)))
	return h[:]
}

// AddDevice registers a device of an app and returns its credential's hash.
func (w *World) AddDevice(app, user, id string, p push.Platform) []byte {
	w.T.Helper()
	hash := NewHash()
	token := push.Secret(fmt.Sprintf("%064x", counter.Add(1)))
	r := push.Registration{DeviceID: id, Platform: p, ProviderToken: &token}
	if p == push.IOS {
		r.BundleID, r.Environment = "com.example.notes", push.Production
	} else {
		r.Package = "com.example.notes"
	}
	if _, _, err := w.Register(Context(w.T), r, app, push.Caller{User: user}, nil, hash); err != nil {
		w.T.Fatalf("register %s of %s: %v", id, user, err)
	}
	return hash
}

// PushTo returns a push of the app "notes" with the resource "both", accepted now.
func PushTo(to push.Audience, payload string) push.Push {
	return push.Push{ID: push.NewID(), App: "notes", ResourceID: "both", Payload: []byte(payload), To: to, AcceptedAt: time.Now()}
}

// ToUsers returns an audience of users.
func ToUsers(users ...string) push.Audience { return push.Audience{Users: users} }

// ToDevices returns an audience of devices.
func ToDevices(devices ...string) push.Audience { return push.Audience{Devices: devices} }

// MustAccept accepts one push, without a look at its devices.
func (w *World) MustAccept(p push.Push) push.Accepted {
	w.T.Helper()
	r := w.Accept(Context(w.T), []push.AcceptRequest{{Push: p}}, 0, nil)[0]
	if r.Err != nil {
		w.T.Fatalf("accept: %v", r.Err)
	}
	return r.Accepted
}

// AllDeliveries returns all deliveries of a push, at most 1 000.
func (w *World) AllDeliveries(id push.ID) []push.Delivery {
	w.T.Helper()
	list, next, err := w.Deliveries(Context(w.T), "notes", id, "", 1000)
	if err != nil || next != "" {
		w.T.Fatalf("deliveries: next %q, %v", next, err)
	}
	return list
}

// States returns deliveries as "device user state reason", sorted.
func States(list []push.Delivery) []string {
	out := []string{}
	for _, d := range list {
		out = append(out, fmt.Sprintf("%s %s %s %s", d.DeviceID, d.User, d.State, d.Reason))
	}
	slices.Sort(out)
	return out
}

// WantStates checks all deliveries of a push; see States.
func (w *World) WantStates(id push.ID, want ...string) {
	w.T.Helper()
	if got := States(w.AllDeliveries(id)); !slices.Equal(got, want) {
		w.T.Errorf("deliveries of the push: %q, want %q", got, want)
	}
}

// Key returns the key of a device of the app "notes".
func Key(device string) push.DeviceKey { return push.DeviceKey{App: "notes", Device: device} }

// Handle reports, as a device does, that its handler returned.
func (w *World) Handle(device string, ids ...push.ID) {
	w.T.Helper()
	_, err := w.Step(Context(w.T), push.StepRequest{Key: Key(device), Named: ids}, func(s push.Snapshot) (c push.Changes) {
		for _, d := range s.Named {
			change := d.Receive(time.Now(), s.Device.Platform, push.Receipt{PushID: d.PushID, Event: push.ReceiptHandled, Result: push.NewData, Path: push.PathInbox})
			if len(change.Events) > 0 {
				c.Deliveries = append(c.Deliveries, change)
			}
		}
		return c
	})
	if err != nil {
		w.T.Fatalf("handle on %s: %v", device, err)
	}
}
