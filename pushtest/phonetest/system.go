package phonetest

import (
	"sync"
	"time"

	"github.com/hushpush/hush/pushtest/phonetest/phoneline"
)

// system is what the operating system does with pushes: it queues and judges them, holds them back, gives them to the app,
// and counts what they cost.
type system struct {
	number     int // never changes; counts the fleet's phones
	spec       *Spec
	fleet      *Fleet
	clock      *phoneClock
	record     *record
	conditions *conditions
	app        *execution
	service    *connection

	// mu is taken after the app's steps, and before every other lock of the phone and the fleet's: a push is judged and held,
	// or what is held is judged anew, without a change between that nobody would look at again.
	mu      sync.Mutex
	queue   []Message // guarded by mu; at most maxQueue
	working bool      // guarded by mu; a worker empties the queue
	onPhone []Message // guarded by mu; what the phone holds; on iOS at most one
	pacing  pacing    // guarded by mu; iOS
	standby standby   // guarded by mu; Android
	recent  recent    // guarded by mu; Android
	closed  bool      // guarded by mu

	atService bool // guarded by mu; the push service may keep something that the phone could not take
	timesKept int  // guarded by mu; how often the service has kept something so
}

// deliver takes a message that has reached the phone. It never blocks.
func (s *system) deliver(m Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	if m.High && s.spec.Platform == Android {
		now := s.clock.now()
		m.urgent = s.standby.keepsHigh(now, s.fleet.cfg.Rules)
		s.standby = s.standby.count(now)
	}
	s.enqueue(m)
}

// enqueue hands messages to the worker. mu is held.
func (s *system) enqueue(ms ...Message) {
	n := 0
	for _, m := range ms {
		if len(s.queue) >= maxQueue {
			s.record.add(Record{Push: m.ID, Did: Dropped, Reason: QueueFull, State: s.app.now()})
			continue
		}
		s.queue = append(s.queue, m)
		n++
	}
	if n > 0 {
		s.fleet.begin(s, n)
	}
}

// work handles messages until there are none, and lets the app sleep again.
func (s *system) work() {
	for {
		m, ok := s.next()
		if !ok {
			return
		}
		s.process(m)
	}
}

// next returns the next message. Without one the worker ends, after it has suspended an app that ran for pushes only.
func (s *system) next() (m Message, ok bool) {
	for {
		s.mu.Lock()
		if len(s.queue) > 0 {
			m, s.queue = s.queue[0], s.queue[1:]
			s.mu.Unlock()
			return m, true
		}
		if !s.app.awakeForPush() {
			s.queue, s.working = nil, false
			s.fleet.done()
			s.mu.Unlock()
			return m, false
		}
		s.mu.Unlock()
		s.sleep(false)
	}
}

// turn handles one message, and lets the app sleep again even if there are more.
func (s *system) turn() {
	s.mu.Lock()
	if len(s.queue) == 0 { // the phone was put away
		s.mu.Unlock()
		return
	}
	m := s.queue[0]
	s.queue = s.queue[1:]
	s.mu.Unlock()
	s.process(m)
	s.sleep(true)
}

// sleep suspends an app that a push woke, unless a person has opened it meanwhile or (but for always) another push is there.
func (s *system) sleep(always bool) {
	s.app.steps.Lock()
	defer s.app.steps.Unlock()
	s.mu.Lock()
	due := s.app.awakeForPush() && (always || len(s.queue) == 0)
	s.mu.Unlock()
	if !due {
		return
	}
	if err := s.app.suspend(); err != nil {
		s.app.enter(Reclaimed) // its process has ended by itself
	}
}

// process does with a message what the system's rules say.
func (s *system) process(m Message) {
	if w, given := s.wake(m); given {
		s.handle(m, w)
	}
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
		s.pacing.spend(1, s.clock.now(), s.fleet.cfg.Rules)
	}
	return v.do, found
}

