package sdk

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/hushpush/hush/internal/pause"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// arrival is a push that has just come, by whichever path.
type arrival struct {
	message    Message
	of         owner         // whose it is
	background bool          // it may run in the background handler
	allowed    time.Duration // for the handler, from its turn on; 0: until the context ends
}

// outcome is what became of an arrival.
type outcome int

const (
	ran     outcome = iota // its handler just returned, or just ran out of time
	wasDone                // it had been handled before, or was given up
	dropped                // it is expired, or not for the present owner
	notRun                 // time ended before its handler began; it stays open
)

// errTimeAllowed is the cause that ends a handler's context.
var errTimeAllowed = errors.New("sdk: the time that the platform allows is over")

// runner runs the app's handler once for each push, by whichever path and however often it comes. What has begun and ended
// is on disk (dir); in memory is what runs in this process.
type runner struct {
	*shared
	registrar *registrar
	handlers  *handlers
	inbox     *inbox
	reporter  *reporter
	attempts  attempts

	turn turnstile // held while a handler runs, also while its push waits for a handler or another process: one at a time

	mu      sync.Mutex
	user    context.Context         // guarded by mu; ends with Logout, when the next one replaces it
	endUser context.CancelCauseFunc // guarded by mu; ends user
}

func newRunner(s *shared, registrar *registrar, h *handlers, in *inbox, rep *reporter) *runner {
	r := &runner{shared: s, registrar: registrar, handlers: h, inbox: in, reporter: rep, turn: make(turnstile, 1)}
	r.attempts.byPush = map[string]*attempt{}
	r.user, r.endUser = context.WithCancelCause(s.lifetime.ctx)
	return r
}

// present returns the context of the user who is logged in now.
func (r *runner) present() context.Context {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.user
}

// logOut ends what runs for a user who has logged out, the handlers and what is queued.
func (r *runner) logOut() {
	r.mu.Lock()
	r.endUser(ErrLoggedOut)
	r.user, r.endUser = context.WithCancelCause(r.lifetime.ctx)
	r.mu.Unlock()
	r.inbox.queue.clear()
}

// workQueue runs what is queued until the client closes. Each push has the platform's time for itself.
func (r *runner) workQueue() {
	queue := r.inbox.queue
	for {
		a, ok := queue.next()
		if !ok {
			select {
			case <-queue.more:
				continue
			case <-r.lifetime.ctx.Done():
				return
			}
		}
		user := r.present()
		a.allowed = handlerTime(r.cfg.Platform.TimeAllowed())
		if _, o, err := r.run(user, a); err != nil && user.Err() == nil {
			r.log.Warn("a push was not handled", "push", a.message.ID, "began", o == ran, "error", err)
		}
		queue.done(a.message.ID)
		r.reporter.signal() // once nothing is left to run, the answer says whether the inbox has more
	}
}

// run runs a push's handler before ctx ends, unless it has run or is running: then run waits for that result.
func (r *runner) run(ctx context.Context, a arrival) (FetchResult, outcome, error) {
	for {
		at, first := r.attempts.join(a.message.ID)
		if first {
			result, o, err := r.attempt(ctx, a)
			r.attempts.end(a.message.ID, at, result, o)
			return result, o, err
		}
		select {
		case <-at.ended:
			if at.outcome != notRun {
				return at.result, wasDone, nil
			}
			// Its wake ended first; there is still time in ours.
		case <-ctx.Done():
			return NoData, notRun, context.Cause(ctx)
		}
	}
}

// attempt waits for its turn, for a handler, and for another process that may have the push, and runs the handler.
func (r *runner) attempt(ctx context.Context, a arrival) (FetchResult, outcome, error) {
	if !r.turn.within(ctx) {
		return NoData, notRun, context.Cause(ctx)
	}
	defer r.turn.Unlock()
	handler, err := r.handlers.wait(ctx, a.background)
	if err != nil {
		return NoData, notRun, err
	}
	if a.allowed > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, a.allowed, errTimeAllowed)
		defer cancel()
	}
	for {
		if ctx.Err() != nil {
			return NoData, notRun, context.Cause(ctx)
		}
		switch r.clock.late(a.message.ExpiresAt) {
		case over:
			return NoData, dropped, nil
		case doubtful:
			if open, err := r.inbox.isOpen(ctx, a.message.ID); !open {
				return NoData, notRun, err
			}
		}
		deadline, _ := ctx.Deadline()
		v, result, err := r.dir.claim(a.message.ID, a.of, r.cfg.Now().Add(time.Until(deadline)))
		switch {
		case err != nil:
			return Failed, notRun, err
		case v == isForeign:
			return NoData, dropped, nil
		case v == isDone:
			_, err := r.dir.again(a.message.ID, a.message.Path)
			r.reporter.signal()
			return result, wasDone, err
		case v == hasFallen:
			return r.giveUp(a)
		case v == mayRun:
			return r.handle(ctx, handler, a)
		}
		if pause.For(ctx, busyWait) != nil {
			return NoData, notRun, context.Cause(ctx)
		}
	}
}

// busyWait is the time between two looks at a push that another process handles.
const busyWait = 50 * time.Millisecond

// giveUp ends a push as crashed because its handler began again and again and never returned.
func (r *runner) giveUp(a arrival) (FetchResult, outcome, error) {
	r.log.Warn("a push is given up: its handler did not return", "push", a.message.ID, "starts", maxStarts)
	_, err := r.dir.end(protocol.Receipt{
		PushID: a.message.ID, Event: push.ReceiptCrashed, Path: a.message.Path, At: r.clock.stamp(),
	})
	r.reporter.ended()
	return Failed, wasDone, err
}

// handle runs the handler and saves its result before anybody is told. The push has been claimed. A handler that runs on after
// ctx ended has failed, whatever it returns then.
func (r *runner) handle(ctx context.Context, handler Handler, a arrival) (FetchResult, outcome, error) {
	r.reporter.received(protocol.Receipt{
		PushID: a.message.ID, Event: push.ReceiptReceived, Path: a.message.Path, At: r.clock.stamp(),
	})
	began := time.Now()
	returned := r.attempts.start(func() FetchResult { return handler(ctx, a.message) })
	var result FetchResult
	select {
	case result = <-returned:
	case <-ctx.Done():
		select {
		case result = <-returned:
		case <-time.After(lastWord): // it may be returning just now, because its context ended
			result = Failed
		}
	}
	if result != NewData && result != NoData {
		result = Failed
	}
	result, err := r.dir.end(protocol.Receipt{
		PushID: a.message.ID, Event: push.ReceiptHandled, Result: result, Path: a.message.Path,
		At: r.clock.stamp(), Took: time.Since(began).Round(time.Millisecond).String(),
	})
	r.reporter.ended()
	return result, ran, err
}

// lastWord is how long a handler whose context has ended may take to return a result of its own.
const lastWord = 50 * time.Millisecond
