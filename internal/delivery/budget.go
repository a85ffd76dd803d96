package delivery

import (
	"time"

	"github.com/hushpush/hush/push"
)

// budgetWait returns when a budget next allows a wake for a device that was woken at times (oldest first), and which of its
// limits delays it: fewer than Wakes of them may lie within Per, and fewer than Burst within Per/Wakes. NextAt is now if a wake
// is allowed.
func budgetWait(now time.Time, times []time.Time, b push.Budget) push.BudgetWait {
	out := push.BudgetWait{NextAt: now}
	for _, l := range []struct {
		name push.BudgetLimit
		most int
		per  time.Duration
	}{{push.LimitWakes, b.Wakes, b.Per}, {push.LimitBurst, b.Burst, b.Per / time.Duration(max(b.Wakes, 1))}} {
		if len(times) < l.most {
			continue
		}
		if free := times[len(times)-l.most].Add(l.per); free.After(out.NextAt) {
			out = push.BudgetWait{Limit: l.name, Wakes: l.most, Per: l.per, Seen: within(now, times, l.per), NextAt: free}
		}
	}
	return out
}

// within returns how many of the times lie in the last while.
func within(now time.Time, times []time.Time, while time.Duration) (n int) {
	for _, t := range times {
		if t.After(now.Add(-while)) {
			n++
		}
	}
	return n
}

// addWakeTime adds a wake to a device's history and drops the times that no budget looks at any more.
func addWakeTime(times []time.Time, now time.Time) []time.Time {
	from := 0
	for from < len(times) && !times[from].After(now.Add(-push.MaxBudgetPer)) {
		from++
	}
	from = max(from, len(times)+1-push.MaxWakes)
	recent := make([]time.Time, 0, len(times)-from+1)
	return append(append(recent, times[from:]...), now)
}
