package lifecycle_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

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

// door is something that is opened and closed, as it should be done.
type door struct {
	loop
}

func newDoor() *door {
	d := &door{}
	_ = d.Start(context.Background())
	return d
}

func (d *door) opened() lifecycle.Opened { return lifecycle.Opened{Use: func() {}, Close: d.Stop} }

// worker runs once, as it should be done.
type worker struct {
	ran    atomic.Bool
	worked chan struct{} // closed when it has worked
}

func newWorker() *worker { return &worker{worked: make(chan struct{})} }

func (w *worker) Run(ctx context.Context) {
	if w.ran.Swap(true) {
		return
	}
	close(w.worked)
	<-ctx.Done()
}

func (w *worker) loop() lifecycle.Loop {
	return lifecycle.Loop{Run: w.Run, Working: func() { <-w.worked }}
}

func TestWhatClosesPasses(t *testing.T) {
	lifecycle.ExerciseClose(t, func(*testing.T) lifecycle.Opened { return newDoor().opened() })
	lifecycle.ExerciseOpen(t, func(*testing.T) func(context.Context) (lifecycle.Opened, error) {
		return func(ctx context.Context) (lifecycle.Opened, error) {
			if err := ctx.Err(); err != nil {
				return lifecycle.Opened{}, err
			}
			return newDoor().opened(), nil
		}
	})
}

func TestWhatRunsOncePasses(t *testing.T) {
	lifecycle.ExerciseRun(t, func(*testing.T) lifecycle.Loop { return newWorker().loop() })
}

// broken has a thing with one fault for each suite that finds one, by the name of the case that does.
var broken = map[string]func(*testing.T){
	"started twice":                       service(func() lifecycle.Service { return &startsAgain{} }),
	"stopped twice":                       service(func() lifecycle.Service { return &stopsOnce{} }),
	"stopped before the start":            service(func() lifecycle.Service { return &forgets{} }),
	"stopped at once from ten goroutines": service(func() lifecycle.Service { return &stopsOnce{} }),

	"closed twice": func(t *testing.T) {
		lifecycle.ExerciseClose(t, func(*testing.T) lifecycle.Opened {
			s := &stopsOnce{}
			_ = s.Start(t.Context())
			return lifecycle.Opened{Use: func() {}, Close: s.Stop}
		})
	},
	"closed before its first use": func(t *testing.T) {
		lifecycle.ExerciseClose(t, func(*testing.T) lifecycle.Opened {
			_ = newDoor() // nobody closes it
			return newDoor().opened()
		})
	},
	"its context ends in the middle": func(t *testing.T) {
		lifecycle.ExerciseOpen(t, func(*testing.T) func(context.Context) (lifecycle.Opened, error) {
			return func(ctx context.Context) (lifecycle.Opened, error) {
				if err := ctx.Err(); err != nil {
					return lifecycle.Opened{}, err
				}
				d := newDoor()
				return d.opened(), ctx.Err() // and forgets d
			}
		})
	},
	"run again while it works": func(t *testing.T) {
		lifecycle.ExerciseRun(t, func(*testing.T) lifecycle.Loop {
			w := newWorker()
			var once sync.Once
			return lifecycle.Loop{Working: func() { <-w.worked }, Run: func(ctx context.Context) {
				first := false
				once.Do(func() { first = true })
				if !first {
					go func() { select {} }()
				}
				w.Run(ctx)
			}}
		})
	},
	"its context ends while it works": func(t *testing.T) {
		lifecycle.ExerciseRun(t, func(*testing.T) lifecycle.Loop {
			w := newWorker()
			return lifecycle.Loop{Working: func() { <-w.worked }, Run: func(ctx context.Context) {
				w.Run(ctx)
				go func() { select {} }()
			}}
		})
	},
}

// service exercises what create makes.
func service(create func() lifecycle.Service) func(*testing.T) {
	return func(t *testing.T) {
		lifecycle.Exercise(t, func(*testing.T) lifecycle.Service { return create() })
	}
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
		lifecycle.SettleWithin(time.Second)
		broken[name](t)
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
				t.Errorf("the case %q finds nothing, or fails elsewhere: %v\n%s", name, err, out)
			}
		})
	}
}
