package phonetest

import (
	"sync"
	"time"
)

// system does what the operating system does with pushes before the app gets them: it judges them, and holds or drops them, or
// makes the app run.
type system struct {
	device
	number     int // never changes; counts the fleet's phones
	conditions *conditions
	budgets    *budgets
	service    *connection
	app        *execution
	worker     *worker // hands the system what it is to judge, one push after the other

	// mu is taken after the app's steps, and before every other lock of the phone and the fleet's: a push is judged and held,
	// or what is held is judged anew, without a change between that nobody would look at again.
	mu             sync.Mutex
	closed         bool      // guarded by mu
	onPhone        []Message // guarded by mu; what the phone holds; on iOS at most one
	atService      bool      // guarded by mu; the push service may keep something that the phone could not take
	timesAtService int       // guarded by mu; how often the service has kept something so
}

// newSystem makes a phone's system, and with it the app that it runs and the worker that brings it pushes.
func newSystem(number int, d device, c *conditions, b *budgets, service *connection) *system {
	s := &system{device: d, number: number, conditions: c, budgets: b, service: service}
	s.app = newExecution(d, c, service.current, s.appEnded)
	s.worker = newWorker(s, newHandover(d, b, s.app))
	return s
}

// deliver takes a message that has reached the phone. It never blocks.
func (s *system) deliver(m Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	if m.High && s.spec.Platform == Android {
		m.urgent = s.budgets.countHigh(s.clock.now())
	}
	s.worker.add(m)
}

// wakeUp is how an app came to run for a push.
type wakeUp struct {
	how   action    // give, resume or launch
	found State     // of the app, as the push found it
	began time.Time // the time allowed runs from then on
}

// wake judges a message and makes the app run for it. It reports false if the message was held or dropped.
func (s *system) wake(m Message) (w wakeUp, given bool) {
	s.app.steps.Lock()
	defer s.app.steps.Unlock()
	do, found := s.decide(m)
	if do == drop || do == hold {
		return wakeUp{}, false
	}
	w = wakeUp{how: do, found: found, began: time.Now()}
	if err := s.app.rouse(do); err != nil {
		s.record.logSystem(0, "not started for a push: "+err.Error())
		s.record.add(Record{Push: m.ID, Did: Dropped, Reason: LaunchFailed, State: found})
		return wakeUp{}, false
	}
	return w, true
}

// decide judges a message, and drops or holds it if the verdict is that. steps is held.
func (s *system) decide(m Message) (do action, found State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found = s.app.now()
	if s.closed {
		return drop, found
	}
	if !m.released && !m.admitted && m.expired(s.clock.now()) {
		s.record.add(Record{Push: m.ID, Did: Dropped, Reason: PushExpired, State: found})
		return drop, found
	}
	v := s.verdictOn(m)
	if v.do == hold && m.released {
		v = starting(found)
	}
	switch {
	case v.do == drop:
		s.record.add(Record{Push: m.ID, Did: Dropped, Reason: v.why, State: found})
	case v.do == hold:
		s.holdOnPhone(m, v.why)
	case s.spec.Platform == IOS && found != Foreground:
		s.budgets.spend(1, s.clock.now())
	}
	return v.do, found
}

// verdictOn returns the verdict of the platform's rule on a message. mu is held.
func (s *system) verdictOn(m Message) verdict {
	state := s.app.now()
	if m.Unfit != "" && state != Foreground {
		return verdict{drop, m.Unfit}
	}
	now, rules, f := s.clock.now(), s.fleet.cfg.Rules, s.conditions.get()
	var v verdict
	if s.spec.Platform == IOS {
		paced, spent := s.budgets.exhausted(now)
		v = iosVerdict(iosFacts{state: state, lowPower: f.lowPower, refreshOff: f.refreshOff, paced: paced, spent: spent})
		if rules.IOSNotWokenDrops && (v.why == LowPower || v.why == RefreshOff) {
			v.do = drop
		}
	} else {
		v = s.androidVerdictOn(m)
	}
	if v.do == launch && now.Before(f.startsAt) {
		return verdict{hold, Restarting}
	}
	return v
}

// androidVerdictOn returns the verdict of Android's rule on a message. mu is held.
func (s *system) androidVerdictOn(m Message) verdict {
	now, rules, f := s.clock.now(), s.fleet.cfg.Rules, s.conditions.get()
	return androidVerdict(androidFacts{
		state:  s.app.now(),
		locked: f.locked && !m.admitted && !(m.DirectBoot && f.directBoot),
		dozing: f.dozesAt(now, rules) && !m.admitted,
		high:   m.High && (m.urgent || s.budgets.keepsHigh(now)),
	})
}

// appEnded discards what an iOS phone held for an app whose process is gone, or about to be ("Pushing background updates to your
// App").
func (s *system) appEnded() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.spec.Platform == IOS {
		s.discardOnPhone(HeldLost)
	}
}

// reset forgets all that was held or counted for the app.
func (s *system) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.worker.clear()
	s.discardOnPhone(HeldLost)
	s.budgets.reset()
}

// close makes the system take no more pushes, and forget those that wait.
func (s *system) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed, s.onPhone = true, nil
	s.worker.clear()
}

func (s *system) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}
