package store

import (
	"context"
	"errors"

	"github.com/hushpush/hush/push"
)

// tx is the transaction of a batch, with what its ops read once and what is published after its commit.
type tx struct {
	transaction
	s         *Store
	touched   map[push.ID][]push.DeliveryKey // for the watchers of a push
	many      map[push.ID]bool               // pushes with more changed deliveries than touched names
	appEvents map[string][]push.AppEvent     // for the followers of an app, by app
	finals    map[finalKey]int               // how many deliveries became final
	counts    map[countKey]countChange       // changes of push_counts; nil until there are some
	resources map[resourceKey]*push.Resource
	topics    map[string][]string // by app; nil until the first is read
}

// touch records that a push changed, and which of its deliveries did.
func (t *tx) touch(id push.ID, deliveries ...push.DeliveryKey) {
	t.touched[id] = append(t.touched[id], deliveries...)
}

// recordPushChange records that a push changed as a whole, and the state in which its deliveries will be, or would have been.
func (t *tx) recordPushChange(p push.Push, state push.State, e push.Event) {
	t.touch(p.ID)
	if t.s.appLogs.follows(p.App) {
		t.appEvents[p.App] = append(t.appEvents[p.App], p.AppEvent(state, e))
	}
}

// doAll runs the ops of a batch: first the single ones, then all pushes, all settlements and all steps, each kind by the same
// statements. Any order is correct, since none of their callers has returned yet.
func (t *tx) doAll(ctx context.Context, batch []*op) error {
	if t.s.db.locksRows() {
		if err := t.lockRows(ctx, batch); err != nil {
			return err
		}
	}
	var accepts, settles, steps []*op
	for _, o := range batch {
		o.err = nil
		switch {
		case o.accept != nil:
			accepts = append(accepts, o)
		case o.settle != nil:
			settles = append(settles, o)
		case o.step != nil:
			steps = append(steps, o)
		default:
			if err := o.do(ctx, t); expected(err) {
				o.err = err
			} else if err != nil {
				return err
			}
		}
	}
	if err := t.acceptAll(ctx, accepts); err != nil {
		return err
	}
	if err := t.settleAll(ctx, settles); err != nil {
		return err
	}
	if err := t.stepAll(ctx, steps); err != nil {
		return err
	}
	return t.run(ctx, t.countsStmt())
}

// expected reports whether an error is the outcome of an op, as opposed to a failure of the transaction.
func expected(err error) bool {
	for _, e := range []error{push.ErrNotFound, push.ErrConflict, push.ErrDeviceTaken, push.ErrRegisterAgain,
		push.ErrUnauthenticated, push.ErrForbidden, push.ErrTooManyDevices} {
		if errors.Is(err, e) {
			return true
		}
	}
	var fields push.FieldErrors
	return errors.As(err, &fields)
}

// The limits of a transaction beside Config.BatchOps. All other callers wait for it, and one push may have a thousand deliveries.
const (
	maxBatchRows  = 1024                 // rows that its ops are likely to write: as many as for 512 pushes to one device each
	maxRecipients = maxBatchRows * 3 / 2 // recipients of its pushes: a user whom one names may have several devices
)
