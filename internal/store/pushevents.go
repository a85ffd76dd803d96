package store

import (
	"context"
	"time"

	"github.com/hushpush/hush/push"
)

// recordAccepted records that a push was accepted. The deliveries of a push for later are not made yet; those for the users and
// devices that it names are recorded all the same.
func (t *tx) recordAccepted(p push.Push) {
	state := push.Waiting
	if p.DeliverAt.After(p.AcceptedAt) {
		state = push.Scheduled
	}
	t.recordPushChange(p, state, push.Event{At: p.AcceptedAt, Event: push.EventAccepted})
	if deferred(p) {
		t.recordScheduled(pushRow{Push: p})
	}
}

// recordCancelled records that a push was cancelled before all of its deliveries were made: as a whole, or for the users and
// devices that it names. Deliveries from a stored list are recorded when they are made, which they are as cancelled ones.
func (t *tx) recordCancelled(p pushRow, at time.Time) {
	switch {
	case p.To.Deferred():
		t.recordPushChange(p.Push, push.Cancelled, push.Event{At: at, Event: push.EventName(push.Cancelled)})
	case p.list == "":
		p.cancelledAt = at
		t.finals[finalKey{push.Cancelled, push.ReasonNone}] += len(p.namedTargets())
		t.recordScheduled(p)
	}
	t.touch(p.ID)
}

// recordScheduled records the last event of each delivery that a push shows before it is made.
func (t *tx) recordScheduled(p pushRow) {
	if !t.s.appLogs.follows(p.App) {
		return
	}
	for _, to := range p.namedTargets() {
		d := p.scheduledFor(to)
		t.appEvents[p.App] = append(t.appEvents[p.App], d.AppEvents(d.Events[len(d.Events)-1:])...)
	}
}

const anyDelivery = "SELECT 1 FROM deliveries WHERE push = ? LIMIT 1"

// recordExpanded records that a piece of a push's deliveries was made. If it was the last piece and the push has no deliveries, it
// records that, too.
func (e *expansion) recordExpanded(ctx context.Context) error {
	e.t.touch(e.p.ID)
	if !e.done || !e.t.s.appLogs.follows(e.p.App) {
		return nil
	}
	made, err := all(ctx, e.t, scalar[int64], anyDelivery, e.p.n)
	if err == nil && len(made) == 0 {
		e.t.recordPushChange(e.p.Push, "", push.Event{At: e.now, Event: push.EventNobody})
	}
	return err
}
