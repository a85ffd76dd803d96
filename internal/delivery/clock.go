package delivery

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/hushpush/hush/internal/pause"
)

const (
	idle     = time.Second          // a kind that rests looks at least this often: another node may have made something due
	shortest = 5 * time.Millisecond // of a rest, so that what falls due meanwhile makes one batch
	crowded  = 20 * time.Millisecond
	failing  = time.Second
)

// kind is one kind of due work: a row of the table that a clock runs. Its keys and their due times are rows of the store.
type kind struct {
	// work claims up to limit keys that are due, apps in turn, and handles them; see each and atOnce. It reports whether more is
	// due at once. With an error and no more to be done, the kind pauses.
	work func(ctx context.Context, now time.Time, limit int) (more bool, err error)

	// next returns when the next key is due, the zero time if none ever is. Without it, the kind rests for every.
	next func(ctx context.Context) (time.Time, error)

	batch  int           // keys claimed at once, at most
	room   func() int    // for how many keys there is room now; nil: for a batch
	every  time.Duration // the longest rest
	failed string        // the log line of an error of work
}

// clock runs due work. Each kind has a goroutine of its own: one that is slow, has no room or fails delays no other.
type clock struct {
	kinds  []kind  // never changes
	alarms []alarm // one for each kind
	now    func() time.Time
	log    *slog.Logger
}

func newClock(kinds []kind, now func() time.Time, log *slog.Logger) *clock {
	c := &clock{kinds: kinds, alarms: make([]alarm, len(kinds)), now: now, log: log}
	for i := range c.alarms {
		c.alarms[i].sooner = make(chan struct{}, 1)
	}
	return c
}

// run works until ctx ends, and returns when the work in progress is done.
func (c *clock) run(ctx context.Context) {
	var wg sync.WaitGroup
	for i := range c.kinds {
		wg.Go(func() { c.runKind(ctx, &c.kinds[i], &c.alarms[i]) })
	}
	wg.Wait()
}

// dueAt announces that a key of a kind, by its place in the table, is due at t; the zero time means never. Its row is
// committed.
func (c *clock) dueAt(of int, t time.Time) { c.alarms[of].set(t) }

func (c *clock) runKind(ctx context.Context, k *kind, a *alarm) {
	for ctx.Err() == nil {
		a.clear() // what is due by now is claimed, and what is committed later is told later
		limit := k.batch
		if k.room != nil {
			limit = min(limit, k.room())
		}
		if limit <= 0 {
			_ = pause.For(ctx, crowded)
			continue
		}
		more, err := k.work(ctx, c.now(), limit)
		c.warn(ctx, k.failed, err)
		switch {
		case more:
		case err != nil:
			_ = pause.For(ctx, failing)
		default:
			c.rest(ctx, k, a)
		}
	}
}

// rest waits until something of a kind may be due.
func (c *clock) rest(ctx context.Context, k *kind, a *alarm) {
	var next time.Time
	if k.next != nil {
		var err error
		if next, err = k.next(ctx); err != nil {
			c.warn(ctx, "next due time not read", err)
			_ = pause.For(ctx, failing)
			return
		}
	}
	for {
		wait := k.every
		if due := a.soonest(next); !due.IsZero() {
			wait = min(max(due.Sub(c.now()), shortest), k.every)
		}
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-t.C:
			return
		case <-a.sooner:
			t.Stop() // sooner than thought: reckon again
		}
	}
}

// warn logs an error, if there is one. While the store is away, or a key fails beside many that go on, it does so again and again:
// the logger is to ration it.
func (c *clock) warn(ctx context.Context, what string, err error) {
	if err != nil && ctx.Err() == nil {
		c.log.Warn(what, "error", err)
	}
}

// alarm is the soonest announced time at which something of a kind is due, since the kind was last claimed.
type alarm struct {
	mu     sync.Mutex
	due    dueTime       // guarded by mu
	sooner chan struct{} // has one if due became sooner
}

func (a *alarm) clear() {
	a.mu.Lock()
	a.due = dueTime{}
	a.mu.Unlock()
}

func (a *alarm) set(t time.Time) {
	a.mu.Lock()
	before := a.due
	a.due.at(t)
	sooner := a.due != before
	a.mu.Unlock()
	if sooner {
		select {
		case a.sooner <- struct{}{}:
		default:
		}
	}
}

// soonest returns the earlier of the alarm and next.
func (a *alarm) soonest(next time.Time) time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	due := a.due
	due.at(next)
	return due.Time
}

// each returns the work of a kind whose keys are claimed in a batch, apps in turn, and then handled one by one. handle reports
// whether something of its key remains due at once. A key that fails does not keep others from being handled, nor, as long as
// one of them is, the kind from going on.
func each[K any](
	claim func(ctx context.Context, now time.Time, limit int) ([]K, error),
	handle func(ctx context.Context, key K) (left bool, err error),
) func(context.Context, time.Time, int) (bool, error) {
	return func(ctx context.Context, now time.Time, limit int) (more bool, err error) {
		keys, err := claim(ctx, now, limit)
		if err != nil {
			return false, err
		}
		handled := 0
		for _, key := range keys {
			if ctx.Err() != nil {
				break
			}
			left, failed := handle(ctx, key)
			if failed == nil {
				handled++
			} else if err == nil {
				err = failed
			}
			more = more || left
		}
		return handled > 0 && (more || len(keys) == limit), err
	}
}

// atOnce returns the work of a kind whose keys are claimed and handled in one transaction of the store, which returns how many
// they were; 0 means that none is left. It may be fewer than limit although more are left, where what belongs to a key differs
// in size.
func atOnce(do func(ctx context.Context, now time.Time, limit int) (int, error)) func(context.Context, time.Time, int) (bool, error) {
	return func(ctx context.Context, now time.Time, limit int) (more bool, err error) {
		n, err := do(ctx, now, limit)
		return err == nil && n > 0, err
	}
}
