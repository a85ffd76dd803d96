package server

import (
	"context"
	"errors"
	"sync"
)

var (
	errStarted = errors.New("server: it was started before")
	errStopped = errors.New("server: it was stopped")
)

// phase says how far a server is: new, started, stopping. It goes forward only. Its zero value is new.
type phase struct {
	mu        sync.Mutex
	settled   chan struct{}           // guarded by mu; nil before the start, closed when that has ended
	interrupt context.CancelCauseFunc // guarded by mu; breaks a start off
	ended     chan struct{}           // guarded by mu; nil before the first stop, closed when that has ended
	err       error                   // of the stop; written before ended is closed
}

// start runs a start, once and not after a stop, which ends its context.
func (p *phase) start(ctx context.Context, run func(context.Context) error) error {
	p.mu.Lock()
	if p.ended != nil || p.settled != nil {
		defer p.mu.Unlock()
		if p.ended != nil {
			return errStopped
		}
		return errStarted
	}
	ctx, p.interrupt = context.WithCancelCause(ctx)
	p.settled = make(chan struct{})
	p.mu.Unlock()
	defer close(p.settled)
	defer p.interrupt(nil)
	return run(ctx)
}

// stop runs a stop once the start has ended. Later calls wait for the first one and return its error. What was never started
// is not run.
func (p *phase) stop(run func() error) error {
	p.mu.Lock()
	if p.ended != nil {
		p.mu.Unlock()
		<-p.ended
		return p.err
	}
	p.ended = make(chan struct{})
	p.mu.Unlock()
	defer close(p.ended)
	if p.settled == nil {
		return nil
	}
	p.interrupt(errStopped)
	<-p.settled
	p.err = run()
	return p.err
}

// stopping reports whether the stop has begun.
func (p *phase) stopping() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ended != nil
}
