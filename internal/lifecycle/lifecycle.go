// Package lifecycle has the suites of tests about starting and stopping. Only tests import it. Which suite a thing gets
// depends on the life that it has; a thing is not wrapped until it looks like another:
//
//	Exercise       it is made, started later, and stopped: a server, the SDK's client, a simulated phone, a control API
//	ExerciseClose  it works once it is made, until it is closed: a store, a gateway, a provider's client, a simulator
//	ExerciseOpen   its making takes a context, which may end in the middle: a store, a server
//	ExerciseRun    it works in Run until the context ends, and runs once: auth, delivery, vitals
//
// What cannot be started twice has no case about that.
package lifecycle

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// Service is what the suite exercises. Both methods may be called from any goroutine, in any order, and any number of times.
type Service interface {
	// Start begins the work. If the service already runs, it goes on; if it was stopped, nothing starts. In either case Start
	// may return an error that says so.
	Start(ctx context.Context) error
	// Stop ends the work for good, and returns once nothing of the service runs. A later or concurrent call does the same.
	Stop() error
}

// callers is the number of goroutines that start or stop a service at once.
const callers = 10

// Exercise runs the suite. Each case gets a service of its own, made by create with the case's own t, which cleans up what
// the service needs beside itself. Stop must return nil, and once the case is cleaned up no goroutine may be left that was
// not there before it, except for those that ignore names. So the test that calls Exercise must not be parallel.
func Exercise(t *testing.T, create func(t *testing.T) Service, ignore ...goleak.Option) {
	exercise(t, cases, create, ignore)
}

// exerciseCase is one case of a suite for things of type T.
type exerciseCase[T any] struct {
	name string
	run  func(*testing.T, T)
}

func exercise[T any](t *testing.T, suite []exerciseCase[T], create func(*testing.T) T, ignore []goleak.Option) {
	for _, c := range suite {
		before := append([]goleak.Option{goleak.IgnoreCurrent()}, ignore...)
		t.Run(c.name, func(t *testing.T) { c.run(t, create(t)) })
		if err := left(before); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

var cases = []exerciseCase[Service]{
	{"started twice", func(t *testing.T, s Service) {
		start(t, s)
		_ = s.Start(t.Context()) // may be refused
		stop(t, s)
	}},
	{"stopped twice", func(t *testing.T, s Service) {
		start(t, s)
		stop(t, s)
		stop(t, s)
	}},
	{"stopped before the start", func(t *testing.T, s Service) {
		stop(t, s)
		_ = s.Start(t.Context()) // may be refused, and starts nothing
	}},
	{"started again after the stop", func(t *testing.T, s Service) {
		start(t, s)
		stop(t, s)
		_ = s.Start(t.Context()) // the same
	}},
	{"stopped in the middle of the start", func(t *testing.T, s Service) {
		var starting sync.WaitGroup
		starting.Go(func() { _ = s.Start(t.Context()) }) // succeeds, or finds the service stopped
		runtime.Gosched()
		stop(t, s)
		inTime(t, "Start", func() { starting.Wait() })
	}},
	{"stopped at once from ten goroutines", func(t *testing.T, s Service) {
		start(t, s)
		atOnce(func(int) { stop(t, s) })
	}},
	{"started and stopped at once from ten goroutines", func(t *testing.T, s Service) {
		atOnce(func(i int) {
			if i%2 == 0 {
				inTime(t, "Start", func() { _ = s.Start(t.Context()) })
				return
			}
			stop(t, s)
		})
	}},
}

// start starts a service that has not been stopped.
func start(t *testing.T, s Service) {
	t.Helper()
	inTime(t, "Start", func() {
		if err := s.Start(t.Context()); err != nil {
			t.Errorf("Start: %v, want nil", err)
		}
	})
}

func stop(t *testing.T, s Service) {
	t.Helper()
	inTime(t, "Stop", func() {
		if err := s.Stop(); err != nil {
			t.Errorf("Stop: %v, want nil", err)
		}
	})
}

// atOnce calls f from ten goroutines and returns when all calls have.
func atOnce(f func(i int)) {
	var calls sync.WaitGroup
	together := make(chan struct{})
	for i := range callers {
		calls.Go(func() {
			<-together
			f(i)
		})
	}
	close(together)
	calls.Wait()
}

// patience is the time after which a call counts as one that never returns. It is far more than a busy machine needs.
const patience = time.Minute

// inTime ends the test binary, with the stacks of all goroutines, if f does not return.
func inTime(t *testing.T, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(patience):
		debug.SetTraceback("all")
		panic(fmt.Sprintf("%s: %s has not returned within %s", t.Name(), what, patience))
	}
}

// settle is how long goroutines may take to end after what they worked for has.
var settle = patience / 4

// left waits until no goroutine is left, and returns an error that names those that stay. Goroutines of the system or of a
// library may take a moment to end, for instance after a connection was closed.
func left(except []goleak.Option) error {
	deadline := time.Now().Add(settle)
	for {
		err := goleak.Find(except...)
		if err == nil || time.Now().After(deadline) {
			return err
		}
	}
}
