package push

import "time"

// Backlog is work whose time has come and that nobody has done. What waits for a phone, a budget or a retry is none.
type Backlog struct {
	Due       int       // devices and pushes whose rows are due and in nobody's hand, at most MaxBacklog
	OldestDue time.Time // of them; zero: none

	InMemory       int       // devices that were taken, and wait for a worker
	OldestInMemory time.Time // of them; zero: none
}

// MaxBacklog is how far a backlog is counted.
const MaxBacklog = 100_000

// Oldest is since when the oldest of it waits; zero: there is none.
func (b Backlog) Oldest() time.Time {
	if b.OldestDue.IsZero() || !b.OldestInMemory.IsZero() && b.OldestInMemory.Before(b.OldestDue) {
		return b.OldestInMemory
	}
	return b.OldestDue
}
