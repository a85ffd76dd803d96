package delivery

import (
	"context"
	"fmt"
	"slices"

	"github.com/hushpush/hush/push"
)

// Peeker reads what a look would, without locking or changing anything.
type Peeker interface {
	// PeekDevice returns a device with its oldest open deliveries, up to openLimit; an empty snapshot if it does not exist.
	PeekDevice(ctx context.Context, key push.DeviceKey, openLimit int) (push.Snapshot, error)

	// PeekDevices is PeekDevice for several, in their order.
	PeekDevices(ctx context.Context, keys []push.DeviceKey, openLimit int) ([]push.Snapshot, error)

	// OpenTimelines returns the timelines of a device's newest open deliveries.
	OpenTimelines(ctx context.Context, key push.DeviceKey, limit int) ([][]push.Event, error)
}

// peekAtOnce is how many devices are read together; each may have many open deliveries.
const peekAtOnce = 20

// preview answers what a look would decide now, and commits nothing: what people are told cannot differ from what is done.
type preview struct {
	store interface {
		Forecaster
		Peeker
	}
	node *localNode
}

// Budgets returns, for those of the devices whose next wake a budget delays, which limit does so and until when.
func (v *preview) Budgets(ctx context.Context, keys []push.DeviceKey) (map[push.DeviceKey]push.BudgetWait, error) {
	waits := map[push.DeviceKey]push.BudgetWait{}
	for some := range slices.Chunk(keys, peekAtOnce) {
		snaps, err := v.store.PeekDevices(ctx, some, lookLimit)
		if err != nil {
			return nil, fmt.Errorf("delivery: budgets: %w", err)
		}
		for _, snap := range snaps {
			if !snap.Device.Registered() {
				continue
			}
			if b, _ := peek(v.node.know(snap.Device.Key(), true).of(snap), snap); b.budget != nil {
				waits[snap.Device.Key()] = *b.budget
			}
		}
	}
	return waits, nil
}

// peek returns the plan that a look at a device would make now. Nobody commits it.
func peek(s situation, snap push.Snapshot) (*board, plan) {
	b := newBoard(s.now, snap)
	return b, planFor(s, b, snap.NextExpiry)
}

// budgetOf returns the budget that delays a delivery's wake; nil if none does.
func budgetOf(e *entry, b *board) *push.BudgetWait {
	if e.Reason != push.ReasonBudget {
		return nil
	}
	return b.budget
}
