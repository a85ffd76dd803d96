package store

import (
	"context"

	"github.com/hushpush/hush/push"
)

// settleOp is changes of one device that are committed if it is as an earlier look left it.
type settleOp struct {
	req     push.Settlement
	settled bool // owned by the writer until the op is done
}

// Settle commits changes that were decided on what an earlier look at a device left, if all of that is still so: how the
// deliveries stand that were open and, where the device itself changes, its wake, its DueAt, and that no node has it in hand.
// It reports whether it did; else nothing is written, and the device has to be looked at. The device's token and HeardAt are
// not written.
//
// A provider's plain 200 changes no device: that nothing of its wake is in flight any more says that the wake is answered.
func (s *Store) Settle(ctx context.Context, r push.Settlement) (bool, error) {
	o := &op{app: r.Left.App, devices: []string{r.Left.ID}, weight: 1 + len(r.Open), settle: &settleOp{req: r}}
	if err := s.write(ctx, "settle", o); err != nil {
		return false, err
	}
	return o.settle.settled, nil
}

var (
	stateAsLeft = fold("number int, of_device int, wake blob, due_at int",
		"SELECT r.number FROM {rows}, device_state s WHERE s.n = r.of_device AND s.wake = r.wake AND s.due_at + 0 = r.due_at AND s.owner = ''")
	openAsLeft = fold("number int, of_push int, of_holder int, of_user text, state text, kept int, wake_until int",
		`SELECT r.number FROM {rows}, deliveries d WHERE d.push = r.of_push AND d.holder = r.of_holder AND d.user_id = r.of_user
			AND d.state = r.state AND d.kept = r.kept AND COALESCE(d.wake_until, 0) = r.wake_until`)
	settleStates = fold("wake blob, wake_times blob, due_at int, of_device int",
		"UPDATE device_state SET wake = r.wake, wake_times = r.wake_times, due_at = r.due_at FROM {rows} WHERE n = r.of_device")
)

// settleAll looks whether the devices are as they were left, and writes the changes of those that are.
func (t *tx) settleAll(ctx context.Context, ops []*op) error {
	if len(ops) == 0 {
		return nil
	}
	still, err := t.asLeft(ctx, ops)
	if err != nil {
		return err
	}
	var changes []push.Change
	var states [][]any
	done := map[int64]bool{}
	for i, o := range ops {
		r := o.settle.req
		rows := len(r.Open)
		if r.Changes.Device != nil {
			rows++
		}
		if o.settle.settled = still[i] == rows && !done[r.Left.Number]; !o.settle.settled {
			continue
		}
		done[r.Left.Number] = true
		changes = append(changes, r.Changes.Deliveries...)
		if d := r.Changes.Device; d != nil {
			states = append(states, []any{encodeWake(d.Wake), encodeTimes(d.WakeTimes), micros(d.DueAt), d.Number})
		}
	}
	return t.run(ctx, append(t.change(changes...), settleStates.exec(states))...)
}

// asLeft counts the rows of each op that are as they were left.
func (t *tx) asLeft(ctx context.Context, ops []*op) ([]int, error) {
	var states [][]any
	open := make([][]any, 0, len(ops))
	for i, o := range ops {
		r := o.settle.req
		if r.Changes.Device != nil {
			states = append(states, []any{i, r.Left.Number, encodeWake(r.Left.Wake), micros(r.Left.DueAt)})
		}
		for _, d := range r.Open {
			until := int64(0)
			if !d.WakeUntil.IsZero() {
				until = d.WakeUntil.UnixMicro()
			}
			open = append(open, []any{i, d.Row.Push, d.Row.Holder, d.User, string(d.State), d.Kept, until})
		}
	}
	still := make([]int, len(ops))
	count := func(scan scanFunc) error {
		i, err := scalar[int](scan)
		still[i]++
		return err
	}
	return still, t.run(ctx, stateAsLeft.each(states, count), openAsLeft.each(open, count))
}
