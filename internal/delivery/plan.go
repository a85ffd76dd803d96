package delivery

import (
	"time"

	"github.com/hushpush/hush/push"
)

// plan is the result of one look at a device: what is committed, and what is done after that.
type plan struct {
	changes push.Changes
	session []push.Delivery // to be given to the session
	wake    *push.Wake      // to be sent
	dead    bool            // the session did not acknowledge in time and is to be dropped

	// What it was decided on, and has left: the answer to its wake is decided on that.
	board *board
	rules rules
}

// rules is what a snapshot has beside the device and its deliveries: the policies that apply to them.
type rules struct {
	resources map[string]push.Resource
	topics    []string
}

func rulesOf(snap push.Snapshot) rules { return rules{snap.Resources, snap.Topics} }

// planFor decides on the open deliveries of a device, and on its wake. It changes nothing but the board.
func planFor(s situation, b *board, nextExpiry time.Time) plan {
	var p plan
	s.device = b.device
	if p.dead = settle(s, b); p.dead {
		s.session = nil
	}
	due := dueTime{nextExpiry}
	var wanting []*entry
	for _, e := range b.open {
		if e.State.Final() {
			continue
		}
		switch v := decide(s, e.Delivery); v.do {
		case push.DoSession:
			e.apply(e.SentBy(s.now, push.PathSession, s.now.Add(s.ackWait)))
			p.session = append(p.session, e.Delivery)
		case push.DoWake:
			wanting = append(wanting, e)
		default:
			b.to(e, v.state, v.why)
		}
	}
	p.wake = planWake(s, b, wanting, &due)
	for _, e := range b.open {
		if !e.State.Final() {
			due.at(e.ExpiresAt)
			if e.DueAt.After(s.now) {
				due.at(e.DueAt)
			}
		}
	}
	b.device.DueAt = due.Time
	p.changes = b.changes()
	return p
}

// settle moves on the deliveries that ran out of time: their session did not acknowledge, or their handler did not return. It
// reports whether the open session is the one that did not acknowledge.
func settle(s situation, b *board) (dead bool) {
	for _, e := range b.open {
		bySession := e.State == push.Sent && e.Path == push.PathSession
		if s.lost && bySession && e.ExpiresAt.After(s.now) {
			b.to(e, push.Waiting, push.ReasonSessionLost)
			continue
		}
		if e.DueAt.IsZero() || e.DueAt.After(s.now) || !e.ExpiresAt.After(s.now) {
			continue
		}
		switch {
		case e.State == push.Received:
			b.to(e, push.Waiting, push.ReasonNoResult)
			e.Unreturned++
		case bySession:
			dead = dead || s.session != nil && !s.session.since.After(e.DueAt.Add(-s.ackWait))
			b.to(e, push.Waiting, push.ReasonAckTimeout)
		}
	}
	return dead
}