// verdictOn asks the platform's rule about a message. mu is held.
func (s *system) verdictOn(m Message) verdict {
	state := s.app.now()
	if m.Unfit != "" && state != Foreground {
		return verdict{drop, m.Unfit}
	}
	now, rules, f := s.clock.now(), s.fleet.cfg.Rules, s.conditions.get()
	var v verdict
	if s.spec.Platform == IOS {
		paced, spent := s.pacing.exhausted(now, rules)
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

// androidVerdictOn asks Android's rule about a message. mu is held.
func (s *system) androidVerdictOn(m Message) verdict {
	now, rules, f := s.clock.now(), s.fleet.cfg.Rules, s.conditions.get()
	return androidVerdict(androidFacts{
		state:  s.app.now(),
		locked: f.locked && !m.admitted && !(m.DirectBoot && f.directBoot),
		dozing: f.dozesAt(now, rules) && !m.admitted,
		high:   m.High && (m.urgent || s.standby.keepsHigh(now, rules)),
	})
}

var dids = map[action]Did{give: Gave, resume: Resumed, launch: Launched}

// handle gives a push to the app that runs, and waits for its result.
func (s *system) handle(m Message, w wakeUp) {
	instance, run := s.app.running()
	if instance == nil {
		s.record.add(Record{Push: m.ID, Did: dids[w.how], Reason: AppGone, State: w.found})
		return
	}
	if s.repeats(m, run) {
		s.record.add(Record{Push: m.ID, Did: Dropped, Reason: Repeated, State: w.found, PID: instance.PID()})
		return
	}
	end := s.app.pushEnd(w.began)
	e := phoneline.Event{Kind: phoneline.Push, Data: m.Data, Allowed: time.Until(end).Round(100 * time.Millisecond).String()}
	if m.Deleted {
		e.Kind, e.Data = phoneline.DeletedMessages, nil
	}
	if s.clock.off() != 0 {
		shown := s.clock.shown()
		e.Clock = &shown
	}
	e = s.app.number(e)
	r := s.record.add(Record{Push: m.ID, Did: dids[w.how], State: w.found, PID: instance.PID()})
	r.Result, r.Reason = s.await(instance, instance.Send(e), end)
	r.Took = time.Since(w.began)
	s.finish(r, instance)
}

// repeats reports whether FCM's client in the app has been given a message already, and remembers it if not.
func (s *system) repeats(m Message, run int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.spec.Platform == Android && s.recent.repeats(run, m.ID)
}

// await waits for the handler's result, the end of the app, or the end of the time allowed.
func (s *system) await(instance Instance, answer <-chan phoneline.Answer, end time.Time) (Result, Reason) {
	over := time.NewTimer(time.Until(end))
	defer over.Stop()
	var a phoneline.Answer
	select {
	case a = <-answer:
	case <-instance.Done():
		select {
		case a = <-answer: // it answered, and ended then
		default:
			return "", AppGone
		}
	case <-over.C:
		return "", TimeOver
	}
	switch r := Result(a.Result); r {
	case NewData, NoData, Failed:
		return r, ""
	case phoneline.OK: // of deleted_messages
		return NoData, ""
	}
	s.record.logSystem(instance.PID(), "the app answered a push with the result \""+a.Result+"\"; want new_data, no_data or failed")
	return Failed, ""
}

// finish writes down how a handler ended. One that took longer than allowed is killed with its app, unless that is in the
// foreground; and iOS remembers what it cost.
func (s *system) finish(r Record, instance Instance) {
	s.app.steps.Lock()
	defer s.app.steps.Unlock()
	rules := s.fleet.cfg.Rules
	if s.spec.Platform == IOS && r.State != Foreground {
		s.mu.Lock()
		s.pacing.spend(penalty(r.Result, r.Reason, r.Took, rules), s.clock.now(), rules)
		s.mu.Unlock()
	}
	if running, _ := s.app.running(); r.Reason == TimeOver && running == instance && s.app.now() != Foreground {
		s.app.kill(Reclaimed, "its handler took longer than the "+rules.allowed(s.spec.Platform).String()+" allowed")
	}
	s.record.amend(r)
}

// appEnded is called when the app's process is gone, or about to be: a push that the phone held for the app is discarded on
// iOS ("Pushing background updates to your App").
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
	s.queue = nil
	s.discardOnPhone(HeldLost)
	s.pacing = pacing{born: s.pacing.born, day: s.pacing.day}
	s.standby = standby{osVersion: s.standby.osVersion}
}

// close makes the system take no more pushes, and forget those that wait.
func (s *system) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.queue, s.onPhone = nil, nil
}

func (s *system) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// changeStandby changes what Android and FCM have counted for the app, or know of the phone.
func (s *system) changeStandby(change func(standby) standby) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.standby = change(s.standby)
}

func (s *system) currentStandby() standby {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.standby
}
