package api

import (
	"context"

	"github.com/hushpush/hush/push"
)

// Intake says whether there is room for more pushes.
type Intake interface {
	// Enter asks for room for pushes that will make at most so many devices and pushes due. Its error is a *push.BacklogFull:
	// they are to be refused. leave is called when they are committed or refused, with what they made due: devices, and pushes
	// whose deliveries are still to be made.
	Enter(atMost int) (leave func(devices, pushes int), err error)
	// Refused is told that so many pushes were refused because of what Enter said.
	Refused(pushes int)
}

// endless has room for everything.
type endless struct{}

func (endless) Enter(int) (func(int, int), error) { return leaveNothing, nil }
func (endless) Refused(int)                       {}

func leaveNothing(int, int) {}

// accept hands a push on, if there is room for it. One that was accepted before gets its earlier answer in any case.
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

// acceptAll hands the good pushes of a batch on, if there is room: all of them, or none.
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

// due is what accepted pushes have made due.
type due struct {
	devices int
	pushes  int // whose deliveries are still to be made
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

// dueAtMost is how much a push will make due: who is named, or the push itself where they are looked up.
func dueAtMost(p push.Push) int { return max(1, len(p.To.Users), len(p.To.Devices)) }
