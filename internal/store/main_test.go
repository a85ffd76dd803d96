package store_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hushpush/hush/internal/store"
	"github.com/hushpush/hush/internal/store/pgtest"
	"github.com/hushpush/hush/push"
)

func TestMain(m *testing.M) {
	if os.Getenv(crashDirEnv) != "" || os.Getenv(crashURLEnv) != "" {
		writeUntilKilled()
	}
	os.Exit(pgtest.Main(m))
}

// plainSealer marks what is sealed, so that a test can look for what is not; and binds it to its row, as a real one does.
type plainSealer struct{ key string }

// sealedBy is Config.Keys of a process that has the key of this id, and no root key.
func sealedBy(key string) func(store.KnownKeys) (store.Keys, error) {
	return func(store.KnownKeys) (store.Keys, error) { return store.Keys{Sealer: plainSealer{key}}, nil }
}

func (p plainSealer) KeyID() string { return p.key }

func (p plainSealer) Knows(id string) bool { return id == p.key }

func (p plainSealer) mark(additional []byte) []byte {
	h := sha256.Sum256(append([]byte(p.key), additional...))
	return h[:]
}

func (p plainSealer) Seal(plain, additional []byte) ([]byte, error) {
	out := p.mark(additional)
	for _, b := range plain {
		out = append(out, b^0x55)
	}
	return out, nil
}

func (p plainSealer) Open(sealed, additional []byte) ([]byte, error) {
	if len(sealed) < 32 || !slices.Equal(sealed[:32], p.mark(additional)) {
		return nil, errors.New("sealed for another row, or by another key")
	}
	plain := make([]byte, 0, len(sealed)-32)
	for _, b := range sealed[32:] {
		plain = append(plain, b^0x55)
	}
	return plain, nil
}

// world is a store of one engine with one app, "notes", and its resource "both".
type world struct {
	*store.Store
	t   testing.TB
	cfg store.Config
}

// onBoth runs a test on both engines, each with a database of its own.
func onBoth(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, newWorld(t, store.Config{DataDir: t.TempDir()}))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, newWorld(t, store.Config{DatabaseURL: pgtest.URL(t)}))
	})
}

// onNodes runs a test on two nodes: of one PostgreSQL database; on SQLite, where there is one node, twice that one.
func onNodes(t *testing.T, test func(t *testing.T, nodes []*world)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		w := newWorldOnSQLite(t)
		test(t, []*world{w, w})
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, store.Config{DatabaseURL: pgtest.URL(t)}.Shared())
		test(t, []*world{w, {t: t, cfg: w.cfg, Store: open(t, w.cfg)}})
	})
}

func newWorldOnSQLite(t testing.TB) *world { return newWorld(t, store.Config{DataDir: t.TempDir()}) }

func newWorld(t testing.TB, cfg store.Config) *world {
	t.Helper()
	if cfg.DevicesPerUser == 0 {
		cfg.DevicesPerUser = 1000 // for tests of other things
	}
	if cfg.Keys == nil {
		cfg.Keys = sealedBy("k1")
	}
	w := &world{t: t, cfg: cfg, Store: open(t, cfg)}
	if _, _, err := w.PutApp(ctx(t), "notes"); err != nil {
		t.Fatal(err)
	}
	ttl := time.Hour
	w.putResource(push.Resource{App: "notes", ID: "both", APNs: &push.Strategy{TTL: &ttl}, FCM: &push.Strategy{}})
	t.Cleanup(func() {
		if n, err := w.OpenWithoutTime(context.Background()); err == nil && n > 0 {
			t.Errorf("%d deliveries are open on devices without a due time", n)
		}
	})
	return w
}

