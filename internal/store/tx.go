package store

import (
	"context"
	"errors"

	"github.com/hushpush/hush/push"
)

// tx is what an op works with: the transaction, and what is known for its time.
type tx struct {
	transaction
	s         *Store
	touched   map[push.ID][]push.DeliveryKey // what watchers of a push are told of after the commit
	many      map[push.ID]bool               // pushes of which more was touched than touched names
	appEvents map[string][]push.AppEvent     // what followers of an app are, by app
	finals    map[finalKey]int               // deliveries that became final
	counts    map[countKey]countChange       // of large pushes; nil until there are some
	resources map[resourceKey]*push.Resource
	topics    map[string][]string // by app; nil until one is asked for
}

// touch notes that a push was changed, and deliveries of it.
func (t *tx) touch(id push.ID, deliveries ...push.DeliveryKey) {
	t.touched[id] = append(t.touched[id], deliveries...)
}

// changedPush notes that a push was changed as a whole, and where its deliveries will stand, or would have.
func (t *tx) recordPushChange(p push.Push, state push.State, e push.Event) {
	t.touch(p.ID)
	if t.s.appLogs.follows(p.App) {
		t.appEvents[p.App] = append(t.appEvents[p.App], p.AppEvent(state, e))
	}
}

// doAll runs the ops of a batch: single ones, then all pushes together, then what settles, then all steps together. None of their callers has
// an answer yet, so any order is right.
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

// expected tells whether an error is an outcome and not a failure.
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

// What bounds a transaction beside Config.BatchOps: everybody else waits for it, and a push may have a thousand deliveries.
const (
	maxBatchRows  = 1024                 // that its ops are likely to write: as much as BatchOps pushes for one device each
	maxRecipients = maxBatchRows * 3 / 2 // of its pushes: the users whom they name may have several devices each
)
