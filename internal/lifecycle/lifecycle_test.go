package lifecycle_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/hushpush/hush/internal/lifecycle"
)

// loop is a service that does nothing, as it should be done.
type loop struct {
	mu      sync.Mutex
	stopped bool
	stop    chan struct{} // nil until the loop runs
	runs    sync.WaitGroup
}

func (l *loop) Start(context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.stopped:
		return errors.New("stopped")
	case l.stop != nil:
		return errors.New("started already")
	}
	l.stop = make(chan struct{})
	l.runs.Go(func() { <-l.stop })
	return nil
}

func (l *loop) Stop() error {
	l.mu.Lock()
	if !l.stopped && l.stop != nil {
		close(l.stop)
	}
	l.stopped = true
	l.mu.Unlock()
	l.runs.Wait()
	return nil
}

func TestAServiceThatStopsPasses(t *testing.T) {
	lifecycle.Exercise(t, func(*testing.T) lifecycle.Service { return &loop{} })
}

// broken are services with one fault each, by the case that finds it.
var broken = map[string]func() lifecycle.Service{
	"started twice":                       func() lifecycle.Service { return &startsAgain{} },
	"stopped twice":                       func() lifecycle.Service { return &stopsOnce{} },
	"stopped before the start":            func() lifecycle.Service { return &forgets{} },
	"stopped at once from ten goroutines": func() lifecycle.Service { return &stopsOnce{} },
}

// startsAgain runs a second loop when it is started again, which nobody ends.
type startsAgain struct {
	loop
	started bool
}

func (s *startsAgain) Start(ctx context.Context) error {
	if s.started {
		go func() { select {} }()
		return nil
	}
	s.started = true
	return s.loop.Start(ctx)
}

// stopsOnce takes the second Stop for a mistake.
type stopsOnce struct{ loop }

func (s *stopsOnce) Stop() error {
	s.mu.Lock()
	again := s.stopped
	s.mu.Unlock()
	if again {
		return errors.New("stopped already")
	}
	return s.loop.Stop()
}

// forgets does not remember a Stop that comes before the start.
type forgets struct{ loop }

func (f *forgets) Stop() error {
	f.mu.Lock()
	early := f.stop == nil
	f.mu.Unlock()
	if early {
		return nil
	}
	return f.loop.Stop()
}

// brokenEnv makes this test binary exercise a broken service.
const brokenEnv = "LIFECYCLE_BROKEN"

func TestABrokenServiceFails(t *testing.T) {
	if name := os.Getenv(brokenEnv); name != "" {
		lifecycle.Exercise(t, func(*testing.T) lifecycle.Service { return broken[name]() })
		return
	}
	t.Parallel()
	for name := range broken {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestABrokenServiceFails$/^"+strings.ReplaceAll(name, " ", "_")+"$")
			cmd.Env = append(os.Environ(), brokenEnv+"="+name)
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), name) && !strings.Contains(string(out), strings.ReplaceAll(name, " ", "_")) {
				t.Errorf("a service that cannot be %s passes, or fails elsewhere: %v\n%s", name, err, out)
			}
		})
	}
}