func open(t testing.TB, cfg store.Config) *store.Store {
	t.Helper()
	s, err := store.Open(ctx(t), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

// reopen closes the store and opens it again, as another process.
func (w *world) reopen() {
	w.t.Helper()
	if err := w.Close(); err != nil {
		w.t.Fatal(err)
	}
	w.Store = open(w.t, w.cfg)
}

func ctx(t testing.TB) context.Context {
	c, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	t.Cleanup(cancel)
	return c
}

func (w *world) putResource(r push.Resource) {
	w.t.Helper()
	if _, err := w.PutResource(ctx(w.t), r); err != nil {
		w.t.Fatal(err)
	}
}

var counter atomic.Int64

// secret is a fresh hash of a credential.
func secret() []byte {
	h := sha256.Sum256(fmt.Appendf(nil, "credential %d", counter.Add(1)))
	return h[:]
}

// device registers a device of an app and answers its credential's hash.
func (w *world) device(app, user, id string, p push.Platform) []byte {
	w.t.Helper()
	hash := secret()
	token := push.Secret(fmt.Sprintf("%064x", counter.Add(1)))
	r := push.Registration{DeviceID: id, Platform: p, ProviderToken: &token}
	if p == push.IOS {
		r.BundleID, r.Environment = "com.example.notes", push.Production
	} else {
		r.Package = "com.example.notes"
	}
	if _, _, err := w.Register(ctx(w.t), r, app, push.Caller{User: user}, nil, hash); err != nil {
		w.t.Fatalf("register %s of %s: %v", id, user, err)
	}
	return hash
}

// pushTo is a push of the app "notes" under "both", accepted now.
func pushTo(to push.Audience, payload string) push.Push {
	return push.Push{ID: push.NewID(), App: "notes", ResourceID: "both", Payload: []byte(payload), To: to, AcceptedAt: time.Now()}
}

func toUsers(users ...string) push.Audience     { return push.Audience{Users: users} }
func toDevices(devices ...string) push.Audience { return push.Audience{Devices: devices} }

// accept accepts one push and wants it accepted.
func (w *world) accept(p push.Push) push.Accepted {
	w.t.Helper()
	r := w.Accept(ctx(w.t), []push.AcceptRequest{{Push: p}}, 0, nil)[0]
	if r.Err != nil {
		w.t.Fatalf("accept: %v", r.Err)
	}
	return r.Accepted
}

// deliveries are all deliveries of a push.
func (w *world) deliveries(id push.ID) []push.Delivery {
	w.t.Helper()
	list, next, err := w.Deliveries(ctx(w.t), "notes", id, "", 1000)
	if err != nil || next != "" {
		w.t.Fatalf("deliveries: next %q, %v", next, err)
	}
	return list
}

// states writes deliveries down as "device user state reason".
func states(list []push.Delivery) []string {
	out := []string{}
	for _, d := range list {
		out = append(out, fmt.Sprintf("%s %s %s %s", d.DeviceID, d.User, d.State, d.Reason))
	}
	slices.Sort(out)
	return out
}

func (w *world) wantStates(id push.ID, want ...string) {
	w.t.Helper()
	if got := states(w.deliveries(id)); !slices.Equal(got, want) {
		w.t.Errorf("deliveries of the push: %q, want %q", got, want)
	}
}

func key(device string) push.DeviceKey { return push.DeviceKey{App: "notes", Device: device} }

// handle has a device report that its handler returned.
func (w *world) handle(device string, ids ...push.ID) {
	w.t.Helper()
	_, err := w.Step(ctx(w.t), push.StepRequest{Key: key(device), Named: ids}, func(s push.Snapshot) (c push.Changes) {
		for _, d := range s.Named {
			change := d.Receive(time.Now(), s.Device.Platform, push.Receipt{PushID: d.PushID, Event: push.ReceiptHandled, Result: push.NewData, Path: push.PathInbox})
			if len(change.Events) > 0 {
				c.Deliveries = append(c.Deliveries, change)
			}
		}
		return c
	})
	if err != nil {
		w.t.Fatalf("handle on %s: %v", device, err)
	}
}
