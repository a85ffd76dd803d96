package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hushpush/hush/internal/delivery"
	"github.com/hushpush/hush/internal/store"
	"github.com/hushpush/hush/internal/store/pgtest"
	"github.com/hushpush/hush/push"
)

// longWay is a store on which nothing is decided as it is accepted, or on what an earlier look left: everything is read anew.
type longWay struct{ *store.Store }

func (l longWay) Accept(ctx context.Context, r []push.AcceptRequest, lease time.Duration, _ func(push.Snapshot) push.Changes) []push.AcceptResult {
	return l.Store.Accept(ctx, r, lease, nil)
}

func (longWay) Settle(context.Context, push.Settlement) (bool, error) { return false, nil }

// shortWay counts what goes the short way.
type shortWay struct {
	*store.Store
	looked, settled atomic.Int64
}

func (s *shortWay) Accept(ctx context.Context, r []push.AcceptRequest, lease time.Duration, look func(push.Snapshot) push.Changes) []push.AcceptResult {
	results := s.Store.Accept(ctx, r, lease, look)
	for _, r := range results {
		s.looked.Add(int64(len(r.Accepted.Looked)))
	}
	return results
}

func (s *shortWay) Settle(ctx context.Context, r push.Settlement) (bool, error) {
	settled, err := s.Store.Settle(ctx, r)
	if settled {
		s.settled.Add(1)
	}
	return settled, err
}

// twin is a world with one phone, in which a script of events happens.
type twin struct {
	t      *testing.T
	script *rand.Rand
	store  *store.Store
	engine *delivery.Engine
	pushes []push.ID
	users  []string // of the pushes
	wakes  int
	turn   sync.Mutex // held while something happens: a provider's part comes after what led to it
	awaits bool       // guarded by turn; a provider is about to answer
	opens  bool       // guarded by turn; a session is opened as soon as the engine has dealt with the answer

	mu         sync.Mutex // guards all below
	now        time.Time
	session    time.Time // since when one is open; zero: none is
	sent       []string
	user       string // the phone's owner
	credential []byte
	secrets    byte
}

// plain neither seals nor derives anything.
type plain struct{}

func (plain) KeyID() string                               { return "k" }
func (plain) Knows(id string) bool                        { return id == "k" }
func (plain) Seal(b, _ []byte) ([]byte, error)            { return b, nil }
func (plain) Open(b, _ []byte) ([]byte, error)            { return b, nil }
func (plain) WakeKey(push.DeviceKey, string) push.WakeKey { return push.WakeKey{} }

var twinPhone = push.DeviceKey{App: "notes", Device: "phone"}

