package sdk

import "time"

// clockSlack is how far the known distance of the server's clock may be off before it is written down again: the Date of
// an HTTP answer has whole seconds.
const clockSlack = 2 * time.Second

// hearClock notes how far the server's clock is ahead of the phone's.
func (c *Client) hearClock(offset time.Duration) {
	known := time.Duration(c.offset.Load())
	if d := offset - known; d > -clockSlack && d < clockSlack {
		return
	}
	c.offset.Store(int64(offset))
	if _, err := c.dir.update(func(s *identity) { s.Offset = offset.Milliseconds() }); err != nil {
		c.log.Warn("the server's time could not be written down", "error", err)
	}
}

// serverNow is the server's time, as far as it is known.
func (c *Client) serverNow() time.Time { return c.cfg.Now().Add(time.Duration(c.offset.Load())) }

// expired tells whether a time by the server's clock is over; the zero time never is.
func (c *Client) expired(at time.Time) bool { return !at.IsZero() && !c.serverNow().Before(at) }
