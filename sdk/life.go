package sdk

import (
	"sync"
	"time"
)

// answerWait is how long the server may be silent when it has been asked something.
const answerWait = 2 * time.Second

// life is what is known of whether the server at the other end of a session is still there. A socket can be dead without
// anybody being told: a router forgot it, or the phone has changed networks.
type life struct {
	asks chan struct{} // capacity 1; a question has begun to wait

	mu    sync.Mutex
	heard time.Time // guarded by mu; the last sign of life
	asked time.Time // guarded by mu; since when a question waits for any sign of life; zero: none does
}

func (l *life) init() { l.asks, l.heard = make(chan struct{}, 1), time.Now() }

// hear notes a sign of life, which answers all doubts.
func (l *life) hear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.heard, l.asked = time.Now(), time.Time{}
}

// ask notes that a sign of life is due now; false: one is due already.
func (l *life) ask() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.asked.IsZero() {
		return false
	}
	l.asked = time.Now()
	select {
	case l.asks <- struct{}{}:
	default:
	}
	return true
}

// doubtful tells whether a sign of life is due.
func (l *life) doubtful() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.asked.IsZero()
}

// death is why the session is dead by now; "" while it is not.
func (l *life) death(now time.Time, heartbeat time.Duration) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return death(now, l.heard, l.asked, heartbeat)
}

// death judges a session's silence: of two heartbeats, or of answerWait when a question waits since asked (zero: none does).
func death(now, heard, asked time.Time, heartbeat time.Duration) string {
	switch {
	case now.Sub(heard) > 2*heartbeat:
		return "nothing was heard for two heartbeats"
	case !asked.IsZero() && now.Sub(asked) >= answerWait:
		return "nothing was heard when something was asked"
	}
	return ""
}

// doubtLink asks the session, if one is open, for a sign of life, because a provider has brought a wake: the server found no
// session, or one that did not acknowledge, or was told to wake beside it. Until the answer is there, receipts go by HTTP,
// over new connections: idle ones may be as dead.
func (c *Client) doubtLink() {
	c.mu.Lock()
	l := c.link
	c.mu.Unlock()
	if l != nil && l.life.ask() {
		c.cfg.HTTPClient.CloseIdleConnections()
	}
}
