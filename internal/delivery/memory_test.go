package delivery

import (
	"context"
	"reflect"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hushpush/hush/push"
)

// memory is a store of devices and deliveries in memory, for the loops. What it does not have is never asked for here.
type memory struct {
	Store
	committing func() // called by Step before it decides; nil: nothing happens

	mu         sync.Mutex
	devices    map[push.DeviceKey]push.Device
	deliveries map[push.DeviceKey][]push.Delivery
	events     map[push.ID][]push.Event
	resources  map[string]push.Resource
	settles    int // tries
	settled    int // those that found everything as it was left
}

func (m *memory) Step(_ context.Context, r push.StepRequest, decide func(push.Snapshot) push.Changes) (push.Changes, error) {
	if m.committing != nil {
		m.committing()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	snap := push.Snapshot{Device: m.devices[r.Key], Resources: m.resources}
	if !slices.ContainsFunc(m.deliveries[r.Key], func(d push.Delivery) bool { return !d.WakeUntil.IsZero() }) && snap.Device.Wake.State == push.WakeSending {
		snap.Device.Wake = push.Wake{} // as the store tells that it is answered
	}
	for _, d := range m.deliveries[r.Key] {
		if !d.State.Final() {
			snap.OpenTotal++
			if len(snap.Open) < r.OpenLimit {
				snap.Open = append(snap.Open, d)
			}
		}
		if slices.Contains(r.Named, d.PushID) {
			snap.Named = append(snap.Named, d)
		}
	}
	changes := decide(snap)
	m.write(r.Key, changes)
	return changes, nil
}

func (m *memory) Settle(_ context.Context, r push.Settlement) (bool, error) {
	if m.committing != nil {
		m.committing()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.settles++
	key := r.Left.Key()
	if d := m.devices[key]; r.Changes.Device != nil && (!reflect.DeepEqual(d.Wake, r.Left.Wake) || !d.DueAt.Equal(r.Left.DueAt)) {
		return false, nil
	}
	for _, o := range r.Open {
		i := slices.IndexFunc(m.deliveries[key], func(d push.Delivery) bool { return d.PushID == o.PushID })
		if m.deliveries[key][i].State != o.State || m.deliveries[key][i].EventsKept != o.EventsKept {
			return false, nil
		}
	}
	m.write(key, r.Changes)
	m.settled++
	return true, nil
}

// write keeps changes as the store does. mu is held.
func (m *memory) write(key push.DeviceKey, changes push.Changes) {
	if changes.Device != nil {
		m.devices[key] = *changes.Device
	}
	for _, c := range changes.Deliveries {
		i := slices.IndexFunc(m.deliveries[key], func(d push.Delivery) bool { return d.PushID == c.Delivery.PushID })
		keep, _ := push.KeepEvents(c.Delivery.EventsKept, c.Events)
		c.Delivery.EventsKept += len(keep)
		m.deliveries[key][i] = c.Delivery
		m.events[c.Delivery.PushID] = append(m.events[c.Delivery.PushID], keep...)
	}
}

// sockets are the sessions of a node.
type sockets struct {
	mu   sync.Mutex
	open map[push.DeviceKey]time.Time
	sent []push.ID
}

func (s *sockets) Session(key push.DeviceKey) (id string, since time.Time, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	since, ok = s.open[key]
	return "s", since, ok
}

func (s *sockets) Count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

func (s *sockets) OfApp(app string) (devices []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key := range s.open {
		if key.App == app {
			devices = append(devices, key.Device)
		}
	}
	return devices
}

func (s *sockets) Send(key push.DeviceKey, _ string, items []push.Item) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.open[key]; !ok {
		return false
	}
	for _, item := range items {
		s.sent = append(s.sent, item.(push.PushItem).ID)
	}
	return true
}

func (s *sockets) NoAck(key push.DeviceKey, _ string) { s.set(key, false) }

func (s *sockets) set(key push.DeviceKey, open bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if delete(s.open, key); open {
		s.open[key] = time.Now()
	}
}

// wakerFunc is a provider.
type wakerFunc func(push.Wake) (push.Answer, error)

func (f wakerFunc) Wake(_ context.Context, _ push.Device, w push.Wake) (push.Answer, error) {
	return f(w)
}

type noKeys struct{}

func (noKeys) WakeKey(push.DeviceKey, string) push.WakeKey { return push.WakeKey{} }

// node is an engine over a memory with one phone, and one push that waits for it.
type node struct {
	*Engine
	store   *memory
	sockets *sockets
	phone   push.DeviceKey
	push    push.ID
}

func newNode(t *testing.T, waker wakerFunc, change ...func(*push.Delivery)) *node {
	t.Helper()
	n := &node{phone: push.DeviceKey{App: "notes", Device: "phone"}, push: push.NewID()}
	d := push.Delivery{PushID: n.push, App: "notes", DeviceID: "phone", ResourceID: "r", State: push.Waiting, Generation: 1,
		AcceptedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour)}
	for _, c := range change {
		c(&d)
	}
	n.store = &memory{
		devices: map[push.DeviceKey]push.Device{n.phone: {App: "notes", ID: "phone", User: "alice", Platform: push.IOS, Token: push.TokenOK,
			ProviderToken: "00fc", OwnerGeneration: 1, TokenGeneration: 1}},
		deliveries: map[push.DeviceKey][]push.Delivery{n.phone: {d}},
		events:     map[push.ID][]push.Event{},
		resources: map[string]push.Resource{"r": {ID: "r", APNs: &push.Strategy{Budget: push.Budget{Wakes: 3, Per: time.Hour, Burst: 2},
			Rewake: push.Rewake{Times: 1, After: time.Minute}}}},
	}
	n.sockets = &sockets{open: map[push.DeviceKey]time.Time{}}
	e, err := New(Config{Store: n.store, Sessions: n.sockets, Wakers: map[push.Provider]Waker{push.APNs: waker}, Keys: noKeys{}})
	if err != nil {
		t.Fatal(err)
	}
	n.Engine = e
	return n
}

