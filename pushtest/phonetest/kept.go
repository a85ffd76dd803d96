package phonetest

import "slices"

// What the push service keeps for a phone that cannot take it, and what the phone has to do with that.

// receiver is a phone as its push service sees it.
type receiver struct{ *Phone }

// Admits is what the phone would do with a push now, as far as that is for the service to know: Android's push service keeps
// what comes in Doze or before the phone is unlocked, and drops what comes for an app that was force-stopped. All the rest is
// the phone's own affair.
func (r receiver) Admits(m Message) (Did, Reason) {
	p := r.Phone
	if p.spec.Platform != Android {
		return "", ""
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch v := p.judgeAndroid(m); v.do {
	case hold:
		return Held, v.why
	case drop:
		return Dropped, v.why
	}
	return "", ""
}

// NotDelivered writes down what the service has done with a push. One that it kept only because the phone was off-line is not in
// the record: the phone never knew of it.
func (r receiver) NotDelivered(m Message, did Did, why Reason) {
	p := r.Phone
	p.mu.Lock()
	m.admitted = false // it is not: the phone asks itself what it would do
	now, last := p.judgeAndroid(m), p.lastRecord(m.ID)
	noted := last.Did == Held
	unkept := !noted && p.facts.online && now.do == hold // the service could not even keep it for the phone
	switch {
	case p.closed:
	case did == Held:
		p.serviceKeeps = true
		p.timesKept++
		if !noted || last.Reason != why {
			p.note(Record{Push: m.ID, Did: Held, Reason: why, State: p.state})
		}
		p.plan()
	case unkept && m.Once: // now or never, and it could not be now: the phone's reason says more than FCM's, which is its ttl
		p.note(Record{Push: m.ID, Did: Dropped, Reason: now.why, State: p.state})
	// Lost for the phone's sake, or after the record has said that it was held.
	case why == WasForceStopped || why == WasNeverRun || noted || unkept:
		p.note(Record{Push: m.ID, Did: Dropped, Reason: why, State: p.state})
	}
	moved := did == Held && now.do != hold // since the service has asked
	p.mu.Unlock()
	if moved {
		p.fetchKept()
	}
}

// lastRecord is what the phone's record says last of a push; the zero value if nothing. p.mu must be held.
func (p *Phone) lastRecord(push string) Record {
	for _, r := range slices.Backward(p.records) {
		if r.Push == push {
			return r
		}
	}
	return Record{}
}

// fetchKept has the service look again at what it keeps for the phone. p.mu must not be held.
func (p *Phone) fetchKept() {
	p.mu.Lock()
	k, keeps := p.line.(keeper)
	ask, kept := keeps && p.serviceKeeps && !p.closed, p.timesKept
	p.mu.Unlock()
	if !ask {
		return
	}
	waits := k.look()
	p.mu.Lock()
	defer p.mu.Unlock()
	if waits || p.timesKept != kept { // or something came meanwhile
		p.plan()
		return
	}
	p.serviceKeeps = false
}
