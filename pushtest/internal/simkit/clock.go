package simkit

import (
	"sync"
	"time"
)

// Clock is simulated time: real time plus a shift that only grows. What a simulator stores, expires, throttles and meters
// is judged by it; tokens that a client signs (iat, exp) are judged by real time and never by a Clock.
// The zero value is a clock without a shift, ready for use by any number of goroutines.
type Clock struct {
	mu      sync.Mutex
	shift   time.Duration           // guarded by mu
	stopped time.Time               // guarded by mu; what takes the place of real time; zero while the clock runs
	watch   map[int]func(time.Time) // guarded by mu
	watchID int                     // guarded by mu
}

// Now returns the simulated time, in UTC.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now()
}

// now does the work of Now. The caller holds mu.
func (c *Clock) now() time.Time {
	if !c.stopped.IsZero() {
		return c.stopped.Add(c.shift)
	}
	return time.Now().Add(c.shift).UTC()
}

// Stop has time stand still from now on, but for Advance: what happens at a time then does not depend on how fast the
// machine is. There is no way back.
func (c *Clock) Stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopped = time.Now().UTC()
}

// Advance moves the clock ahead by d, tells the watchers, and returns the new time once all of them have returned, so that
// whoever advanced the clock sees its effects. Negative values are taken as zero: time does not run backwards.
func (c *Clock) Advance(d time.Duration) time.Time {
	c.mu.Lock()
	c.shift += max(d, 0)
	c.mu.Unlock()
	return c.notify()
}

// Reset sets the shift back to zero. It is for a simulator that starts afresh and has dropped all state that holds times.
func (c *Clock) Reset() {
	c.mu.Lock()
	c.shift = 0
	c.mu.Unlock()
	c.notify()
}

// Watch calls f with the new time after each change of the clock, on the goroutine that made the change, until stop is called.
func (c *Clock) Watch(f func(now time.Time)) (stop func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.watch == nil {
		c.watch = map[int]func(time.Time){}
	}
	id := c.watchID
	c.watchID++
	c.watch[id] = f
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.watch, id)
	}
}

func (c *Clock) notify() time.Time {
	c.mu.Lock()
	now := c.now()
	fs := make([]func(time.Time), 0, len(c.watch))
	for _, f := range c.watch {
		fs = append(fs, f)
	}
	c.mu.Unlock()
	for _, f := range fs {
		f(now)
	}
	return now
}
