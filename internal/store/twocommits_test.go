package store_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/hushpush/hush/internal/store"
	"github.com/hushpush/hush/internal/store/pgtest"
	"github.com/hushpush/hush/push"
)

// TestTwoCommitsInFlightDecideOneAfterTheOther has a push accepted for many devices while a transaction that has just counted wakes for
// the same ones has not committed. The second has to wait for it, and then finds wakes in flight.
func TestTwoCommitsInFlightDecideOneAfterTheOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t, store.Config{DatabaseURL: pgtest.URL(t)})
	const many = 300 // more than waits for the first committer
	users := make([]string, many)
	devices := make([]push.ImportedDevice, many)
	for i := range users {
		users[i] = fmt.Sprint("u", i)
		devices[i] = push.ImportedDevice{User: users[i], Registration: push.Registration{DeviceID: fmt.Sprint("d", i), Platform: push.IOS}}
	}
	for _, r := range w.RegisterMany(ctx(t), "notes", devices) {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	now := time.Now().UTC().Truncate(time.Microsecond)
	pushes := []push.Push{pushTo(toUsers(users...), `{"n":1}`), pushTo(toUsers(users...), `{"n":2}`)}
	inside, goOn := make(chan struct{}), make(chan struct{})
	var once sync.Once
	looks := []func(push.Snapshot) push.Changes{func(s push.Snapshot) push.Changes {
		once.Do(func() { close(inside); <-goOn })
		return wakeAll(now)(s)
	}, wakeAll(now)}
	results := make([]push.AcceptResult, 2)
	var wg sync.WaitGroup
	accept := func(i int) {
		results[i] = w.Accept(ctx(t), []push.AcceptRequest{{Push: pushes[i]}}, time.Minute, looks[i])[0]
	}
	wg.Go(func() { accept(0) })
	<-inside
	wg.Go(func() { accept(1) })
	for waits := 0; waits == 0; {
		var err error
		if waits, err = w.LocksWaitedFor(ctx(t)); err != nil {
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
		snap, err := w.PeekDevice(ctx(t), key(fmt.Sprint("d", i)), 10)
		if err != nil || len(snap.Open) != 2 || len(snap.Device.WakeTimes) != 1 || snap.Open[0].State != push.Sent || snap.Open[1].State != push.Waiting {
			t.Errorf("device %d: %+v, %v; want one wake counted, and the second push waiting", i, snap, err)
		}
	}
}