// delivery is how the one push stands on the one phone.
func (n *node) delivery() push.Delivery {
	n.store.mu.Lock()
	defer n.store.mu.Unlock()
	return n.store.deliveries[n.phone][0]
}

func taken(push.Wake) (push.Answer, error) { return push.Answer{Provider: push.APNs, Status: 200}, nil }

func TestASessionOpenedBeforeTheCommitGetsThePushAndTheWakeIsNotSent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		woken := 0
		n := newNode(t, func(w push.Wake) (push.Answer, error) { woken++; return taken(w) })
		n.store.committing = func() { n.sockets.set(n.phone, true) } // the node was asked before
		n.visit(t.Context(), n.phone, true)
		if d := n.delivery(); d.State != push.Sent || d.Path != push.PathSession || !slices.Equal(n.sockets.sent, []push.ID{n.push}) {
			t.Errorf("the push is %s by %q, and the session got %v; want it sent by the session", d.State, d.Path, n.sockets.sent)
		}
		if w := n.store.devices[n.phone]; woken != 0 || w.Wake.State != push.WakeNone || len(w.WakeTimes) != 0 {
			t.Errorf("%d wakes were sent, %d counted, and %+v is in flight; want none", woken, len(w.WakeTimes), w.Wake)
		}
		if !slices.ContainsFunc(n.store.events[n.push], func(e push.Event) bool { return e.Event == push.EventWakeFailed && e.Error == push.FailureNotSent }) {
			t.Errorf("the timeline has %+v; want it to say that the wake was not sent", n.store.events[n.push])
		}
	})
}

func TestAWakeThatIsWantedBesideASessionIsSentThoughOneWasOpened(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		woken := 0
		n := newNode(t, func(w push.Wake) (push.Answer, error) { woken++; return taken(w) }, func(d *push.Delivery) { d.Deliver = push.WakeAlways })
		n.store.committing = func() { n.sockets.set(n.phone, true) }
		n.visit(t.Context(), n.phone, true)
		if d := n.delivery(); woken != 1 || d.State != push.Sent || d.Path != push.PathAPNs || len(n.store.devices[n.phone].WakeTimes) != 1 {
			t.Errorf("%d wakes were sent, %d counted, the push is %s by %q; want one, counted, and it sent by apns",
				woken, len(n.store.devices[n.phone].WakeTimes), d.State, d.Path)
		}
	})
}

func TestALookDecidedByFormerCredentialsIsLookedAtAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, taken)
		who := sender{"notes", push.APNs}
		n.node.senders.record(time.Now(), who, &push.Device{}, &outcome{err: &push.WakeError{Fault: push.FaultQuota, RetryAfter: time.Hour}})
		time.Sleep(time.Second)
		n.store.committing = func() { n.node.senders.forget(time.Now(), who) }
		n.visit(t.Context(), n.phone, true)
		if d := n.delivery(); d.Reason != push.ReasonQuota {
			t.Fatalf("the push waits for %q; want the former credentials' quota", d.Reason)
		}
		if waiting, _ := n.Waiting(); waiting != 1 {
			t.Errorf("%d devices wait for a look, want the phone: its credentials are new", waiting)
		}
	})
}

func TestAWakeThatWasDecidedTooLongAgoIsDecidedAnew(t *testing.T) {
	t.Parallel()
	for wait, want := range map[time.Duration]int{time.Second: 1, time.Minute: 1, 2 * time.Hour: 0} { // it expires after an hour
		synctest.Test(t, func(t *testing.T) {
			woken := 0
			n := newNode(t, func(w push.Wake) (push.Answer, error) { woken++; return taken(w) })
			f, err := n.freshFor(t.Context(), []push.AcceptRequest{{Push: push.Push{App: "notes"}}})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := n.store.Step(t.Context(), push.StepRequest{Key: n.phone, OpenLimit: 1}, f.look); err != nil {
				t.Fatal(err)
			}
			n.follow(f, n.push, []push.DeviceKey{n.phone})
			time.Sleep(wait)
			n.visit(t.Context(), n.phone, true)
			if counted := len(n.store.devices[n.phone].WakeTimes); woken != want || counted != want {
				t.Errorf("after %s, %d wakes were sent and %d counted; want %d", wait, woken, counted, want)
			}
		})
	}
}

func TestAWakeThatFindsNoRoomInMemoryIsLeftToItsRow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, taken)
		n.queue.room = 0
		f, err := n.freshFor(t.Context(), []push.AcceptRequest{{Push: push.Push{App: "notes"}}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := n.store.Step(t.Context(), push.StepRequest{Key: n.phone, OpenLimit: 1}, f.look); err != nil {
			t.Fatal(err)
		}
		n.follow(f, n.push, []push.DeviceKey{n.phone})
		if _, left := n.todo.pop(n.phone); left {
			t.Error("what was decided is kept though nobody will do it; want it forgotten")
		}
		if until := n.delivery().WakeUntil; !until.Equal(time.Now().Add(wakeLease)) {
			t.Errorf("the wake is in flight until %v, want the end of its lease", until)
		}
	})
}
