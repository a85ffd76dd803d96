package bench

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hushpush/hush/internal/pause"
)

// load is how requests are made: by so many at a time, each making the next one once its last is answered; with a rate, not
// before it is due.
type load struct {
	workers int
	rate    float64       // requests a second; 0: as fast as they are answered
	most    int           // requests in all; 0: any number
	longest time.Duration // 0: any time
}

// run makes requests until there have been most of them, the time is over, one fails or ctx ends, and returns how many it
// made. send gets the request's number, counted from 0, and when it was due: under a rate, what waits for a busy sender has
// waited since then, or the slowest answers would hide how long others waited for them.
func (l load) run(ctx context.Context, send func(ctx context.Context, i int, due time.Time) error) (int, error) {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	begin := time.Now()
	var (
		next, made atomic.Int64
		wg         sync.WaitGroup
	)
	for range l.workers {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				due, ok := l.due(ctx, i, begin)
				if !ok {
					return
				}
				if err := send(ctx, i, due); err != nil {
					fail(err)
					return
				}
				made.Add(1)
			}
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		return int(made.Load()), context.Cause(ctx)
	}
	return int(made.Load()), nil
}

// due waits until a request is due; false: it is not to be made.
func (l load) due(ctx context.Context, i int, begin time.Time) (time.Time, bool) {
	due := time.Now()
	if l.rate > 0 {
		due = begin.Add(time.Duration(float64(i) / l.rate * float64(time.Second)))
	}
	if l.most > 0 && i >= l.most || l.longest > 0 && due.Sub(begin) >= l.longest {
		return due, false
	}
	if wait := time.Until(due); l.rate > 0 && wait > 0 {
		return due, pause.For(ctx, wait) == nil
	}
	return due, ctx.Err() == nil
}
