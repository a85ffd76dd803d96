package lifecycle

import (
	"context"
	"sync/atomic"
)

// endAtLook returns a context that ends when it is looked at (its Done or its Err is called) for the nth time. So the end
// comes in the middle of what looks at it, on any machine.
func endAtLook(parent context.Context, n int64) context.Context {
	ctx, cancel := context.WithCancel(parent)
	l := &looked{Context: ctx, cancel: cancel}
	l.left.Store(n)
	return l
}

type looked struct {
	context.Context
	cancel context.CancelFunc
	left   atomic.Int64 // looks until the end
}

func (l *looked) look() {
	if l.left.Add(-1) == 0 {
		l.cancel()
	}
}

func (l *looked) Done() <-chan struct{} {
	l.look()
	return l.Context.Done()
}

func (l *looked) Err() error {
	l.look()
	return l.Context.Err()
}
