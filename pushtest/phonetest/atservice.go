package phonetest

// What the push service keeps for a phone that cannot take it, and what the phone has to do with that.

// receiver is a phone as its push service sees it.
type receiver struct{ system *system }

// Deliver brings a push.
func (r receiver) Deliver(m Message) { r.system.deliver(m) }

// Admits returns what the phone would do with a push now, as far as that is for the service to know: Android's push service
// keeps what comes in Doze or before the phone is unlocked, and drops what comes for an app that was force-stopped. All the
// rest is the phone's own affair.
func (r receiver) Admits(m Message) (Did, Reason) {
	s := r.system
	if s.spec.Platform != Android {
		return "", ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch v := s.androidVerdictOn(m); v.do {
	case hold:
		return Held, v.why
	case drop:
		return Dropped, v.why
	}
	return "", ""
}

// NotDelivered records what the service has done with a push. One that it kept only because the phone was off-line is not in
// the record: the phone never knew of it.
func (r receiver) NotDelivered(m Message, did Did, why Reason) {
	if moved := r.system.keptAtService(m, did, why); moved {
		r.system.fetchFromService()
	}
}

// keptAtService records what the service has done with a push, and reports whether the phone could take by now what the
// service keeps: something has changed since the service asked.
func (s *system) keptAtService(m Message, did Did, why Reason) (moved bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m.admitted = false // the phone asks itself what it would do
	now, last, state := s.androidVerdictOn(m), s.record.last(m.ID), s.app.now()
	recorded := last.Did == Held
	// unkept: the service kept nothing although the phone is on-line and would have held it.
	unkept := !recorded && s.conditions.get().online && now.do == hold
	switch {
	case s.closed:
	case did == Held:
		s.atService = true
		s.timesAtService++
		if !recorded || last.Reason != why {
			s.record.add(Record{Push: m.ID, Did: Held, Reason: why, State: state})
		}
		s.scheduleRelease()
	case unkept && m.Once: // now or never, and it could not be now: the phone's reason says more than FCM's, which is its ttl
		s.record.add(Record{Push: m.ID, Did: Dropped, Reason: now.why, State: state})
	// Lost because of the phone, or after the record has said that it was held.
	case why == WasForceStopped || why == WasNeverRun || recorded || unkept:
		s.record.add(Record{Push: m.ID, Did: Dropped, Reason: why, State: state})
	}
	return did == Held && now.do != hold
}

// fetchFromService makes the service look again at what it keeps for the phone. mu is not held: the service delivers to the
// phone meanwhile.
func (s *system) fetchFromService() {
	s.mu.Lock()
	ask, kept := s.atService && !s.closed, s.timesAtService
	s.mu.Unlock()
	line, keeps := s.service.toService().(keeper)
	if !ask || !keeps {
		return
	}
	waits := line.look()
	s.mu.Lock()
	defer s.mu.Unlock()
	if waits || s.timesAtService != kept { // or something came meanwhile
		s.scheduleRelease()
		return
	}
	s.atService = false
}

// forgetService forgets that the service may keep something: the installation that it was for is gone.
func (s *system) forgetService() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.atService = false
}
