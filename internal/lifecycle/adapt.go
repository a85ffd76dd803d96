package lifecycle

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
)

var errStopped = errors.New("lifecycle: it was stopped")

// Opening makes a Service of what runs once it is opened and ends when it is closed. open is called at most once and never
// after a stop. Each Stop calls close, so that close has to bear being called again and from several goroutines at once.
func Opening(open func(ctx context.Context) (close func() error, err error)) Service {
	return &opening{open: open}
}

type opening struct {
	open func(context.Context) (func() error, error)

	mu      sync.Mutex
	stopped bool         // guarded by mu
	close   func() error // guarded by mu; nil before it is open
}

func (o *opening) Start(ctx context.Context) (err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.stopped:
		return errStopped
	case o.close == nil:
		o.close, err = o.open(ctx)
	}
	return err
}

func (o *opening) Stop() error {
	o.mu.Lock()
	o.stopped = true
	end := o.close
	o.mu.Unlock()
	if end == nil {
		return nil
	}
	return end()
}

// Running makes a Service of a loop that returns once its context has ended. The loop is called at most once; a start after
// the stop calls it with a context that has ended, and waits for its return.
func Running(loop func(ctx context.Context)) Service {
	ctx, end := context.WithCancel(context.Background())
	return &running{loop: loop, ctx: ctx, end: end, ended: make(chan struct{})}
}

type running struct {
	loop  func(context.Context)
	ctx   context.Context
	end   context.CancelFunc
	begin sync.Once
	began atomic.Bool
	ended chan struct{} // closed when the loop has returned
}

func (r *running) Start(context.Context) error {
	r.begin.Do(func() {
		r.began.Store(true)
		go func() {
			defer close(r.ended)
			r.loop(r.ctx)
		}()
	})
	if r.ctx.Err() != nil {
		<-r.ended
		return errStopped
	}
	return nil
}

func (r *running) Stop() error {
	r.end()
	if r.began.Load() {
		<-r.ended
	}
	return nil
}
