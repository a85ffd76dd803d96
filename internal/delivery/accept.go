package delivery

import (
	"context"
	"slices"
	"time"

	"github.com/hushpush/hush/push"
)

// Accepter commits pushes.
type Accepter interface {
	// Accept commits each push by itself, with the deliveries that are made of it now, and returns an outcome for each, in order.
	// The devices whose inbox it went into are leased to this node; with a lease of 0 they are due now.
	//
	// look decides at once on devices on which little else is open, as that of Step does, perhaps of several pushes at the same
	// time; the new push is the last of what is open. If look is nil, nothing is decided.
	//
	// Errors of an outcome: push.ErrNotFound for the app or the resource, push.ErrConflict for another body under the idempotency
	// key, push.FieldErrors for a device that is not registered.
	Accept(ctx context.Context, pushes []push.AcceptRequest, lease time.Duration, look func(push.Snapshot) push.Changes) []push.AcceptResult

	// DevicesOfUsers returns the ids of the devices of users, in no order. An unknown user has none.
	DevicesOfUsers(ctx context.Context, app string, users []string) ([]string, error)
}

// Accept makes a push durable and starts its delivery. When it returns without an error, the push is committed and flushed.
func (e *Engine) Accept(ctx context.Context, p push.Push, idem *push.Idempotency) (push.Accepted, error) {
	r := e.accept(ctx, []push.AcceptRequest{{Push: p, Idempotency: idem}})[0]
	return r.Accepted, r.Err
}

// AcceptBatch is Accept for many pushes of one app. Some may fail while others are accepted.
func (e *Engine) AcceptBatch(ctx context.Context, pushes []push.Push) []push.AcceptResult {
	reqs := make([]push.AcceptRequest, len(pushes))
	for i, p := range pushes {
		reqs[i].Push = p
	}
	return e.accept(ctx, reqs)
}

func (e *Engine) accept(ctx context.Context, reqs []push.AcceptRequest) []push.AcceptResult {
	app := reqs[0].Push.App
	f, room := e.lookAsAccepted(ctx, reqs)
	leaseTime := lease
	if e.queue.free(app) < f.away {
		leaseTime, f.noWakes = 0, true // memory is full: the rows are due now, and back-pressure costs disk
	}
	look := f.look
	if f.noWakes && f.online() == 0 {
		look = nil
	}
	followed := 0
	defer func() { e.todo.release(app, room-followed) }()
	results := e.cfg.Store.Accept(ctx, reqs, leaseTime, look)
	for i, r := range results {
		if r.Err != nil || r.Accepted.Repeated {
			continue
		}
		e.cfg.Metrics.Accepted.Inc()
		e.cfg.Vitals.Accepted()
		if reqs[i].Push.To.Deferred() || r.Accepted.InPieces {
			e.clock.dueAt(expansions, reqs[i].Push.Start())
		}
		followed += e.follow(f, r.Accepted.ID, r.Accepted.Looked)
		if rest := without(r.Accepted.Devices, r.Accepted.Looked); leaseTime > 0 {
			e.Look(rest...)
		} else {
			e.lookAtOnline(rest)
			e.clock.dueAt(looks, e.cfg.Now())
		}
	}
	return results
}

// named returns how many users and devices the pushes name.
func named(reqs []push.AcceptRequest) (n int) {
	for i := range reqs {
		to := &reqs[i].Push.To
		n += max(len(to.Users), len(to.Devices))
	}
	return n
}

// without returns the keys that are not among those looked at.
func without(keys, looked []push.DeviceKey) []push.DeviceKey {
	if len(looked) == 0 {
		return keys
	}
	is := make(map[push.DeviceKey]bool, len(looked))
	for _, k := range looked {
		is[k] = true
	}
	return slices.DeleteFunc(keys, func(k push.DeviceKey) bool { return is[k] })
}

// lookAsAccepted returns the look at fresh devices, and how many places are taken for what it decides. What goes to sessions
// needs no places. A request for a device with a session does not wait until there are places for the others: if there is no
// room now, those are looked at later.
func (e *Engine) lookAsAccepted(ctx context.Context, reqs []push.AcceptRequest) (f *fresh, room int) {
	f, err := e.freshFor(ctx, reqs)
	if err != nil { // the store does not answer
		return &fresh{away: named(reqs), noWakes: true}, 0
	}
	if f.away == 0 {
		return f, 0
	}
	app := reqs[0].Push.App
	if f.online() > 0 {
		if !e.todo.tryAcquire(app, f.away) {
			f.noWakes = true
			return f, 0
		}
		return f, f.away
	}
	room = f.away
	has, waited := e.todo.acquire(ctx, app, room)
	if !has {
		f.noWakes = true
		return f, 0
	}
	if waited { // what is known is out of date
		if f, err = e.freshFor(ctx, reqs); err != nil {
			return &fresh{away: named(reqs), noWakes: true}, room
		}
	}
	return f, room
}
