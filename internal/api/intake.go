package api

import (
	"context"

	"github.com/hushpush/hush/push"
)

// Intake decides whether there is room for more pushes.
type Intake interface {
	// Enter reserves room for pushes that will make at most atMost devices and pushes due. If there is none, the error is a
	// *push.BacklogFull, and the pushes must be refused. Call leave when they have been committed or refused, with what they made
	// due: devices, and pushes whose deliveries are yet to be made.
	Enter(atMost int) (leave func(devices, pushes int), err error)
	// Refused counts pushes that were refused because of an error of Enter.
	Refused(pushes int)
}

// endless has room for everything.
type endless struct{}

func (endless) Enter(int) (func(int, int), error) { return leaveNothing, nil }
func (endless) Refused(int)                       {}

func leaveNothing(int, int) {}

// accept passes a push on if there is room for it. A push that was accepted before gets its earlier answer in any case.
func (a *API) accept(ctx context.Context, p push.Push, key *push.Idempotency) (accepted push.Accepted, err error) {
	leave, err := a.Intake.Enter(dueAtMost(p))
	if err != nil {
		if !a.repeats(ctx, p.App, key) {
			a.Intake.Refused(1)
			return push.Accepted{}, err
		}
		leave = leaveNothing
	}
	made := due{}
	defer func() { leave(made.devices, made.pushes) }()
	accepted, err = a.Delivery.Accept(ctx, p, key)
	made.add(p, accepted, err)
	return accepted, err
}

// acceptAll passes the valid pushes of a batch on if there is room for all of them; otherwise it refuses all.
func (a *API) acceptAll(ctx context.Context, pushes []push.Push, at []int, key *push.Idempotency) ([]push.AcceptResult, error) {
	atMost := 0
	for _, p := range pushes {
		atMost += dueAtMost(p)
	}
	leave, err := a.Intake.Enter(atMost)
	if err != nil {
		a.Intake.Refused(len(pushes))
		return nil, err
	}
	made := due{}
	defer func() { leave(made.devices, made.pushes) }()
	results := a.acceptBatch(ctx, pushes, at, key)
	for i, r := range results {
		made.add(pushes[i], r.Accepted, r.Err)
	}
	return results, nil
}

// due counts what accepted pushes have made due.
type due struct {
	devices int
	pushes  int // pushes whose deliveries are yet to be made
}

func (d *due) add(p push.Push, accepted push.Accepted, err error) {
	switch {
	case err != nil, accepted.Repeated, !p.DeliverAt.IsZero():
	case p.To.Deferred(), accepted.InPieces:
		d.pushes++
	default:
		d.devices += len(accepted.Devices)
	}
}

// dueAtMost returns how much a push can make due: the users or devices that it names or, for tags and all, the push itself.
func dueAtMost(p push.Push) int { return max(1, len(p.To.Users), len(p.To.Devices)) }
