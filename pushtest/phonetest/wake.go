package phonetest

import (
	"context"
	"time"

	"github.com/hushpush/hush/pushtest/phonetest/phoneline"
)

// Deliver is the push service's end of the line: a message has reached the phone. It never blocks; one worker per phone
// takes the messages in order, as long as there are any.
func (p *Phone) Deliver(m Message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	if m.High && p.spec.Platform == Android {
		now := p.now()
		m.urgent = p.standby.keepsHigh(now, p.fleet.cfg.Rules)
		p.standby = p.standby.count(now)
	}
	p.enqueue(m)
}

// enqueue hands messages to the worker. p.mu must be held.
func (p *Phone) enqueue(ms ...Message) {
	n := 0
	for _, m := range ms {
		if len(p.queue) >= maxQueue {
			p.note(Record{Push: m.ID, Did: Dropped, Reason: QueueFull, State: p.state})
			continue
		}
		p.queue = append(p.queue, m)
		n++
	}
	if n > 0 {
		p.fleet.begin(p, n)
	}
}

// work takes messages until there are none, and lets the app sleep again.
func (p *Phone) work() {
	for {
		m, ok := p.next()
		if !ok {
			return
		}
		if run := p.wake(m); run != nil {
			run()
		}
	}
}

// next is the next message. Without one the worker ends, after it has suspended an app that ran for pushes only.
func (p *Phone) next() (m Message, ok bool) {
	p.mu.Lock()
	if len(p.queue) > 0 {
		m, p.queue = p.queue[0], p.queue[1:]
		p.mu.Unlock()
		return m, true
	}
	if p.returnTo == "" {
		p.queue, p.working = nil, false
		p.fleet.done()
		p.mu.Unlock()
		return m, false
	}
	p.mu.Unlock()
	p.sleep(false)
	return p.next()
}

// sleep suspends an app that a push woke, unless a person has opened it meanwhile or (but for always) another push is there.
func (p *Phone) sleep(always bool) {
	p.steps.Lock()
	defer p.steps.Unlock()
	p.mu.Lock()
	due := p.returnTo == Suspended && (always || len(p.queue) == 0)
	p.mu.Unlock()
	if !due {
		return
	}
	if err := p.suspend(); err != nil {
		p.enter(Reclaimed) // its process has ended by itself
	}
}

// wake does with a message what the system's rules say, and returns what is left to do without the steps locked: to run
// the app's handler. nil: nothing.
func (p *Phone) wake(m Message) func() {
	p.steps.Lock()
	defer p.steps.Unlock()
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	found := p.state
	if !m.released && !m.admitted && m.expired(p.now()) {
		p.note(Record{Push: m.ID, Did: Dropped, Reason: PushExpired, State: found})
		p.mu.Unlock()
		return nil
	}
	v := p.judge(m)
	if v.do == hold && m.released {
		v = starting(found)
	}
	switch v.do {
	case drop:
		p.note(Record{Push: m.ID, Did: Dropped, Reason: v.why, State: found})
		p.mu.Unlock()
		return nil
	case hold:
		p.keep(m, v.why)
		p.mu.Unlock()
		return nil
	}
	if p.spec.Platform == IOS && found != Foreground {
		p.spend(1)
	}
	p.mu.Unlock()

	began := time.Now()
	if err := p.rouse(v.do, found); err != nil {
		p.mu.Lock()
		p.logLine(0, true, "not started for a push: "+err.Error())
		p.note(Record{Push: m.ID, Did: Dropped, Reason: LaunchFailed, State: found})
		p.mu.Unlock()
		return nil
	}
	return func() { p.handle(m, v.do, found, began) }
}

// judge asks the platform's rule. p.mu must be held.
func (p *Phone) judge(m Message) verdict {
	if m.Unfit != "" && p.state != Foreground {
		return verdict{drop, m.Unfit}
	}
	now, rules := p.now(), p.fleet.cfg.Rules
	var v verdict
	if p.spec.Platform == IOS {
		paced, _ := p.bucket.empty(now, rules)
		spent, _ := p.day.spentAll(p.born, now, rules)
		v = iosVerdict(iosFacts{state: p.state, lowPower: p.facts.lowPower, refreshOff: p.facts.refreshOff, paced: paced, spent: spent})
		if rules.IOSNotWokenDrops && (v.why == LowPower || v.why == RefreshOff) {
			v.do = drop
		}
	} else {
		v = p.judgeAndroid(m)
	}
	if v.do == launch && now.Before(p.facts.startsAt) {
		return verdict{hold, Restarting}
	}
	return v
}

