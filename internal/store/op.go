package store

import (
	"context"
)

// op is one piece of work for the writer: exactly one of accept, settle, step and do is set.
//
// An expected failure (an error that package push names) is the op's outcome and spoils nothing: the op has then written
// nothing. Any other error undoes the transaction, and the batch is halved until the op that causes it stands alone. So
// an op may run several times; it begins by forgetting what it found the last time.
type op struct {
	app    string // whose turn it takes
	long   bool   // pushes go before it, and it gets a transaction of its own
	weight int    // rows that it is likely to write; 0 counts as 1

	// What it will touch, for databases on which others write at the same time. All are the app's.
	users   []string
	devices []string

	accept *acceptOp
	settle *settleOp
	step   *stepOp
	do     func(ctx context.Context, t *tx) error

	err       error         // the outcome; owned by the writer until done is closed
	done      chan struct{} // closed when the outcome is there
	abandoned bool          // the caller went away before it was taken; guarded by writer.mu
	started   bool          // the writer has it; guarded by writer.mu
}

// rows is how many rows it is likely to write.
func (o *op) rows() int { return max(o.weight, 1) }

// forget lets an op touch nobody's rows but its push's.
func (o *op) dropTargets() { o.users, o.devices, o.weight = nil, nil, 1 }
