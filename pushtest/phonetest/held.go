package phonetest

import (
	"slices"
	"time"
)

// What a phone itself holds back, and when it lets it go: on iOS everything; on Android what reaches it just after it was switched
// on, and, where no push service keeps it (kept.go), what comes in Doze or before the phone is unlocked.

// maxHeld is how many messages wait for an app; with one more, all are discarded and the app is told (FCM, "Lifetime of a
// message").
const maxHeld = 100

// keep holds a message. iOS keeps the newest background push of an app only ("Pushing background updates to your App"), FCM
// the newest of a collapse key and 100 in all; one that is now or never is kept by nobody, and a full disk
// keeps none. p.mu must be held.
func (p *Phone) keep(m Message, why Reason) {
	if m.Once {
		p.note(Record{Push: m.ID, Did: Dropped, Reason: why, State: p.state})
		return
	}
	if p.facts.diskFull {
		p.note(Record{Push: m.ID, Did: Dropped, Reason: DiskFull, State: p.state})
		return
	}
	p.held = slices.DeleteFunc(p.held, func(old Message) bool {
		replaced := p.spec.Platform == IOS || (m.CollapseKey != "" && old.CollapseKey == m.CollapseKey)
		if replaced {
			p.note(Record{Push: old.ID, Did: Dropped, Reason: Replaced, State: p.state})
		}
		return replaced
	})
	if len(p.held) >= maxHeld {
		p.discardHeld(TooMany)
		m = Message{ID: "deleted-" + m.ID, Deleted: true}
	}
	p.held = append(p.held, m)
	p.note(Record{Push: m.ID, Did: Held, Reason: why, State: p.state})
	p.plan()
}

// discardHeld drops what is held. p.mu must be held.
func (p *Phone) discardHeld(why Reason) {
	for _, m := range p.held {
		p.note(Record{Push: m.ID, Did: Dropped, Reason: why, State: p.state})
	}
	p.held = nil
}

// release hands what is held to the worker, which judges it anew. It is called whenever something may have lifted the
// reason: the person opened the app, a fact of the phone changed, a time has come.
func (p *Phone) release() {
	p.releaseHeld()
	p.fetchKept()
}

func (p *Phone) releaseHeld() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	var again []Message
	for _, m := range p.held {
		if m.expired(p.now()) {
			p.note(Record{Push: m.ID, Did: Dropped, Reason: PushExpired, State: p.state})
			continue
		}
		if p.judge(m).do == hold {
			again = append(again, m)
			continue
		}
		m.released = true // what was let go in a maintenance window is not held back, nor over, because time has jumped on
		p.enqueue(m)
	}
	p.held = again
	p.plan()
}

// tick is called when something may be due.
func (p *Phone) tick() { p.release() }

// plan asks to be called when the reason for holding will be lifted by time alone. p.mu must be held.
func (p *Phone) plan() {
	if len(p.held) == 0 && !p.serviceKeeps {
		return
	}
	now, rules := p.now(), p.fleet.cfg.Rules
	var at time.Time
	if p.spec.Platform == IOS {
		_, paced := p.bucket.empty(now, rules)
		_, spent := p.day.spentAll(p.born, now, rules)
		at = latest(paced, spent)
	} else if p.facts.dozing {
		_, at = dozeWindow(p.facts.dozeSince, now, rules)
	}
	if now.Before(p.facts.startsAt) {
		at = latest(at, p.facts.startsAt)
	}
	if at.IsZero() {
		return
	}
	p.fleet.schedule(p, at.Add(-p.shift)) // in the fleet's time
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
