package delivery

import (
	"context"
	"fmt"

	"github.com/hushpush/hush/push"
)

// Forecaster predicts what accepting a push would find, and changes nothing.
type Forecaster interface {
	// Audience returns whom a push would reach now: the first 10 000 devices, and users without one. The error is push.FieldErrors
	// for a device that is not registered.
	Audience(ctx context.Context, p push.Push) ([]push.Target, []push.Warning, error)

	// Resource returns one of an app's resources; push.ErrNotFound if it is not there. It is shared: do not write to it.
	Resource(ctx context.Context, app, id string) (push.Resource, error)
}

// DryRun returns what would be done with a push on each device of its audience (the first 10 000), and does nothing.
func (v *preview) DryRun(ctx context.Context, p push.Push) ([]push.Decision, []push.Warning, error) {
	resource, err := v.store.Resource(ctx, p.App, p.ResourceID)
	if err != nil {
		return nil, nil, fmt.Errorf("delivery: dry run: %w", err)
	}
	targets, warnings, err := v.store.Audience(ctx, p)
	if err != nil {
		return nil, nil, fmt.Errorf("delivery: dry run: %w", err)
	}
	decisions := make([]push.Decision, 0, len(targets))
	for _, t := range targets {
		d, err := v.dryRun(ctx, p, resource, t)
		if err != nil {
			return nil, nil, fmt.Errorf("delivery: dry run: %w", err)
		}
		decisions = append(decisions, d)
	}
	return decisions, warnings, nil
}

func (v *preview) dryRun(ctx context.Context, p push.Push, resource push.Resource, t push.Target) (push.Decision, error) {
	accepting := push.Accepting{AckWait: v.node.ackWait}
	if t.Device.ID == "" {
		return withoutDevice(accepting.Place(p, resource, push.Recipient{User: t.User}, p.AcceptedAt, push.Ending{}).Delivery), nil
	}
	snap, err := v.store.PeekDevice(ctx, t.Device.Key(), 0)
	if err != nil {
		return push.Decision{}, err
	}
	platform := snap.Device.Platform
	trial := accepting.Place(p, resource, push.Recipient{Device: t.Device.ID, User: t.User, Platform: platform, Generation: snap.Device.OwnerGeneration},
		p.AcceptedAt, push.Ending{}).Delivery
	trial.Payload, trial.PayloadBytes = p.Payload, len(p.Payload)
	snap.Open, snap.Resources = []push.Delivery{trial}, map[string]push.Resource{resource.ID: resource}
	s := v.node.know(t.Device.Key(), true).of(snap)
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
			out.Budget, err = v.budgetBeside(ctx, trial, resource, *out.Budget)
		}
		if out.Reason == push.ReasonNone {
			out.Reason = push.ReasonWake // one is on its way already, and brings this one if it can
		}
	}
	return out, err
}

// budgetBeside returns what a trial waits for beside the deliveries that are open: the first wake that any of their budgets
// allows brings all of them.
func (v *preview) budgetBeside(ctx context.Context, trial push.Delivery, resource push.Resource, byItself push.BudgetWait) (*push.BudgetWait, error) {
	snap, err := v.store.PeekDevice(ctx, push.DeviceKey{App: trial.App, Device: trial.DeviceID}, lookLimit)
	if err != nil {
		return nil, err
	}
	snap.Open = append(snap.Open, trial)
	if snap.Resources == nil {
		snap.Resources = map[string]push.Resource{}
	}
	snap.Resources[resource.ID] = resource
	if b, _ := peek(v.node.know(snap.Device.Key(), true).of(snap), snap); b.budget != nil {
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
