package phonetest

import (
	"sync"
	"time"
)

// conditions are what a person or the system has set on a phone, beside the app's state.
type conditions struct {
	mu  sync.Mutex // nothing is called under it but the change of one
	set facts      // guarded by mu
}

// facts are the conditions of a phone at one time.
type facts struct {
	online     bool
	lowPower   bool
	refreshOff bool
	charging   bool
	dozing     bool
	dozeSince  time.Time
	diskFull   bool
	startsAt   time.Time // after a restart: before then, no app is started for a push
	forceSwipe bool      // a swipe is a force-stop
	screenLock bool      // a restart leaves the phone locked
	locked     bool      // it was restarted and not unlocked since
	directBoot bool      // the app is made to run before the phone is unlocked
	restricted bool      // APNs keeps what is not urgent
}

func newConditions(s Spec) *conditions {
	return &conditions{set: facts{online: !s.Offline, forceSwipe: s.SwipeForceStops}}
}

// get returns the conditions as they are now.
func (c *conditions) get() facts {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.set
}

// change changes the conditions.
func (c *conditions) change(change func(*facts)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(&c.set)
}

// dozesAt reports whether Doze keeps messages of normal priority back at a time.
func (f facts) dozesAt(now time.Time, r Rules) bool {
	if !f.dozing || f.charging {
		return false
	}
	open, _ := dozeWindow(f.dozeSince, now, r)
	return !open
}
