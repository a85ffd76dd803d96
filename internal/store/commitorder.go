package store

import (
	"sync"
)

// tellings keep followers from hearing of a later commit first. What two transactions do to one row they do one after the other,
// and so ask for their turns, which they do before they commit.
type commitOrder struct {
	mu   sync.Mutex
	last chan struct{} // closed when the last turn is over; guarded by mu
}

// tellingTurn is the turn of one commit.
type publishTurn struct{ before, over chan struct{} }

func (t *commitOrder) next() publishTurn {
	t.mu.Lock()
	defer t.mu.Unlock()
	turn := publishTurn{before: t.last, over: make(chan struct{})}
	if turn.before == nil {
		turn.before = make(chan struct{})
		close(turn.before)
	}
	t.last = turn.over
	return turn
}
