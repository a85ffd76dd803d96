package phonetest

import (
	"sync/atomic"
	"time"

	"github.com/hushpush/hush/pushtest/internal/simkit"
)

// phoneClock is a phone's time: the fleet's, and what Phone.Advance has added to it.
type phoneClock struct {
	fleet *simkit.Clock // never changes
	ahead atomic.Int64  // nanoseconds, of the fleet's time
	wrong atomic.Int64  // nanoseconds, by which it shows more than the right time
}

// now returns the right time, by which the system paces and waits: a clock that is set wrong does not change it.
func (c *phoneClock) now() time.Time { return c.fleet.Now().Add(time.Duration(c.ahead.Load())) }

// shown returns what the clock shows.
func (c *phoneClock) shown() time.Time { return c.now().Add(c.off()) }

// off returns by how much the clock is set wrong.
func (c *phoneClock) off() time.Duration { return time.Duration(c.wrong.Load()) }

// set sets the clock wrong; 0 sets it right.
func (c *phoneClock) set(wrong time.Duration) { c.wrong.Store(int64(wrong)) }

// advance moves the phone's time ahead.
func (c *phoneClock) advance(by time.Duration) { c.ahead.Add(int64(by)) }

// inFleet returns a time of the phone in the fleet's time.
func (c *phoneClock) inFleet(at time.Time) time.Time { return at.Add(-time.Duration(c.ahead.Load())) }
