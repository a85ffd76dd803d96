package delivery

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/hushpush/hush/push"
)

// Stepper reads and changes one device's deliveries.
type Stepper interface {
	// Step reads a device, locked, and commits the changes that look decides on. look is a plain function of the snapshot: it may
	// run more than once, must not wait, and must not act, log or count. For a device that does not exist the snapshot is empty,
	// and no changes of a device are written. Steps on one device see each other's changes, and a final delivery stays final.
	Step(ctx context.Context, r push.StepRequest, look func(push.Snapshot) push.Changes) (push.Changes, error)

	// Settle commits changes that were decided on what an earlier step left, without reading it again. It reports whether all was
	// still as left; if not, nothing is changed. A device's token and HeardAt are not written.
	Settle(ctx context.Context, r push.Settlement) (settled bool, err error)
}

// work visits devices of a queue until there is none to be taken. ctx does not end: what is begun is committed, whatever stops
// meanwhile.
func (e *Engine) work(ctx context.Context, q *queue) {
	wake := make(chan struct{}, 1)
	for {
		key, ok := q.work(wake)
		if !ok {
			return
		}
		e.visit(ctx, key, q == e.queue)
		q.done(key)
	}
}

// visit looks at a device and carries out what the look decides, until nothing remains to be done now. Without wakes, it leaves
// a wake to other workers, since it must not wait for a provider.
func (e *Engine) visit(ctx context.Context, key push.DeviceKey, wakes bool) {
	var last *outcome
	useSession := true
	d, is := e.todo.pop(key)
	if is {
		defer e.todo.release(key.App, 1)
	}
	if is && d.stale(e.cfg.Now()) {
		last, is = unsent(*d.plan.changes.Device, *d.plan.wake, "it waited too long for its turn"), false
	}
	if !is {
		d = &decided{}
	}
	for k, p := &d.known, &d.plan; ; {
		if !is {
			k = e.node.know(key, useSession)
			var err error
			if *p, err = e.look(ctx, key, last, k); err != nil {
				if !errors.Is(err, push.ErrNotFound) {
					e.cfg.Logger.Warn("device not looked at; its row is due again", "app", key.App, "device", key.Device, "error", err)
				}
				return
			}
		}
		is, last = false, nil
		switch {
		case k.session == nil && e.node.sessionOf(key) != nil: // it gets what is open, and the wake is not sent
			if useSession = true; p.wake != nil {
				last = unsent(*p.changes.Device, *p.wake, "a session was opened before it could be sent")
			}
		case len(p.session) > 0 && !e.sendToSession(key, p.session):
			if useSession = false; p.wake != nil {
				last = unsent(*p.changes.Device, *p.wake, "a session was lost before it could be sent")
			}
		case p.wake == nil:
			return
		case !wakes:
			p.session = nil // is sent
			e.todo.release(key.App, -1)
			e.handOver(key, &decided{*k, *p})
			return
		default:
			o := e.wakes.send(p.changes.Device, *p.wake)
			k = e.node.know(key, useSession)
			if is = e.settle(ctx, k, p, o); !is {
				last = o
			}
		}
	}
}

// look makes one look: the decision is made in the store's transaction, and is committed when look returns.
func (e *Engine) look(ctx context.Context, key push.DeviceKey, last *outcome, k *known) (plan, error) {
	r := push.StepRequest{Key: key, OpenLimit: lookLimit}
	if last != nil {
		r.Named, r.NamedOf = last.wake.Pushes, last.user
	}
	var p plan
	var before push.Snapshot
	_, err := e.cfg.Store.Step(ctx, r, func(snap push.Snapshot) push.Changes {
		before = snap
		if !snap.Device.Registered() {
			p = plan{}
			return answerWithoutOwner(k.now, snap, last)
		}
		s := k.of(snap)
		b := newBoard(s.now, snap)
		if last != nil {
			last.apply(s, b)
		}
		p = planFor(s, b, snap.NextExpiry)
		if p.wake != nil && snap.OpenTotal == len(snap.Open) {
			p.board, p.rules = b, rulesOf(snap) // for the answer to its wake
		}
		return p.changes
	})
	if err != nil {
		return plan{}, err
	}
	e.afterCommit(key, before.Device.Platform, k, &p)
	if d := p.changes.Device; d != nil && d.Token == push.TokenDead && before.Device.Token != push.TokenDead {
		e.cfg.Vitals.TokenDropped(key.App, d.Platform.Provider(), deathOf(before, last))
	}
	return p, nil
}

// settledAtOnce is how many open deliveries the short way of an answer may have; if there are more, they are read again.
const settledAtOnce = 8

// settle is the look at an answer without reading. It decides on what the last look left, commits if the rows are unchanged,
// and replaces the last plan with its own. False: nothing is committed, and the device has to be looked at.
func (e *Engine) settle(ctx context.Context, k *known, last *plan, o *outcome) bool {
	b := last.board
	if b == nil || k.session != nil {
		return false
	}
	b.commit(k.now)
	left := b.device
	r := push.Settlement{Left: &left, Open: b.left()}
	full := slices.ContainsFunc(r.Open, func(d push.Delivery) bool { return d.EventsKept >= push.MaxEvents })
	if len(r.Open) > settledAtOnce || full {
		return false
	}
	s := k.ofDevice(&left, last.rules)
	o.apply(s, b)
	p := planFor(s, b, time.Time{})
	if r.Changes = p.changes; p.dead || b.device.Token != left.Token {
		return false
	}
	if d := b.device; d.Wake.State == push.WakeNone && d.DueAt.Equal(left.DueAt) && len(d.WakeTimes) == len(left.WakeTimes) {
		r.Changes.Device = nil
	}
	// A store that fails fails the look as well, which says so.
	if settled, err := e.cfg.Store.Settle(ctx, r); err != nil || !settled {
		return false
	}
	p.board, p.rules = b, last.rules
	*last = p
	e.afterCommit(left.Key(), left.Platform, k, last)
	return true
}

// afterCommit acts on what a look has committed.
func (e *Engine) afterCommit(key push.DeviceKey, platform push.Platform, k *known, p *plan) {
	if p.changes.Device != nil {
		e.clock.dueAt(looks, p.changes.Device.DueAt)
	}
	if p.dead {
		e.cfg.Sessions.NoAck(key, k.session.id)
	}
	if e.node.outdated(k, platform.Provider(), key.App) {
		e.Look(key)
	}
}

// deathOf returns the provider's reason for a token that a look dropped: from the answer that the look applied, or from one
// that had waited for others like it.
func deathOf(before push.Snapshot, last *outcome) push.Reason {
	if last != nil && last.err != nil {
		return push.Reason(last.err.Reason)
	}
	return push.Reason(before.Device.Wake.Refusal)
}

// answerWithoutOwner returns the changes of a look at a device that has no owner any more: an answer to its last wake is an
// event.
func answerWithoutOwner(now time.Time, snap push.Snapshot, last *outcome) push.Changes {
	if last == nil {
		return push.Changes{}
	}
	b := newBoard(now, snap)
	last.record(b)
	b.tryEnded(last.wake)
	c := b.changes()
	c.Device = nil
	return c
}

// sendToSession hands pushes to the device's session. It reports false if there is no session, or it is gone.
func (e *Engine) sendToSession(key push.DeviceKey, pushes []push.Delivery) bool {
	items := make([]push.Item, len(pushes))
	for i, d := range pushes {
		items[i] = d.Item()
	}
	id, _, ok := e.cfg.Sessions.Session(key)
	return ok && e.cfg.Sessions.Send(key, id, items)
}
