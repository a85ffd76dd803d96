package store_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/hushpush/hush/internal/store"
	"github.com/hushpush/hush/internal/store/pgtest"
	"github.com/hushpush/hush/internal/store/storetest"
	"github.com/hushpush/hush/push"
)

// TestTwoCommitsInFlightDecideOneAfterTheOther accepts a push for many devices while a transaction that has counted wakes for the same
// devices has not committed. The second transaction has to wait for the first, and then finds the wakes in flight.
func TestTwoCommitsInFlightDecideOneAfterTheOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t, store.Config{DatabaseURL: pgtest.URL(t)})
	const many = 300 // so many that the second committer takes them
	users := make([]string, many)
	devices := make([]push.ImportedDevice, many)
	for i := range users {
		users[i] = fmt.Sprint("u", i)
		devices[i] = push.ImportedDevice{User: users[i], Registration: push.Registration{DeviceID: fmt.Sprint("d", i), Platform: push.IOS}}
	}
	for _, r := range w.RegisterMany(storetest.Context(t), "notes", devices) {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	now := time.Now().UTC().Truncate(time.Microsecond)
	pushes := []push.Push{storetest.PushTo(storetest.ToUsers(users...), `{"n":1}`), storetest.PushTo(storetest.ToUsers(users...), `{"n":2}`)}
	inside, goOn := make(chan struct{}), make(chan struct{})
	var once sync.Once
	looks := []func(push.Snapshot) push.Changes{func(s push.Snapshot) push.Changes {
		once.Do(func() { close(inside); <-goOn })
		return storetest.WakeAll(now)(s)
	}, storetest.WakeAll(now)}
	results := make([]push.AcceptResult, 2)
	var wg sync.WaitGroup
	accept := func(i int) {
		results[i] = w.Accept(storetest.Context(t), []push.AcceptRequest{{Push: pushes[i]}}, time.Minute, looks[i])[0]
	}
	wg.Go(func() { accept(0) })
	<-inside
	wg.Go(func() { accept(1) })
	for waits := 0; waits == 0; {
		var err error
		if waits, err = w.LocksWaitedFor(storetest.Context(t)); err != nil {
			t.Fatal(err)
		}
	}
	close(goOn)
	wg.Wait()
	for i, looked := range []int{many, 0} {
		if r := results[i]; r.Err != nil || r.Accepted.Deliveries != many || len(r.Accepted.Looked) != looked {
			t.Errorf("push %d: %d deliveries, %d looked at, %v; want %d and %d", i, r.Accepted.Deliveries, len(r.Accepted.Looked), r.Err, many, looked)
		}
	}
	for i := range 3 {
		snap, err := w.PeekDevice(storetest.Context(t), storetest.Key(fmt.Sprint("d", i)), 10)
		if err != nil || len(snap.Open) != 2 || len(snap.Device.WakeTimes) != 1 || snap.Open[0].State != push.Sent || snap.Open[1].State != push.Waiting {
			t.Errorf("device %d: %+v, %v; want one wake counted, and the second push waiting", i, snap, err)
		}
	}
}

// TestABroadcastWaitsForNobodyWhileItHasARange locks a device of the second range in another transaction, which might wait for one of the
// first range.
func TestABroadcastWaitsForNobodyWhileItHasARange(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	clock := &storetest.Clock{}
	w := newWorld(t, store.Config{DatabaseURL: url, Now: clock.Now})
	register := func(id string, n int) {
		devices := make([]push.ImportedDevice, n)
		for i := range devices {
			devices[i] = push.ImportedDevice{User: "alice", Registration: push.Registration{DeviceID: fmt.Sprint(id, i), Platform: push.IOS}}
			if n > 1 {
				devices[i].User = fmt.Sprint("u", i)
			}
		}
		for _, r := range w.RegisterMany(storetest.Context(t), "notes", devices) {
			if r.Err != nil {
				t.Fatal(r.Err)
			}
		}
	}
	register("first", 1)
	p := storetest.PushTo(push.Audience{All: true}, "x")
	clock.Advance(time.Hour) // the other devices of the first range are too new for the push, so that it is made quickly
	register("new", 999)
	clock.Advance(-2 * time.Hour)
	register("locked", 1)
	clock.Advance(time.Hour)
	w.MustAccept(p)
	other, err := pgx.Connect(storetest.Context(t), url)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close(storetest.Context(t))
	if _, err := other.Exec(storetest.Context(t), "SET idle_in_transaction_session_timeout = 20000; BEGIN"); err != nil {
		t.Fatal(err)
	}
	if _, err := other.Exec(storetest.Context(t), "SELECT 1 FROM devices WHERE id = 'locked0' FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	piece := func() bool {
		t.Helper()
		_, done, err := w.Expand(storetest.Context(t), push.PushRef{App: "notes", ID: p.ID}, clock.Now(), 2000, 0)
		if err != nil {
			t.Fatal(err)
		}
		return done
	}
	if piece() {
		t.Error("the broadcast is made though a device is locked")
	}
	if _, err := other.Exec(storetest.Context(t), "COMMIT"); err != nil {
		t.Fatal(err)
	}
	if !piece() || len(w.AllDeliveries(p.ID)) != 2 {
		t.Errorf("the broadcast has %d deliveries, want 2", len(w.AllDeliveries(p.ID)))
	}
}
