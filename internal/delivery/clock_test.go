package delivery

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hushpush/hush/internal/pause"
)

// worked notes when a kind was worked on, from the start of its bubble.
type worked struct {
	start  time.Time
	mu     sync.Mutex
	at     []time.Duration
	limits []int
}

func newWorked() *worked { return &worked{start: time.Now()} }

// work is that of a kind on which nothing is ever due.
func (w *worked) work(_ context.Context, now time.Time, limit int) (more bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.at, w.limits = append(w.at, now.Sub(w.start)), append(w.limits, limit); len(w.at) > 1000 {
		time.Sleep(time.Hour) // its bubble's time stands still otherwise
	}
	return false, nil
}

func (w *worked) want(t *testing.T, what string, want ...time.Duration) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Equal(w.at, want) {
		t.Errorf("%s is worked on after %v, want %v", what, w.at, want)
	}
}

// startClock runs a clock of these kinds in a bubble until stop is called, which waits for it.
func startClock(t *testing.T, log *strings.Builder, kinds ...kind) (c *clock, stop func()) {
	t.Helper()
	for i := range kinds {
		if kinds[i].every == 0 {
			kinds[i].every = time.Hour
		}
		if kinds[i].batch == 0 {
			kinds[i].batch = 10
		}
	}
	c = newClock(kinds, time.Now, slog.New(slog.NewTextHandler(log, nil)))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.run(ctx)
	}()
	synctest.Wait()
	return c, func() { cancel(); <-done }
}

// afterTime is a next that returns the first of these times, from the start of the bubble, that has not passed.
func afterTime(times ...time.Duration) func(context.Context) (time.Time, error) {
	start := time.Now()
	return func(context.Context) (time.Time, error) {
		for _, d := range times {
			if at := start.Add(d); at.After(time.Now()) {
				return at, nil
			}
		}
		return time.Time{}, nil
	}
}

func TestAKindRestsUntilItsNextIsDue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorked()
		_, stop := startClock(t, new(strings.Builder), kind{work: w.work, next: afterTime(300*time.Millisecond, 2*time.Minute)})
		time.Sleep(time.Hour - 1)
		stop()
		w.want(t, "the kind", 0, 300*time.Millisecond, 2*time.Minute)
	})
}

func TestAKindRestsNoLongerThanItsLongestRest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		knows, knowsNothing := newWorked(), newWorked()
		_, stop := startClock(t, new(strings.Builder),
			kind{work: knows.work, next: afterTime(time.Hour), every: time.Minute}, kind{work: knowsNothing.work, every: time.Minute})
		time.Sleep(2*time.Minute + 1)
		stop()
		knows.want(t, "what is due in an hour", 0, time.Minute, 2*time.Minute)
		knowsNothing.want(t, "what has no next", 0, time.Minute, 2*time.Minute)
	})
}

func TestWhatIsStillDueAfterItWasClaimedIsNotAskedForWithoutARest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorked() // as if another node had the rows locked
		_, stop := startClock(t, new(strings.Builder), kind{work: w.work, next: func(context.Context) (time.Time, error) { return time.Now(), nil }})
		time.Sleep(2*shortest + 1)
		stop()
		w.want(t, "the kind", 0, shortest, 2*shortest)
	})
}

func TestAPokeEndsARestAtItsTime(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		pokes []time.Duration // all told after a second
		want  []time.Duration
	}{
		"sooner than thought":       {[]time.Duration{30 * time.Second}, []time.Duration{0, 30 * time.Second, time.Minute}},
		"the soonest of many":       {[]time.Duration{40 * time.Second, 20 * time.Second, 50 * time.Second}, []time.Duration{0, 20 * time.Second, time.Minute}},
		"later than thought":        {[]time.Duration{2 * time.Minute}, []time.Duration{0, time.Minute}},
		"never":                     {[]time.Duration{-1}, []time.Duration{0, time.Minute}},
		"many that are due at once": {[]time.Duration{time.Second, time.Second, time.Second}, []time.Duration{0, time.Second + shortest, time.Minute}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, other := newWorked(), newWorked()
				c1, stop := startClock(t, new(strings.Builder), kind{work: other.work, next: afterTime(time.Minute)}, kind{work: w.work, next: afterTime(time.Minute)})
				time.Sleep(time.Second)
				for _, at := range c.pokes {
					due := time.Time{}
					if at > 0 {
						due = w.start.Add(at)
					}
					c1.dueAt(1, due)
				}
				time.Sleep(time.Minute)
				stop()
				w.want(t, "the kind", c.want...)
				other.want(t, "another kind", 0, time.Minute)
			})
		})
	}
}