func (w *twin) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func newTwin(t *testing.T, cfg store.Config, seed uint64, way func(*store.Store) delivery.Store) *twin {
	t.Helper()
	w := &twin{t: t, script: rand.New(rand.NewPCG(seed, 9)), now: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC), user: "alice"}
	cfg.Now, cfg.DevicesPerUser = w.clock, 10
	cfg.Keys = func(store.KnownKeys) (store.Keys, error) { return store.Keys{Sealer: plain{}}, nil }
	var err error
	if w.store, err = store.Open(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.store.PutApp(t.Context(), "notes"); err != nil {
		t.Fatal(err)
	}
	strategy := &push.Strategy{Budget: push.Budget{Wakes: 6, Per: time.Hour, Burst: 3}, Rewake: push.Rewake{Times: 1, After: time.Minute}}
	for _, id := range []string{"r", "bare"} {
		if _, err := w.store.PutResource(t.Context(), push.Resource{App: "notes", ID: id, APNs: strategy}); err != nil {
			t.Fatal(err)
		}
		strategy = nil // a session or the inbox only
	}
	w.register("alice")
	w.engine, err = delivery.New(delivery.Config{Store: way(w.store), Sessions: w, Keys: plain{}, Workers: 4,
		Wakers: map[push.Provider]delivery.Waker{push.APNs: w}, Now: w.clock})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { w.engine.Run(ctx); close(ended) }()
	t.Cleanup(func() {
		stop()
		<-ended
		if err := w.store.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// register makes a user the phone's owner, or renews the phone with another token.
func (w *twin) register(user string) {
	w.secrets++
	token := push.Secret(fmt.Sprintf("%064x", w.secrets))
	hash := slices.Repeat([]byte{w.secrets}, 32)
	r, _, err := w.store.Register(context.Background(), push.Registration{DeviceID: "phone", Platform: push.IOS, BundleID: "b", Environment: push.Production,
		ProviderToken: &token}, "notes", push.Caller{User: user}, w.credential, hash)
	if err != nil {
		w.t.Errorf("register: %v", err)
	}
	if r.NewCredential {
		w.credential = hash
	}
	w.user = user
}

func (w *twin) Count() int { return 1 } // it is asked for each

func (w *twin) OfApp(string) []string { return []string{twinPhone.Device} }

func (w *twin) Session(push.DeviceKey) (string, time.Time, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return "s", w.session, !w.session.IsZero()
}

func (w *twin) Send(_ push.DeviceKey, _ string, items []push.Item) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, i := range items {
		w.sent = append(w.sent, string(i.(push.PushItem).ID))
	}
	return !w.session.IsZero()
}

func (w *twin) NoAck(push.DeviceKey, string) { w.open(false) }

func (w *twin) open(is bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.session = (time.Time{}); is {
		w.session = w.now
	}
}

// Wake plays the provider: things happen before it answers.
func (w *twin) Wake(context.Context, push.Device, push.Wake) (push.Answer, error) {
	w.turn.Lock()
	defer w.turn.Unlock()
	w.wakes++
	w.awaits = true
	for range w.script.IntN(3) {
		w.happen()
	}
	w.awaits = false
	refused := func(status int, e push.WakeError) (push.Answer, error) {
		return push.Answer{Provider: push.APNs, Status: status, Reason: e.Reason}, &e
	}
	switch w.script.IntN(12) {
	case 0:
		return refused(503, push.WakeError{Fault: push.FaultProvider, Reason: "ServiceUnavailable", RetryAfter: 2 * time.Second, Unclear: true})
	case 1:
		return refused(410, push.WakeError{Fault: push.FaultToken, Reason: "Unregistered"})
	case 2:
		return refused(400, push.WakeError{Fault: push.FaultSuspect, Reason: "BadDeviceToken"})
	case 3:
		return refused(400, push.WakeError{Fault: push.FaultPush, Reason: "PayloadTooLarge"})
	}
	return push.Answer{Provider: push.APNs, Status: 200}, nil
}

// happen makes one thing happen.
func (w *twin) happen() {
	switch w.script.IntN(16) {
	case 0, 1, 2, 3:
		w.accept()
	case 4, 5:
		w.receipt(push.ReceiptHandled)
	case 6:
		w.receipt(push.ReceiptReceived)
	case 7:
		if id := w.any(); id != "" {
			if _, _, err := w.store.Cancel(context.Background(), "notes", id); err != nil {
				w.t.Errorf("cancel: %v", err)
			}
		}
	case 8:
		w.register(map[string]string{"alice": "bob", "bob": "alice"}[w.user])
	case 9:
		w.register(w.user)
	case 10:
		if w.awaits { // the session's look and the answer would race, and either may be first
			w.opens = true
			return
		}
		w.open(true)
		w.engine.SessionOpened(twinPhone)
	case 11:
		w.open(false)
	default:
		w.mu.Lock()
		w.now = w.now.Add([]time.Duration{time.Millisecond, time.Second, 7 * time.Second, time.Minute, 25 * time.Minute}[w.script.IntN(5)])
		w.mu.Unlock()
	}
}

func (w *twin) any() push.ID {
	if len(w.pushes) == 0 {
		return ""
	}
	return w.pushes[len(w.pushes)-1-w.script.IntN(min(len(w.pushes), 3))]
}

func (w *twin) accept() {
	p := push.Push{ID: push.ID(fmt.Sprintf("01900000-0000-7000-8000-%012d", len(w.pushes))), App: "notes", ResourceID: "r", Payload: []byte("x"),
		To: push.Audience{Users: []string{"alice"}}, AcceptedAt: w.clock()}
	switch w.script.IntN(8) {
	case 0:
		p.TTL = new(time.Duration)
	case 1:
		p.Deliver = push.SessionOnly
	case 2:
		p.Deliver = push.WakeAlways
	case 3:
		p.CollapseKey = "k"
	case 4:
		p.ResourceID = "bare"
	case 5:
		p.To.Users[0] = "bob"
	}
	if _, err := w.engine.Accept(context.Background(), p, nil); err != nil {
		w.t.Errorf("accept: %v", err)
	}
	w.pushes, w.users = append(w.pushes, p.ID), append(w.users, p.To.Users[0])
}

func (w *twin) receipt(event push.ReceiptEvent) {
	id := w.any()
	d, err := w.store.Device(context.Background(), twinPhone)
	if id == "" || err != nil {
		return
	}
	r := push.Receipt{PushID: id, Event: event, Path: push.PathInbox}
	if event == push.ReceiptHandled {
		r.Result = push.NewData
	}
	if _, _, err := w.engine.Receive(context.Background(), d, []push.Receipt{r}); err != nil {
		w.t.Errorf("receipt: %v", err)
	}
}

// rest waits until the engine has done what can be done now: until a look comes to nothing more.
func (w *twin) rest() {
	for same := 0; same < 2; same++ {
		w.turn.Lock()
		wakes, now := w.wakes, w.clock()
		w.turn.Unlock()
		w.engine.Look(twinPhone)
		for waiting, working, _ := w.engine.InHand(); waiting+working > 0; waiting, working, _ = w.engine.InHand() {
			time.Sleep(200 * time.Microsecond)
		}
		w.turn.Lock()
		if w.opens {
			w.opens, same = false, -1
			w.open(true)
			w.engine.SessionOpened(twinPhone)
		}
		if w.wakes != wakes || !w.clock().Equal(now) {
			same = -1
		}
		w.turn.Unlock()
	}
}

// standing returns how everything stands, with ids of wakes by the order in which they came.
func (w *twin) standing() string {
	w.turn.Lock()
	defer w.turn.Unlock()
	names := map[push.ID]push.ID{"": ""}
	name := func(id push.ID) push.ID {
		if _, there := names[id]; !there {
			names[id] = push.ID(fmt.Sprint("wake", len(names)))
		}
		return names[id]
	}
	var all []any
	for i, id := range w.pushes {
		list, _, err := w.store.Deliveries(context.Background(), "notes", id, "", 10)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, d := range list {
			for j := range d.Events {
				d.Events[j].WakeID = name(d.Events[j].WakeID)
			}
			d.Row, d.EventsKept = push.Row{}, 0
			all = append(all, w.users[i], d)
		}
	}
	snap, err := w.store.PeekDevice(context.Background(), twinPhone, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	snap.Device.Wake.ID = name(snap.Device.Wake.ID)
	all = append(all, snap.Device.Wake, snap.Device.WakeTimes, snap.Device.DueAt, snap.Device.Token, snap.OpenTotal, w.sent, w.wakes)
	out := ""
	for _, a := range all {
		b, err := json.Marshal(a)
		if err != nil {
			w.t.Fatal(err)
		}
		out += string(b) + "\n"
	}
	return out
}

// TestTheShortWaysLeaveWhatTheLongWayLeaves has the same happen in two worlds: pushes, receipts, cancels, other owners, tokens and
// sessions, in any order, also while wakes are in flight. In one of them every decision reads everything anew.
func TestTheShortWaysLeaveWhatTheLongWayLeaves(t *testing.T) {
	t.Parallel()
	for engine, c := range map[string]struct {
		seeds uint64
		cfg   func(t *testing.T) store.Config
	}{
		"sqlite":   {25, func(t *testing.T) store.Config { return store.Config{DataDir: t.TempDir()} }},
		"postgres": {4, func(t *testing.T) store.Config { return store.Config{DatabaseURL: pgtest.URL(t)} }},
	} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			looked, settled := int64(0), int64(0)
			for seed := range c.seeds {
				t.Run(fmt.Sprint(seed), func(t *testing.T) {
					counted := &shortWay{}
					short := newTwin(t, c.cfg(t), seed, func(s *store.Store) delivery.Store { counted.Store = s; return counted })
					long := newTwin(t, c.cfg(t), seed, func(s *store.Store) delivery.Store { return longWay{s} })
					for step := range 30 {
						for _, w := range []*twin{short, long} {
							w.turn.Lock()
							w.happen()
							w.turn.Unlock()
							w.rest()
						}
						if got, want := short.standing(), long.standing(); got != want {
							t.Fatalf("after step %d the short way leaves\n%s\nand the long way\n%s", step, got, want)
						}
					}
					looked, settled = looked+counted.looked.Load(), settled+counted.settled.Load()
				})
			}
			if looked == 0 || settled == 0 {
				t.Errorf("%d looks and %d answers went the short way, want some of each", looked, settled)
			}
			t.Logf("%d looks and %d answers went the short way", looked, settled)
		})
	}
}

