package api

import (
	"context"
	"sync"
	"time"
)

// storeWait is a context that ends with its parent, or when the wait for the store has taken too long. Its timer is made only
// when somebody waits: most queries are answered from memory, and a timer costs more than they do.
type storeWait struct {
	context.Context // the parent
	deadline        time.Time

	mu    sync.Mutex
	timed context.Context    // guarded by mu; nil: nobody has waited yet
	end   context.CancelFunc // guarded by mu; ends timed
	over  bool               // guarded by mu; the operation has been answered
}

// withinStoreWait limits how long an operation waits for the store. Call answered when nothing waits any more.
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

// within returns the context with the timer.
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

// Deadline returns when the wait for the store ends, or when the parent ends if that is sooner.
func (s *storeWait) Deadline() (time.Time, bool) {
	if at, ok := s.Context.Deadline(); ok && at.Before(s.deadline) {
		return at, true
	}
	return s.deadline, true
}

// Done returns a channel that is closed when the context ends.
func (s *storeWait) Done() <-chan struct{} { return s.within().Done() }

// Err says why the context has ended; nil while it has not.
func (s *storeWait) Err() error {
	s.mu.Lock()
	running := s.timed == nil && !s.over && time.Now().Before(s.deadline)
	s.mu.Unlock()
	if running {
		return s.Context.Err()
	}
	return s.within().Err()
}

// Value returns the parent's value, except for what package context asks to find the cause of the end.
func (s *storeWait) Value(key any) any {
	s.mu.Lock()
	timed := s.timed
	s.mu.Unlock()
	if timed != nil {
		return timed.Value(key)
	}
	return s.Context.Value(key)
}
