package store

import (
	"context"
)

// op is one operation for the writer. Exactly one of accept, settle, step and do is set.
//
// An expected error (see expected) is the op's outcome. The op has then written nothing, and the rest of its batch is committed.
// Any other error rolls the transaction back, and the batch is halved until the op that causes the error is on its own. So an op
// may run several times, and begins by resetting its results.
type op struct {
	app    string // the app under which it queues
	long   bool   // it runs after pushes, in a transaction of its own
	weight int    // the rows that it is likely to write; 0 counts as 1

	// The users and devices of the app whose rows it needs locked, on a database with concurrent writers.
	users   []string
	devices []string

	accept *acceptOp
	settle *settleOp
	step   *stepOp
	do     func(ctx context.Context, t *tx) error

	err       error         // the outcome; owned by the writer until done is closed
	done      chan struct{} // closed once err and the results are set
	abandoned bool          // its caller gave up before it was started; guarded by writer.mu
	started   bool          // it is in a batch; guarded by writer.mu
}

// rows returns how many rows the op is likely to write.
func (o *op) rows() int { return max(o.weight, 1) }

// dropTargets makes the op one that writes its push and no deliveries.
func (o *op) dropTargets() { o.users, o.devices, o.weight = nil, nil, 1 }
