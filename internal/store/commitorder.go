package store

import (
	"sync"
)

// commitOrder publishes commits in the order of their transactions, so that a follower never learns of a later change of a row
// first. Two transactions that change one row run one after the other, and each takes its turn before it commits.
type commitOrder struct {
	mu   sync.Mutex
	last chan struct{} // closed when the last turn has ended; guarded by mu
}

// publishTurn is the turn of one commit: it publishes once before is closed, and then closes over.
type publishTurn struct{ before, over chan struct{} }

// next returns the turn after all those returned before.
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
