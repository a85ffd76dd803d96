package delivery

import (
	"time"

	"github.com/hushpush/hush/push"
)

// allowedAt is the earliest moment, now or later, at which a budget lets a device be woken that was woken at times (oldest
// first): when fewer than Wakes of them lie within Per, and fewer than Burst within Per/Wakes.
func allowedAt(now time.Time, times []time.Time, b push.Budget) time.Time {
	at := now
	for _, w := range []struct {
		most int
		per  time.Duration
	}{{b.Wakes, b.Per}, {b.Burst, b.Per / time.Duration(max(b.Wakes, 1))}} {
		if len(times) < w.most {
			continue
		}
		if free := times[len(times)-w.most].Add(w.per); free.After(at) {
			at = free
		}
	}
	return at
}

// remember adds a wake to a device's history and forgets what no budget looks at any more.
func remember(times []time.Time, now time.Time) []time.Time {
	from := 0
	for from < len(times) && !times[from].After(now.Add(-push.MaxBudgetPer)) {
		from++
	}
	from = max(from, len(times)+1-push.MaxWakes)
	kept := make([]time.Time, 0, len(times)-from+1)
	return append(append(kept, times[from:]...), now)
}
