package sdk

import (
	"context"
	"sync"
)

// lifetime is the time from Open to Close: a context, and all that Close waits for.
type lifetime struct {
	ctx context.Context         // ends with Close; never changes
	end context.CancelCauseFunc // ends ctx; never changes

	mu   sync.Mutex     // held to begin something and to end ctx, so that nothing begins once Close waits
	busy sync.WaitGroup // the client's goroutines, and the app's calls that write to Dir
}

func newLifetime() *lifetime {
	l := &lifetime{}
	l.ctx, l.end = context.WithCancelCause(context.Background())
	return l
}

// begin counts something that close is to wait for. It reports false if the client is closed; otherwise the caller calls
// busy.Done.
func (l *lifetime) begin() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ctx.Err() != nil {
		return false
	}
	l.busy.Add(1)
	return true
}

// run runs f on a goroutine of its own, and reports false if the client is closed.
func (l *lifetime) run(f func()) bool {
	if !l.begin() {
		return false
	}
	go func() {
		defer l.busy.Done()
		f()
	}()
	return true
}

// call begins a call of the app, whose context ends with Close as well. The caller calls done at the end. A closed client
// answers ErrClosed.
func (l *lifetime) call(ctx context.Context) (_ context.Context, done func(), err error) {
	if !l.begin() {
		return nil, nil, ErrClosed
	}
	ctx, cancel := context.WithCancelCause(ctx)
	release := context.AfterFunc(l.ctx, func() { cancel(ErrClosed) })
	return ctx, func() { release(); cancel(nil); l.busy.Done() }, nil
}

// close ends ctx and waits for all that has begun. It may be called more than once.
func (l *lifetime) close() {
	l.mu.Lock()
	l.end(ErrClosed)
	l.mu.Unlock()
	l.busy.Wait()
}
