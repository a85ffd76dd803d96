package delivery

import (
	"context"
	"sync"
	"time"

	"github.com/hushpush/hush/push"
)

// shareTime is how far apart requests may begin that share a deadline.
const shareTime = 100 * time.Millisecond

var errNoAnswer error = push.Timeout("the provider did not answer in time")

// deadlines bounds requests to providers. Requests that begin about together share a context: a context for each, with its
// timer, costs more than all else that delivery does for a wake.
type deadlines struct {
	mu    sync.Mutex
	ctx   context.Context // guarded by mu
	until time.Time       // guarded by mu; until when requests begin that share ctx
}

// next returns the context of a request that begins now. It ends with parent, or between wakeTime and wakeTime+shareTime from
// now. The caller does not cancel it: it ends by itself.
func (d *deadlines) next(parent context.Context) context.Context {
	now := time.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ctx == nil || now.After(d.until) {
		ctx, cancel := context.WithDeadlineCause(parent, now.Add(shareTime+wakeTime), errNoAnswer)
		_ = cancel // nobody knows when the last request is over
		d.ctx, d.until = ctx, now.Add(shareTime)
	}
	return d.ctx
}
