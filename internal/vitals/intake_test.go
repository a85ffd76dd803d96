package vitals_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hushpush/hush/push"
)

// enter asks for room, and gives what a refusal says.
func (w *world) enter(t *testing.T, atMost int) (leave func(devices, pushes int), full *push.BacklogFull) {
	t.Helper()
	leave, err := w.Enter(atMost)
	if err != nil && !errors.As(err, &full) {
		t.Fatalf("Enter: %v; want a *push.BacklogFull", err)
	}
	return leave, full
}

func TestWithoutALimitThereIsRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t)
		w.set(func() { w.backlog.Due, w.hand = 1_000_000, [3]int{8192, 128, 0} })
		time.Sleep(time.Minute)
		leave, full := w.enter(t, 10_000)
		if full != nil {
			t.Fatalf("refused: %v", full)
		}
		leave(10_000, 0)
		w.set(func() {
			if w.asked > 15 {
				t.Errorf("the store was asked %d times a minute for a limit that is not there", w.asked)
			}
		})
	})
}

func TestWhatIsUndoneFillsTheBacklog(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		due  int    // in the store, at the last look
		hand [3]int // waiting, working, free
		full bool
	}{
		"nothing":                     {0, [3]int{0, 0, 100}, false},
		"one less than the limit":     {500, [3]int{490, 9, 100}, false},
		"rows alone":                  {1000, [3]int{0, 0, 100}, true},
		"devices in memory":           {0, [3]int{1000, 0, 100}, true},
		"devices in work":             {0, [3]int{0, 1000, 100}, true},
		"all of them together":        {500, [3]int{400, 100, 100}, true},
		"more rows than are counted ": {900_000, [3]int{0, 0, 100}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := setupLimited(t, 1000)
				w.set(func() { w.backlog.Due, w.hand = c.due, c.hand })
				time.Sleep(time.Second)
				if _, full := w.enter(t, 1); (full != nil) != c.full {
					t.Errorf("full is %v, want %v", full, c.full)
				}
			})
		})
	}
}

func TestMemoryIsReckonedAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setupLimited(t, 1000)
		time.Sleep(time.Second)
		w.set(func() { w.hand = [3]int{1000, 0, 100} })
		if _, full := w.enter(t, 1); full == nil {
			t.Error("there was room, until the next look")
		}
		w.set(func() { w.hand = [3]int{999, 0, 100} })
		if _, full := w.enter(t, 1); full != nil {
			t.Errorf("%v; want room as soon as there is", full)
		}
	})
}

func TestABurstBetweenTwoLooksDoesNotOutrunTheLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setupLimited(t, 1000)
		w.set(func() { w.hand = [3]int{0, 0, 50} })
		time.Sleep(time.Second)
		var leaves []func(int, int)
		for range 10 {
			leave, full := w.enter(t, 100)
			if full != nil {
				t.Fatalf("with %d requests under way: %v", len(leaves), full)
			}
			leaves = append(leaves, leave)
		}
		if _, full := w.enter(t, 1); full == nil {
			t.Error("what is being accepted is not reckoned in")
		}
		leaves[0](100, 0) // memory has no room: left to their rows
		leaves[1](0, 100) // broadcasts
		leaves[2](50, 0)  // in memory, which says so itself
		for _, leave := range leaves[3:] {
			leave(0, 0) // refused, or for nobody
		}
		last, full := w.enter(t, 800)
		if full != nil {
			t.Errorf("with 200 left to rows: %v", full)
		}
		if _, full = w.enter(t, 1); full == nil || full.Undone != 200 || full.Entering != 800 || full.RetryAfter != time.Second {
			t.Errorf("%+v; want 200 undone and 800 that may come, for a second", full)
		}
		if status, err := w.Status(t.Context(), "", 1); err != nil || status.Backlog.Full {
			t.Errorf("full: %v, %v; what may come makes it not full", status.Backlog.Full, err)
		}
		last(0, 0)
		time.Sleep(time.Second) // a look has found them worked off
		for range 9 {
			if _, full := w.enter(t, 100); full != nil {
				t.Errorf("after the next look: %v", full)
			}
		}
	})
}

func TestRetryAfterFollowsThePace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setupLimited(t, 1000)
		wait := func(what string, due int, want time.Duration) {
			t.Helper()
			w.set(func() { w.backlog.Due = due })
			time.Sleep(300 * time.Millisecond)
			if _, full := w.enter(t, 1); full == nil || full.RetryAfter < want-want/10 || full.RetryAfter > want+want/10 {
				t.Errorf("%s: %+v; want about %s", what, full, want)
			}
		}
		wait("it has just become full", 2000, time.Second)
		time.Sleep(20 * time.Second)
		wait("it does not shrink", 2000, 20600*time.Millisecond)
		w.set(func() { w.backlog.Due = 1900 })
		time.Sleep(9700 * time.Millisecond)
		wait("a tenth of what is too much in ten seconds", 1900, time.Minute)
		wait("half of it", 1500, 10300*time.Millisecond)
		wait("nearly all", 1001, time.Second)
		wait("more than ever, and not well for long", 2001, 31*time.Second)
	})
}

func TestAFullBacklogIsToldOnceAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setupLimited(t, 1000)
		w.set(func() { w.backlog.Due, w.hand = 998, [3]int{1, 1, 0} })
		time.Sleep(1300 * time.Millisecond) // between two ticks, as what follows
		for range 100 {
			if _, full := w.enter(t, 1); full == nil {
				t.Fatal("there is room")
			}
			w.Refused(2)
			time.Sleep(time.Second)
		}
		status, err := w.Status(t.Context(), "", 10)
		if b := status.Backlog; err != nil || status.Standing != "trouble" || !b.Full || b.Limit != 1000 || b.Due != 998 || b.InMemory != 1 || b.InWork != 1 {
			t.Errorf("the status while it is full: %v %+v, %v", status.Standing, status.Backlog, err)
		}
		w.set(func() { w.backlog.Due = 10 })
		time.Sleep(3 * time.Minute)
		w.is(t, []string{"limit", "due", "in_memory", "in_work", "refused"},
			"pushes are refused: the backlog is full limit=1000 due=998 in_memory=1 in_work=1 refused=2",
			"pushes are still refused: the backlog is full limit=1000 due=998 in_memory=1 in_work=1 refused=122",
			"pushes are accepted again limit=1000 refused=200")
		if status, err = w.Status(t.Context(), "", 10); err != nil || status.Standing != "ok" || status.Backlog.Full {
			t.Errorf("the status afterwards: %v %+v, %v", status.Standing, status.Backlog, err)
		}
	})
}

// A backlog at its limit is full and not full many times a second: the log hears of one trouble, with its begin and its end.
func TestABacklogThatComesAndGoesIsOneTrouble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setupLimited(t, 1000)
		time.Sleep(1150 * time.Millisecond) // between two ticks, as what follows
		for i := range 10 {
			w.set(func() { w.hand[0] = 1000 })
			if _, full := w.enter(t, 1); full == nil {
				t.Fatalf("the %dth time there was room", i)
			}
			w.Refused(1)
			w.set(func() { w.hand[0] = 10 })
			time.Sleep(300 * time.Millisecond) // a look finds room
		}
		time.Sleep(time.Minute)
		w.is(t, []string{"refused"}, "pushes are refused: the backlog is full refused=3", "pushes are accepted again refused=10")
	})
}
