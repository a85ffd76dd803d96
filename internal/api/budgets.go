package api

import (
	"context"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// deliveryBodies returns deliveries as the API shows them. One that waits for a budget names the limit that keeps it waiting.
func (a *API) deliveryBodies(ctx context.Context, deliveries []push.Delivery) ([]protocol.Delivery, error) {
	var waiting []push.DeviceKey
	for _, d := range deliveries {
		if waitsForBudget(d) {
			waiting = append(waiting, push.DeviceKey{App: d.App, Device: d.DeviceID})
		}
	}
	bodies := listOf(deliveries, deliveryBody)
	if len(waiting) == 0 {
		return bodies, nil
	}
	budgets, err := a.Delivery.Budgets(ctx, waiting)
	if err != nil {
		return nil, err
	}
	for i, d := range deliveries {
		if waitsForBudget(d) {
			bodies[i].Budget = budgetIn(budgets, push.DeviceKey{App: d.App, Device: d.DeviceID})
		}
	}
	return bodies, nil
}

func waitsForBudget(d push.Delivery) bool {
	return d.State == push.Waiting && d.Reason == push.ReasonBudget && d.DeviceID != ""
}

func budgetIn(budgets map[push.DeviceKey]push.BudgetWait, key push.DeviceKey) *protocol.BudgetWait {
	if w, ok := budgets[key]; ok {
		return budgetBody(&w)
	}
	return nil
}

func budgetBody(w *push.BudgetWait) *protocol.BudgetWait {
	if w == nil {
		return nil
	}
	return &protocol.BudgetWait{Limit: w.Limit, Wakes: w.Wakes, Per: w.Per.String(), Seen: w.Seen, NextAt: w.NextAt.UTC()}
}
