package delivery

import (
	"context"
	"fmt"
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

// Forecaster predicts what accepting a push would find, and changes nothing.
type Forecaster interface {
	// Audience returns whom a push would reach now: the first 10 000 devices, and users without one. The error is push.FieldErrors
	// for a device that is not registered.
	Audience(ctx context.Context, p push.Push) ([]push.Target, []push.Warning, error)

	// Resource returns one of an app's resources; push.ErrNotFound if it is not there. It is shared: do not write to it.
	Resource(ctx context.Context, app, id string) (push.Resource, error)
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

// DryRun returns what would be done with a push on each device of its audience (the first 10 000), and does nothing.
func (e *Engine) DryRun(ctx context.Context, p push.Push) ([]push.Decision, []push.Warning, error) {
	resource, err := e.cfg.Store.Resource(ctx, p.App, p.ResourceID)
	if err != nil {
		return nil, nil, fmt.Errorf("delivery: dry run: %w", err)
	}
	targets, warnings, err := e.cfg.Store.Audience(ctx, p)
	if err != nil {
		return nil, nil, fmt.Errorf("delivery: dry run: %w", err)
	}
	decisions := make([]push.Decision, 0, len(targets))
	for _, t := range targets {
		d, err := e.dryRun(ctx, p, resource, t)
		if err != nil {
			return nil, nil, fmt.Errorf("delivery: dry run: %w", err)
		}
		decisions = append(decisions, d)
	}
	return decisions, warnings, nil
}

func (e *Engine) dryRun(ctx context.Context, p push.Push, resource push.Resource, t push.Target) (push.Decision, error) {
	accepting := push.Accepting{AckWait: e.cfg.AckWait}
	if t.Device.ID == "" {
		return withoutDevice(accepting.Place(p, resource, push.Recipient{User: t.User}, p.AcceptedAt, push.Ending{}).Delivery), nil
	}
	snap, err := e.cfg.Store.PeekDevice(ctx, t.Device.Key(), 0)
	if err != nil {
		return push.Decision{}, err
	}
	platform := snap.Device.Platform
	trial := accepting.Place(p, resource, push.Recipient{Device: t.Device.ID, User: t.User, Platform: platform, Generation: snap.Device.OwnerGeneration},
		p.AcceptedAt, push.Ending{}).Delivery
	trial.Payload, trial.PayloadBytes = p.Payload, len(p.Payload)
	snap.Open, snap.Resources = []push.Delivery{trial}, map[string]push.Resource{resource.ID: resource}
	s := e.know(t.Device.Key(), true).of(snap)
	b := newBoard(s.now, snap)
	plan := planFor(s, b, snap.NextExpiry)
	out := push.Decision{DeviceID: t.Device.ID, Provider: platform.Provider(), Reason: b.open[0].Reason}
	switch {
	case len(plan.session) > 0:
		out.Do = push.DoSession
	case plan.wake != nil:
		out.Do = push.DoWake
	case b.open[0].State.Final():
		out.Do = push.DoStop
	default:
		out.Do, out.Budget = push.DoWait, budgetOf(b.open[0], b)
		if out.Budget != nil {
			out.Budget, err = e.budgetBeside(ctx, trial, resource, *out.Budget)
		}
		if out.Reason == push.ReasonNone {
			out.Reason = push.ReasonWake // one is on its way already, and brings this one if it can
		}
	}
	return out, err
}

// budgetBeside returns what a trial waits for beside the deliveries that are open: the first wake that any of their budgets
// allows brings all of them.
func (e *Engine) budgetBeside(ctx context.Context, trial push.Delivery, resource push.Resource, byItself push.BudgetWait) (*push.BudgetWait, error) {
	snap, err := e.cfg.Store.PeekDevice(ctx, push.DeviceKey{App: trial.App, Device: trial.DeviceID}, lookLimit)
	if err != nil {
		return nil, err
	}
	snap.Open = append(snap.Open, trial)
	if snap.Resources == nil {
		snap.Resources = map[string]push.Resource{}
	}
	snap.Resources[resource.ID] = resource
	if b, _ := peek(e.know(snap.Device.Key(), true).of(snap), snap); b.budget != nil {
		return b.budget, nil
	}
	return &byItself, nil // it has just become free, or what is open is on its way
}

// withoutDevice returns the decision for a user without a device.
func withoutDevice(made push.Delivery) push.Decision {
	out := push.Decision{Do: push.DoWait, Reason: made.Reason}
	if made.State.Final() {
		out.Do = push.DoStop
	}
	return out
}
