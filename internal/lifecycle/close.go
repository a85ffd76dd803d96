package lifecycle

import (
	"context"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

// Opened is what ExerciseClose exercises: something that works from the moment it is made until it is closed.
type Opened struct {
	// Use makes one call of the kind that the thing is there for, and returns when it is answered or refused, which is all the
	// same. It may be called from any goroutine, also after Close.
	Use func()

	// Close ends the thing for good, and returns once nothing of it runs. A later or concurrent call does the same.
	Close func() error
}

// ExerciseClose runs the suite for what is closed and never started. For open, ignore and what has to hold at the end of each
// case, see Exercise.
func ExerciseClose(t *testing.T, open func(t *testing.T) Opened, ignore ...goleak.Option) {
	exercise(t, closeCases, open, ignore)
}

var closeCases = []exerciseCase[Opened]{
	{"closed before its first use", func(t *testing.T, o Opened) {
		shut(t, o)
	}},
	{"closed twice", func(t *testing.T, o Opened) {
		use(t, o)
		shut(t, o)
		shut(t, o)
	}},
	{"used after it is closed", func(t *testing.T, o Opened) {
		use(t, o)
		shut(t, o)
		use(t, o)
	}},
	{"closed at once from ten goroutines", func(t *testing.T, o Opened) {
		use(t, o)
		atOnce(func(int) { shut(t, o) })
	}},
	{"closed while calls are under way", func(t *testing.T, o Opened) {
		var calls, begun sync.WaitGroup
		closed := make(chan struct{})
		for range callers {
			begun.Add(1)
			calls.Go(func() {
				use(t, o)
				begun.Done()
				for !isClosed(closed) {
					use(t, o)
				}
			})
		}
		begun.Wait()
		shut(t, o)
		close(closed)
		calls.Wait()
	}},
}

func use(t *testing.T, o Opened) {
	t.Helper()
	inTime(t, "Use", o.Use)
}

func shut(t *testing.T, o Opened) {
	t.Helper()
	inTime(t, "Close", func() {
		if err := o.Close(); err != nil {
			t.Errorf("Close: %v, want nil", err)
		}
	})
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// ExerciseOpen runs the suite for what is opened under a context: one that ends before, during or after the opening. An
// opening that fails may leave nothing behind; one that succeeds returns what closes the thing, which goes on after the end of
// the context. For create and ignore see Exercise.
func ExerciseOpen(t *testing.T, create func(t *testing.T) (open func(context.Context) (Opened, error)), ignore ...goleak.Option) {
	exercise(t, openCases, create, ignore)
}

type opening = func(context.Context) (Opened, error)

var openCases = []exerciseCase[opening]{
	{"its context ended before", func(t *testing.T, open opening) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		openAndShut(t, open, ctx)
	}},
	{"its context ends in the middle", func(t *testing.T, open opening) {
		for look := int64(1); look <= 64; look *= 2 {
			openAndShut(t, open, endAtLook(t.Context(), look))
		}
	}},
	{"its context ends once it is open", func(t *testing.T, open opening) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var o Opened
		var err error
		inTime(t, "opening", func() { o, err = open(ctx) })
		if err != nil {
			t.Fatalf("opening: %v, want nil", err)
		}
		cancel()
		use(t, o)
		shut(t, o)
	}},
}

// openAndShut opens, and closes if that succeeded.
func openAndShut(t *testing.T, open opening, ctx context.Context) {
	t.Helper()
	inTime(t, "opening", func() {
		if o, err := open(ctx); err == nil {
			shut(t, o)
		}
	})
}