// batch accepts a push for each user, all in one request.
func (w *twin) batch(users ...string) (looked int) {
	w.t.Helper()
	pushes := make([]push.Push, len(users))
	for i, user := range users {
		pushes[i] = push.Push{ID: push.NewID(), App: "notes", ResourceID: "r", Payload: []byte("x"), To: push.Audience{Users: []string{user}}, AcceptedAt: w.clock()}
	}
	for _, r := range w.engine.AcceptBatch(w.t.Context(), pushes) {
		if r.Err != nil {
			w.t.Fatal(r.Err)
		}
		looked += len(r.Accepted.Looked)
	}
	return looked
}

func asItIs(s *store.Store) delivery.Store { return s }

// TestPushesOfABatchInSeveralTransactionsAllGoToTheSession: the store may look at a device once for each.
func TestPushesOfABatchInSeveralTransactionsAllGoToTheSession(t *testing.T) {
	t.Parallel()
	w := newTwin(t, store.Config{DataDir: t.TempDir(), BatchOps: 1}, 1, asItIs)
	w.open(true)
	if looked := w.batch("alice", "alice", "alice"); looked != 3 {
		t.Fatalf("%d pushes were looked at as they were accepted, want each", looked)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.sent) != 3 {
		t.Errorf("the session got %d pushes, want 3", len(w.sent))
	}
}

// TestABatchInTwoTransactionsAtOnce is for the race detector: with two commits in flight, the store decides on one request twice at once.
func TestABatchInTwoTransactionsAtOnce(t *testing.T) {
	t.Parallel()
	w := newTwin(t, store.Config{DatabaseURL: pgtest.URL(t)}, 1, asItIs)
	users := make([]string, 1000) // more than fit into one transaction
	devices := make([]push.ImportedDevice, len(users))
	for i := range users {
		users[i] = fmt.Sprint("user", i)
		devices[i] = push.ImportedDevice{User: users[i], Registration: push.Registration{DeviceID: users[i], Platform: push.IOS}}
	}
	for _, r := range w.store.RegisterMany(t.Context(), "notes", devices) {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	for range 3 {
		if looked := w.batch(users...); looked != len(users) {
			t.Errorf("%d pushes were looked at as they were accepted, want %d", looked, len(users))
		}
	}
}
