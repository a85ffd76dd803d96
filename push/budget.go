package push

import (
	"fmt"
	"time"
)

// Budget bounds how many wakes a device may get in a time, whoever sends. A strategy allows a wake if fewer than Wakes of all
// the device's wakes lie within Per, and fewer than Burst within Per/Wakes.
type Budget struct {
	Wakes int
	Per   time.Duration
	Burst int
}

// DefaultBudget returns what Apple advises (two or three background pushes an hour) and, for FCM, what its bucket of
// collapsible messages refills in an hour.
func DefaultBudget(p Provider) Budget {
	if p == APNs {
		return Budget{Wakes: 3, Per: time.Hour, Burst: 2}
	}
	return Budget{Wakes: 20, Per: time.Hour, Burst: 5}
}

// BudgetLimit is one of the two limits of a budget.
type BudgetLimit string

// The limits of a budget.
const (
	LimitWakes BudgetLimit = "wakes" // Wakes within Per
	LimitBurst BudgetLimit = "burst" // Burst within Per/Wakes
)

// BudgetLimits lists the limits of a budget.
func BudgetLimits() []BudgetLimit { return []BudgetLimit{LimitWakes, LimitBurst} }

// BudgetWait says which limit of a budget delays a device's next wake, and until when.
type BudgetWait struct {
	Limit  BudgetLimit
	Wakes  int           // how many the limit allows
	Per    time.Duration // in how long
	Seen   int           // how many of the device's wakes lie within that
	NextAt time.Time     // when the limit allows the next one
}

// String describes the wait for people, as in "3 of 3 wakes in 1h, next at 2026-01-02T15:04:05Z".
func (w BudgetWait) String() string {
	return fmt.Sprintf("%d of %d wakes in %s, next at %s", w.Seen, w.Wakes, AboutDuration(w.Per), w.NextAt.UTC().Format(time.RFC3339))
}