func TestAPokeWhileAKindIsWorkedOnIsNotLost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorked()
		var c *clock
		c, stop := startClock(t, new(strings.Builder), kind{work: func(ctx context.Context, now time.Time, limit int) (bool, error) {
			time.Sleep(time.Second)
			return w.work(ctx, now, limit)
		}})
		c.dueAt(0, w.start.Add(500*time.Millisecond)) // committed after the claim has read
		time.Sleep(time.Minute)
		stop()
		w.want(t, "the kind", 0, time.Second+shortest)
	})
}

func TestAKindOfWhichMoreIsDueGoesOnAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, left := newWorked(), 25
		work := atOnce(func(ctx context.Context, now time.Time, limit int) (int, error) {
			n := min(left, limit)
			left -= n
			_, err := w.work(ctx, now, limit)
			return n, err
		})
		_, stop := startClock(t, new(strings.Builder), kind{work: work})
		time.Sleep(time.Minute)
		stop()
		w.want(t, "the kind", 0, 0, 0, 0)
	})
}

func TestAKindThatIsSlowHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow := kind{work: func(ctx context.Context, _ time.Time, _ int) (bool, error) {
			_ = pause.For(ctx, 10*time.Minute)
			return true, nil
		}}
		w := newWorked()
		_, stop := startClock(t, new(strings.Builder), slow, kind{work: w.work, every: time.Minute})
		time.Sleep(2*time.Minute + 1)
		stop()
		w.want(t, "the other kind", 0, time.Minute, 2*time.Minute)
	})
}

func TestAKindThatFailsPausesAloneAndSaysSo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		failed, blind, well := newWorked(), newWorked(), newWorked()
		down := errors.New("the database is down")
		var log strings.Builder
		c, stop := startClock(t, &log,
			kind{failed: "numbers not counted", work: func(ctx context.Context, now time.Time, limit int) (bool, error) {
				failed.work(ctx, now, limit)
				return false, down
			}},
			kind{work: blind.work, next: func(context.Context) (time.Time, error) { return time.Time{}, down }},
			kind{work: well.work},
		)
		c.dueAt(0, time.Now()) // does not shorten the pause
		c.dueAt(2, time.Now().Add(failing/2))
		time.Sleep(2*failing + 1)
		stop()
		failed.want(t, "the kind whose work fails", 0, failing, 2*failing)
		blind.want(t, "the kind that cannot tell what is next", 0, failing, 2*failing)
		well.want(t, "the one that does well", 0, failing/2)
		for _, want := range []string{`msg="numbers not counted" error="the database is down"`, `msg="next due time not read" error="the database is down"`} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("the log has %s; want %s", log.String(), want)
			}
		}
	})
}

func TestAKeyThatFailsKeepsNoOtherFromItsTurns(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		good int // turns that the good key takes
		want []time.Duration
	}{
		"beside one that goes on": {3, []time.Duration{0, 0, 0, failing}},
		"alone":                   {0, []time.Duration{0, failing}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				claims, handled := newWorked(), 0
				claim := func(ctx context.Context, now time.Time, limit int) ([]string, error) {
					claims.work(ctx, now, limit)
					if handled == c.good {
						return []string{"bad"}, nil
					}
					return []string{"bad", "good"}, nil
				}
				handle := func(_ context.Context, key string) (left bool, err error) {
					if key == "bad" {
						return false, errors.New("bad")
					}
					handled++
					return handled < c.good, nil
				}
				_, stop := startClock(t, new(strings.Builder), kind{work: each(claim, handle)})
				time.Sleep(failing + 1)
				stop()
				if handled != c.good {
					t.Errorf("the good key was handled %d times, want %d", handled, c.good)
				}
				claims.want(t, "the kind", c.want...)
			})
		})
	}
}

func TestAKindWithoutRoomClaimsNothingAndThenAsMuchAsThereIsRoomFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorked()
		room := func() int {
			if time.Since(w.start) < 10*crowded {
				return 0
			}
			return 3
		}
		_, stop := startClock(t, new(strings.Builder), kind{work: w.work, room: room, batch: 10})
		time.Sleep(time.Minute)
		stop()
		w.want(t, "the kind", 10*crowded)
		if !slices.Equal(w.limits, []int{3}) {
			t.Errorf("claimed up to %v, want 3", w.limits)
		}
	})
}

func TestTheClockEndsOnceWhatItWorksOnHas(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rests, ended := newWorked(), false
		_, stop := startClock(t, new(strings.Builder), kind{work: rests.work}, kind{work: func(context.Context, time.Time, int) (bool, error) {
			time.Sleep(time.Minute)
			ended = true
			return true, context.Canceled
		}})
		start := time.Now()
		stop()
		if took := time.Since(start); !ended || took != time.Minute {
			t.Errorf("it ended after %s, what it worked on has ended: %v; want that after a minute", took, ended)
		}
	})
}
