package phonetest

// What the push service keeps for a phone that cannot take it, and what the phone has to do with that.

// receiver is a phone as its push service sees it.
type receiver struct{ *Phone }

// Admits is what the phone would do with a push now, as far as that is for the service to know: Android's push service keeps
// what comes in Doze, and drops what comes for an app that was force-stopped. All the rest is the phone's own affair.
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

// NotDelivered writes down what the service has done with a push. Of one that it did not keep for the phone's sake, but
// because the phone was off-line, the record says nothing.
func (r receiver) NotDelivered(m Message, did Did, why Reason) {
	p := r.Phone
	p.mu.Lock()
	noted := p.lastDid(m.ID) == Held
	switch {
	case p.closed:
	case did == Held:
		p.keptAway = true
		p.note(Record{Push: m.ID, Did: Held, Reason: why, State: p.state})
		p.plan()
	case why == PushExpired && m.Once && p.facts.online && !noted: // now or never, and it could not be now
		p.note(Record{Push: m.ID, Did: Dropped, Reason: p.judgeAndroid(m).why, State: p.state})
	case why == WasForceStopped || why == WasNeverRun || noted:
		p.note(Record{Push: m.ID, Did: Dropped, Reason: why, State: p.state})
	}
	moved := p.keptAway && p.judgeAndroid(m).do != hold // since the service has asked
	p.mu.Unlock()
	if moved {
		p.fetchKept()
	}
}

// lastDid is what the phone's record says last of a push; "" if nothing. p.mu must be held.
func (p *Phone) lastDid(push string) Did {
	for i := len(p.records) - 1; i >= 0; i-- {
		if p.records[i].Push == push {
			return p.records[i].Did
		}
	}
	return ""
}

// fetchKept has the service look again at what it keeps for the phone. p.mu must not be held.
func (p *Phone) fetchKept() {
	p.mu.Lock()
	k, keeps := p.line.(keeper)
	ask := keeps && p.keptAway && !p.closed
	p.keptAway = p.keptAway && !ask // what is kept meanwhile sets it anew
	p.mu.Unlock()
	if !ask {
		return
	}
	if waits := k.look(); waits {
		p.mu.Lock()
		p.keptAway = true
		p.plan()
		p.mu.Unlock()
	}
}
