package lifecycle

import (
	"context"
	"runtime"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

// Loop is what ExerciseRun exercises.
type Loop struct {
	// Run works until ctx ends, and returns once nothing of it runs. It runs once: another call, at the same time or later,
	// returns at once.
	Run func(ctx context.Context)

	// Working returns once Run has done something that the world outside can see.
	Working func()
}

// ExerciseRun runs the suite for what runs until its context ends. For create, ignore and what has to hold at the end of each
// case, see Exercise.
func ExerciseRun(t *testing.T, create func(t *testing.T) Loop, ignore ...goleak.Option) {
	exercise(t, runCases, create, ignore)
}

var runCases = []exerciseCase[Loop]{
	{"its context ended before", func(t *testing.T, l Loop) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		inTime(t, "Run", func() { l.Run(ctx) })
	}},
	{"its context ends while it begins", func(t *testing.T, l Loop) {
		end := begin(t, l)
		runtime.Gosched()
		end()
	}},
	{"its context ends while it works", func(t *testing.T, l Loop) {
		end := begin(t, l)
		inTime(t, "Working", l.Working)
		end()
	}},
	{"run again while it works", func(t *testing.T, l Loop) {
		end := begin(t, l)
		inTime(t, "Working", l.Working)
		inTime(t, "a second Run", func() { l.Run(t.Context()) })
		end()
	}},
	{"run again after its end", func(t *testing.T, l Loop) {
		begin(t, l)()
		inTime(t, "a second Run", func() { l.Run(t.Context()) })
	}},
	{"run at once from ten goroutines", func(t *testing.T, l Loop) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var runs sync.WaitGroup
		returned := make(chan struct{}, callers)
		for range callers {
			runs.Go(func() {
				l.Run(ctx)
				returned <- struct{}{}
			})
		}
		inTime(t, "each Run but one", func() {
			for range callers - 1 {
				<-returned
			}
		})
		inTime(t, "Working", l.Working)
		cancel()
		inTime(t, "Run", runs.Wait)
	}},
}

// begin calls Run. end ends its context, and returns once Run has.
func begin(t *testing.T, l Loop) (end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		l.Run(ctx)
	}()
	return func() {
		cancel()
		inTime(t, "Run", func() { <-ended })
	}
}