// judgeAndroid asks Android's rule. p.mu must be held.
func (p *Phone) judgeAndroid(m Message) verdict {
	now := p.now()
	high := m.High && (m.urgent || p.standby.keepsHigh(now, p.fleet.cfg.Rules))
	return androidVerdict(androidFacts{
		state:  p.state,
		locked: p.facts.locked && !m.admitted && !(m.DirectBoot && p.facts.directBoot),
		dozing: p.dozes(now) && !m.admitted,
		high:   high,
	})
}

// spend takes what a push, or its handler, costs out of what an app on iOS may use. p.mu must be held.
func (p *Phone) spend(n float64) {
	now := p.now()
	p.bucket = p.bucket.take(n, now, p.fleet.cfg.Rules)
	p.day = p.day.take(n, p.born, now)
}

// dozes tells whether Doze keeps messages of normal priority back now. p.mu must be held.
func (p *Phone) dozes(now time.Time) bool {
	if !p.facts.dozing || p.facts.charging {
		return false
	}
	open, _ := dozeWindow(p.facts.dozeSince, now, p.fleet.cfg.Rules)
	return !open
}

// rouse makes the app run. An app that a push wakes goes back to sleep afterwards. p.steps must be held.
func (p *Phone) rouse(do action, found State) error {
	switch do {
	case resume:
		if err := p.resume(found); err != nil {
			return err
		}
		p.enter(Background)
	case launch:
		if err := p.launch(context.Background(), Background); err != nil {
			return err
		}
	default:
		return nil
	}
	p.mu.Lock()
	p.returnTo = Suspended
	p.mu.Unlock()
	return nil
}

var dids = map[action]Did{give: Gave, resume: Resumed, launch: Launched}

// handle gives a push to the app that runs, and waits for its result. The time allowed began when the system began to wake
// the app; pushes that follow while it is awake do not get a fresh one.
func (p *Phone) handle(m Message, do action, found State, began time.Time) {
	p.mu.Lock()
	instance := p.instance
	if instance == nil {
		p.note(Record{Push: m.ID, Did: dids[do], Reason: AppGone, State: found})
		p.mu.Unlock()
		return
	}
	if p.spec.Platform == Android && p.recent.repeats(p.run, m.ID) {
		p.note(Record{Push: m.ID, Did: Dropped, Reason: Repeated, State: found, PID: instance.PID()})
		p.mu.Unlock()
		return
	}
	end := began.Add(p.fleet.cfg.Rules.allowed(p.spec.Platform))
	if p.returnTo != "" {
		if p.windowEnd.IsZero() {
			p.windowEnd = end
		}
		end = p.windowEnd
	}
	e := phoneline.Event{Kind: phoneline.Push, Data: m.Data, Allowed: time.Until(end).Round(100 * time.Millisecond).String()}
	if m.Deleted {
		e.Kind, e.Data = phoneline.DeletedMessages, nil
	}
	if p.facts.clockOff != 0 {
		now := p.wall()
		e.Clock = &now
	}
	e = p.event(e)
	r := p.note(Record{Push: m.ID, Did: dids[do], State: found, PID: instance.PID()})
	p.mu.Unlock()

	r.Result, r.Reason = p.await(instance, instance.Send(e), end)
	r.Took = time.Since(began)
	p.finish(r, instance)
}

// await waits for the handler's result, the end of the app, or the end of the time allowed.
func (p *Phone) await(instance Instance, answer <-chan phoneline.Answer, end time.Time) (Result, Reason) {
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
	p.mu.Lock()
	defer p.mu.Unlock()
	p.logLine(instance.PID(), true, "the app answered a push with the result \""+a.Result+"\"; want new_data, no_data or failed")
	return Failed, ""
}

// finish writes down how a handler ended. One that took longer than allowed is killed with its app, unless that is in the
// foreground; and iOS remembers what it cost.
func (p *Phone) finish(r Record, instance Instance) {
	p.steps.Lock()
	defer p.steps.Unlock()
	p.mu.Lock()
	late := r.Reason == TimeOver && p.instance == instance && p.state != Foreground
	if p.spec.Platform == IOS && r.State != Foreground {
		p.spend(penalty(r.Result, r.Reason, r.Took, p.fleet.cfg.Rules))
	}
	p.mu.Unlock()
	if late {
		p.kill(Reclaimed, "its handler took longer than the "+p.fleet.cfg.Rules.allowed(p.spec.Platform).String()+" allowed")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.amend(r)
}
