package worldtest

import (
	"context"
	"sync"
	"time"

	"github.com/hushpush/hush/pushtest/phonetest"
)

// clock is the one time of a world. It keeps changes of phones apart from changes of the time.
type clock struct {
	providers providers // never changes
	phones    *phonetest.Fleet
	inOrder   bool // the phones take turns

	mu sync.RWMutex // held to read by whoever works on a phone, to write while time or everything is changed
}

// hold keeps the time as it is until end is called. Where the phones take turns, it first waits for what has been sent before.
// After an error there is no end to call.
func (c *clock) hold(ctx context.Context) (end func(), err error) {
	c.mu.RLock()
	if c.inOrder {
		if err := c.phones.Settle(ctx); err != nil {
			c.mu.RUnlock()
			return nil, err
		}
	}
	return c.mu.RUnlock, nil
}

// advance moves the time of the whole world ahead, and returns what it is then.
func (c *clock) advance(by time.Duration) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.phones.AdvanceWith(by, c.providers.apns.Advance, c.providers.fcm.Advance)
	return c.phones.Now()
}

// reset puts all phones away and everything else back as at the start.
func (c *clock) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.phones.Reset()
	c.providers.apns.Reset()
	c.providers.fcm.Reset()
}
