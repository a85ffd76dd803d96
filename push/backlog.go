package push

import (
	"fmt"
	"time"
)

// Backlog is work that is due and not done. What waits for a phone, a budget or a retry does not count.
type Backlog struct {
	Due       int       // devices and pushes whose rows are due and in nobody's hand, at most MaxBacklog
	OldestDue time.Time // of them; zero: none

	InMemory       int       // devices that were taken, and wait for a worker
	OldestInMemory time.Time // of them; zero: none
	InWork         int       // devices that a worker has in hand
}

// MaxBacklog is how far a backlog is counted, unless its limit is higher.
const MaxBacklog = 100_000

// Undone returns the size of the backlog. A device that has waited in memory for longer than its lease counts twice: its row is
// due again.
func (b Backlog) Undone() int { return b.Due + b.InMemory + b.InWork }

// BacklogFull is returned for a push that is refused because the backlog has no room for it.
type BacklogFull struct {
	Limit, Undone int
	Entering      int           // what pushes that are being accepted at this moment may add
	RetryAfter    time.Duration // when there is probably room again
}

// Error says how much is undone, and how much more pushes being accepted may add.
func (e *BacklogFull) Error() string {
	if e.Entering == 0 {
		return fmt.Sprintf("the backlog is full: %d devices and pushes are due and not worked off, limits.backlog is %d", e.Undone, e.Limit)
	}
	return fmt.Sprintf("the backlog has no room: %d devices and pushes are due and not worked off, pushes that are being accepted may add %d, limits.backlog is %d",
		e.Undone, e.Entering, e.Limit)
}

// Oldest returns since when the oldest work has waited; the zero time if there is none.
func (b Backlog) Oldest() time.Time {
	if b.OldestDue.IsZero() || !b.OldestInMemory.IsZero() && b.OldestInMemory.Before(b.OldestDue) {
		return b.OldestInMemory
	}
	return b.OldestDue
}
