package sdk

import (
	"sync"
	"time"
)

// attempts are the pushes that are being handled in this process, so that a second path waits for the first one's result.
type attempts struct {
	mu       sync.Mutex
	byPush   map[string]*attempt // guarded by mu; by the push's id
	handlers sync.WaitGroup      // handlers that run, also those that run on after their time
}

// attempt is one push that is being handled.
type attempt struct {
	ended   chan struct{} // closed at the end
	result  FetchResult   // set before ended is closed
	outcome outcome       // set before ended is closed
}

// join returns the attempt at a push. If it is the first, the caller makes it, and ends it.
func (as *attempts) join(id string) (a *attempt, first bool) {
	as.mu.Lock()
	defer as.mu.Unlock()
	if a := as.byPush[id]; a != nil {
		return a, false
	}
	a = &attempt{ended: make(chan struct{})}
	as.byPush[id] = a
	return a, true
}

// end gives the result to those who have joined.
func (as *attempts) end(id string, a *attempt, r FetchResult, o outcome) {
	as.mu.Lock()
	defer as.mu.Unlock()
	delete(as.byPush, id)
	a.result, a.outcome = r, o
	close(a.ended)
}

// start runs a handler on a goroutine of its own, because it may run on after its time.
func (as *attempts) start(handler func() FetchResult) <-chan FetchResult {
	returned := make(chan FetchResult, 1)
	as.handlers.Go(func() { returned <- handler() })
	return returned
}

// waitForHandlers waits for handlers that still run, at most for d.
func (as *attempts) waitForHandlers(d time.Duration) {
	done := make(chan struct{})
	go func() { as.handlers.Wait(); close(done) }()
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-done:
	case <-t.C:
	}
}
