package sdk

import (
	"log/slog"
	"sync/atomic"
	"time"
)

// shared is what all parts of a client stand on. The struct never changes after Open; what changes inside has a lock of its
// own, under which nothing of the parts is called.
type shared struct {
	cfg      Config
	log      *slog.Logger
	dir      *dir
	calls    *calls
	clock    *clock
	lifetime *lifetime
	app      *appState
}

// hearClock learns the server's time, and saves its offset from the phone's clock if that has changed.
func (s *shared) hearClock(server time.Time) {
	offset, changed := s.clock.hear(server)
	if !changed {
		return
	}
	if _, err := s.dir.update(func(i *identity) { i.Offset = offset.Milliseconds() }); err != nil {
		s.log.Warn("the server's time could not be saved", "error", err)
	}
}

// appState is where the app stands, as it last said.
type appState struct{ state atomic.Value }

func newAppState(s AppState) *appState {
	a := &appState{}
	a.set(s)
	return a
}

func (a *appState) set(s AppState)     { a.state.Store(s) }
func (a *appState) get() AppState      { return a.state.Load().(AppState) }
func (a *appState) inForeground() bool { return a.get() == Foreground }
