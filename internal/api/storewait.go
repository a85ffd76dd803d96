package api

import (
	"context"
	"sync"
	"time"
)

// storeWait is a context that ends when its parent does, or once the store has been waited for long enough. Its timer is made when
// somebody waits: most questions are answered out of memory, and a timer costs more than they do.
type storeWait struct {
	context.Context // the parent
	deadline        time.Time

	mu    sync.Mutex
	timed context.Context    // guarded by mu; nil: nobody has waited yet
	end   context.CancelFunc // guarded by mu; of timed
	over  bool               // guarded by mu; what waited has been answered
}

// withinStoreWait bounds what waits for the store. answered is called when nothing waits any more.
func (a *API) withinStoreWait(ctx context.Context) (_ context.Context, answered context.CancelFunc) {
	s := &storeWait{Context: ctx, deadline: time.Now().Add(a.StoreWait)}
	return s, s.answered
}

func (s *storeWait) answered() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	if s.end != nil {
		s.end()
	}
}

// within is the context with the timer.
func (s *storeWait) within() context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.timed == nil {
		s.timed, s.end = context.WithDeadlineCause(s.Context, s.deadline, errStoreWait)
		if s.over {
			s.end()
		}
	}
	return s.timed
}

// Deadline returns when the store has been waited for long enough, or the parent ends, if that is sooner.
func (s *storeWait) Deadline() (time.Time, bool) {
	if at, ok := s.Context.Deadline(); ok && at.Before(s.deadline) {
		return at, true
	}
	return s.deadline, true
}

// Done returns a channel that is closed at the end.
func (s *storeWait) Done() <-chan struct{} { return s.within().Done() }

// Err says why it has ended.
func (s *storeWait) Err() error {
	s.mu.Lock()
	running := s.timed == nil && !s.over && time.Now().Before(s.deadline)
	s.mu.Unlock()
	if running {
		return s.Context.Err()
	}
	return s.within().Err()
}

// Value is the parent's, but for what package context asks to find the cause of the end.
func (s *storeWait) Value(key any) any {
	s.mu.Lock()
	timed := s.timed
	s.mu.Unlock()
	if timed != nil {
		return timed.Value(key)
	}
	return s.Context.Value(key)
}
