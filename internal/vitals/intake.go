package vitals

import (
	"time"

	"github.com/hushpush/hush/internal/spell"
	"github.com/hushpush/hush/push"
)

// intake is what there is room for where the backlog has a limit. What is due in the store is known from the last look, what
// is in memory is known at any time; what was accepted since that look and found no room in memory is counted here. Guarded
// by Vitals.mu.
type intake struct {
	limit    int // never changes; 0: none
	entering int // what pushes that are being accepted will make due, at most
	left     int // what was left to rows since the last look
	full     trouble
	fullAt   time.Time // since when it is full; zero: it is not
	most     int       // undone, since then
	mostAt   time.Time
}

// The times after which a refused push is asked to come back.
const (
	soonest = time.Second
	latest  = time.Minute
)

// undone returns all that is not worked off: b has what is due from the last look, and what is in memory now.
func (i *intake) undone(b push.Backlog) int { return b.Undone() + i.left }

// looked takes what a look has found. Before it, before was left to rows, and is found.
func (i *intake) looked(now time.Time, before int, found push.Backlog) {
	i.left -= before
	if i.limit == 0 {
		return
	}
	if undone := i.undone(found); undone < i.limit {
		i.fullAt = time.Time{}
	} else {
		i.isFull(now, undone)
	}
}

// isFull records that the backlog is full.
func (i *intake) isFull(now time.Time, undone int) {
	if i.fullAt.IsZero() {
		i.fullAt, i.most = now, 0
	}
	if undone >= i.most {
		i.most, i.mostAt = undone, now
	}
}

// wait returns how long it probably takes until there is room, at the pace at which the backlog has shrunk since it was largest. One that
// does not shrink will stay full about as long as it has been.
func (i *intake) wait(now time.Time, undone int) time.Duration {
	wait := now.Sub(i.fullAt)
	if done := i.most - undone; done > 0 {
		wait = time.Duration(float64(now.Sub(i.mostAt)) / float64(done) * float64(undone-i.limit+1))
	}
	return min(max(wait, soonest), latest)
}

// Enter asks for room for pushes that will make at most so many devices and pushes due. Its error is a *push.BacklogFull.
// leave is called when they are committed or refused, with what they made due: devices, and pushes whose deliveries are still
// to be made.
func (v *Vitals) Enter(atMost int) (leave func(devices, pushes int), err error) {
	if v.cfg.BacklogLimit == 0 {
		return func(int, int) {}, nil
	}
	now, waiting, working := v.cfg.Now(), 0, 0
	waiting, working, _ = v.parts.Queue.InHand()
	v.mu.Lock()
	defer v.mu.Unlock()
	i := &v.intake
	undone := i.undone(push.Backlog{Due: v.backlog.Due, InMemory: waiting, InWork: working})
	switch {
	case undone >= i.limit:
		i.isFull(now, undone)
		return nil, &push.BacklogFull{Limit: i.limit, Undone: undone, Entering: i.entering, RetryAfter: i.wait(now, undone)}
	case undone+i.entering >= i.limit: // it is not full: what is being accepted may turn out to be less
		return nil, &push.BacklogFull{Limit: i.limit, Undone: undone, Entering: i.entering, RetryAfter: soonest}
	}
	i.entering += atMost
	return func(devices, pushes int) { v.entered(atMost, devices, pushes) }, nil
}

func (v *Vitals) entered(atMost, devices, pushes int) {
	_, _, free := v.parts.Queue.InHand()
	v.mu.Lock()
	defer v.mu.Unlock()
	v.intake.entering -= atMost
	v.intake.left += pushes
	if free < devices {
		v.intake.left += devices // memory had no room for them
	}
}

// Refused counts pushes that were refused because the backlog is full.
func (v *Vitals) Refused(pushes int) {
	v.metrics.refused.Add(float64(pushes))
	v.mu.Lock()
	defer v.mu.Unlock()
	now := v.cfg.Now()
	for range pushes {
		v.intake.full.hit(now)
	}
}

func (v *Vitals) logIntake(now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	i, b := &v.intake, v.backlog
	const next = "work is due that is not worked off: see to commits, providers and the processor, or raise limits.backlog"
	attrs := []any{"limit", i.limit, "due", b.Due, "in_memory", b.InMemory, "in_work", b.InWork, "entering", i.entering, "refused", i.full.Count}
	line := i.full.due(now)
	if line == spell.None && i.fullAt.IsZero() && now.Sub(i.full.Last) > tick { // a backlog at its limit comes and goes by the millisecond
		i.full.well(now)
		line = i.full.due(now)
	}
	switch line {
	case spell.Begun:
		v.cfg.Logger.Warn("pushes are refused: the backlog is full", append(attrs, "next", next)...)
	case spell.Goes:
		v.cfg.Logger.Warn("pushes are still refused: the backlog is full", append(attrs, "for", i.full.For(now).String(), "next", next)...)
	case spell.Ended:
		v.cfg.Logger.Warn("pushes are accepted again", "limit", i.limit, "refused", i.full.Count, "for", i.full.For(now).String())
	}
}
