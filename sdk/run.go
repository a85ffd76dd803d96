package sdk

import (
	"context"
	"errors"
	"sync"
	"time"

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
	ran     outcome = iota // its handler returned, or its time ended, just now
	wasDone                // it had been handled before, or was given up
	dropped                // it is expired, or not for the present owner
	notRun                 // time ended before its handler began; it stays open
)

// errTimeAllowed is the cause that ends a handler's context.
var errTimeAllowed = errors.New("sdk: the time that the platform allows is over")

// flights are the pushes that are being handled in this process, so that a second path waits for the first one's result.
type flights struct {
	mu     sync.Mutex
	flying map[string]*flight // guarded by mu
	loose  sync.WaitGroup     // handlers, also those that ran on after their time
}

type flight struct {
	done    chan struct{} // closed at the end
	result  FetchResult   // set before done is closed
	outcome outcome
}

// join is the flight of a push; own: it is new, and the caller must end it.
func (f *flights) join(id string) (fl *flight, own bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if fl := f.flying[id]; fl != nil {
		return fl, false
	}
	if f.flying == nil {
		f.flying = map[string]*flight{}
	}
	fl = &flight{done: make(chan struct{})}
	f.flying[id] = fl
	return fl, true
}

func (f *flights) land(id string, fl *flight, r FetchResult, o outcome) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.flying, id)
	fl.result, fl.outcome = r, o
	close(fl.done)
}

// wait waits for handlers that are still running, at most for d.
func (f *flights) wait(d time.Duration) {
	done := make(chan struct{})
	go func() { f.loose.Wait(); close(done) }()
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-done:
	case <-t.C:
	}
}

// run takes a push to its end in the time of ctx, here and once, or by waiting for whoever has it already.
func (c *Client) run(ctx context.Context, a arrival) (FetchResult, outcome, error) {
	for {
		fl, own := c.flights.join(a.message.ID)
		if own {
			r, o, err := c.fly(ctx, a)
			c.flights.land(a.message.ID, fl, r, o)
			return r, o, err
		}
		select {
		case <-fl.done:
			if fl.outcome != notRun {
				return fl.result, wasDone, nil
			}
			// Its wake ended first; there is still time in ours.
		case <-ctx.Done():
			return NoData, notRun, context.Cause(ctx)
		}
	}
}

// fly waits for its turn, for a handler, and for another process that may have the push, and runs the handler.
func (c *Client) fly(ctx context.Context, a arrival) (FetchResult, outcome, error) {
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return NoData, notRun, context.Cause(ctx)
	}
	handler, err := c.handlers.wait(ctx, a.background)
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
		switch c.late(a.message.ExpiresAt) {
		case over:
			return NoData, dropped, nil
		case doubtful:
			if open, err := c.stillOpen(ctx, a.message.ID); !open {
				return NoData, notRun, err
			}
		}
		deadline, _ := ctx.Deadline()
		v, result, err := c.dir.claim(a.message.ID, a.of, c.cfg.Now().Add(time.Until(deadline)))
		switch {
		case err != nil:
			return Failed, notRun, err
		case v == isForeign:
			return NoData, dropped, nil
		case v == isDone:
			_, err := c.dir.again(a.message.ID, a.message.Path)
			c.outbox.signal()
			return result, wasDone, err
		case v == hasFallen:
			return c.giveUp(a)
		case v == mayRun:
			return c.handle(ctx, handler, a)
		}
		if !sleep(ctx, busyWait) {
			return NoData, notRun, context.Cause(ctx)
		}
	}
}

// busyWait is how often a push is looked at again that another process handles.
const busyWait = 50 * time.Millisecond

// giveUp reports a push as crashed whose handler did not return, again and again.
func (c *Client) giveUp(a arrival) (FetchResult, outcome, error) {
	c.log.Warn("a push is given up: its handler did not return", "push", a.message.ID, "starts", maxStarts)
	_, err := c.dir.end(protocol.Receipt{
		PushID: a.message.ID, Event: push.ReceiptCrashed, Path: a.message.Path, At: c.stamp(),
	})
	c.progress.Store(true)
	c.outbox.signal()
	return Failed, wasDone, err
}

// handle runs the handler and writes its result down before anybody is told. The push has been claimed. A handler that
// runs on after ctx ended has failed, whatever it returns then.
func (c *Client) handle(ctx context.Context, handler Handler, a arrival) (FetchResult, outcome, error) {
	c.outbox.received(protocol.Receipt{
		PushID: a.message.ID, Event: push.ReceiptReceived, Path: a.message.Path, At: c.stamp(),
	})
	began := time.Now()
	returned := make(chan FetchResult, 1)
	c.flights.loose.Add(1)
	go func() {
		defer c.flights.loose.Done()
		returned <- handler(ctx, a.message)
	}()
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
	result, err := c.dir.end(protocol.Receipt{
		PushID: a.message.ID, Event: push.ReceiptHandled, Result: result, Path: a.message.Path,
		At: c.stamp(), Took: time.Since(began).Round(time.Millisecond).String(),
	})
	c.progress.Store(true)
	c.outbox.signal()
	return result, ran, err
}

// lastWord is how long a handler whose context has ended may take to return a result of its own.
const lastWord = 50 * time.Millisecond

// stamp is the time for a receipt.
func (c *Client) stamp() string { return c.serverNow().UTC().Format(time.RFC3339Nano) }
