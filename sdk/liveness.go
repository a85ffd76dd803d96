package sdk

import (
	"sync"
	"time"
)

// answerWait is how long the server may be silent when it has been asked something.
const answerWait = 2 * time.Second

// liveness is what is known of whether the server at the other end of a session is still there. A socket can be dead without
// an error on either side: a router forgot it, or the phone has changed networks.
type liveness struct {
	doubted chan struct{} // capacity 1; a doubt has begun

	mu     sync.Mutex
	heard  time.Time // guarded by mu; the last sign of life
	waited time.Time // guarded by mu; since when a sign of life is waited for; zero: it is not
}

func newLiveness() *liveness { return &liveness{doubted: make(chan struct{}, 1), heard: time.Now()} }

// sign records a sign of life, which ends all doubt.
func (l *liveness) sign() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.heard, l.waited = time.Now(), time.Time{}
}

// doubt records that a sign of life is due from now on, and reports false if one was due already.
func (l *liveness) doubt() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.waited.IsZero() {
		return false
	}
	l.waited = time.Now()
	select {
	case l.doubted <- struct{}{}:
	default:
	}
	return true
}

// inDoubt reports whether a sign of life is due.
func (l *liveness) inDoubt() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.waited.IsZero()
}

// death says why the session is dead by now; "" while it is not.
func (l *liveness) death(now time.Time, heartbeat time.Duration) string {
	l.mu.Lock()
	heard, waited := l.heard, l.waited
	l.mu.Unlock()
	return death(now, heard, waited, heartbeat)
}

// death says why a session is dead that was last heard then: it was silent for two heartbeats, or for answerWait since a sign
// of life was waited for (zero: it is not). "": it is not dead.
func death(now, heard, waited time.Time, heartbeat time.Duration) string {
	switch {
	case now.Sub(heard) > 2*heartbeat:
		return "nothing was heard for two heartbeats"
	case !waited.IsZero() && now.Sub(waited) >= answerWait:
		return "nothing was heard when something was asked"
	}
	return ""
}
