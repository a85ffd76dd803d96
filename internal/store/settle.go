package store

import (
	"context"

	"github.com/hushpush/hush/push"
)

// settleOp is the settlement of one device.
type settleOp struct {
	req     push.Settlement
	settled bool // owned by the writer until the op is done
}

// Settle commits changes that were decided on the state in which an earlier look left a device, if that state is unchanged: the
// deliveries that were open and, if the changes include the device, its wake, its DueAt, and that no node owns it. It reports
// whether it committed them. If not, nothing is written, and the caller has to look at the device. Settle does not write the
// device's token and HeardAt.
//
// A provider's plain 200 does not change the device: a wake with no deliveries in flight counts as answered.
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

// settleAll writes the changes of the devices that are unchanged. It settles each device once in a transaction.
func (t *tx) settleAll(ctx context.Context, ops []*op) error {
	var single []conditionalChange
	var others []*settleOp
	settled := make(map[int64]bool, len(ops))
	for _, o := range ops {
		s := o.settle
		s.settled = false
		switch r := &s.req; {
		case settled[r.Left.Number]:
			continue
		case changesOneOpen(r):
			single = append(single, conditionalChange{&r.Open[0], &r.Changes.Deliveries[0], func() { s.settled = true }})
		default:
			others = append(others, s)
		}
		settled[s.req.Left.Number] = true
	}
	if err := t.run(ctx, t.changeIfUnchanged(single)); err != nil {
		return err
	}
	return t.settleSeveral(ctx, others)
}

// changesOneOpen reports whether a settlement concerns a single delivery, which it changes and leaves open.
func changesOneOpen(r *push.Settlement) bool {
	return r.Changes.Device == nil && len(r.Open) == 1 && len(r.Changes.Deliveries) == 1 && r.Changes.Deliveries[0].Delivery.Row == r.Open[0].Row &&
		!r.Changes.Deliveries[0].Delivery.State.Final()
}

// settleSeveral does the settlements that concern several rows: it reads all of them before it writes any.
func (t *tx) settleSeveral(ctx context.Context, ops []*settleOp) error {
	if len(ops) == 0 {
		return nil
	}
	unchanged, err := t.countUnchanged(ctx, ops)
	if err != nil {
		return err
	}
	var changes []push.Change
	states := settleStates.rows(len(ops))
	for i, o := range ops {
		r := &o.req
		rows := len(r.Open)
		if r.Changes.Device != nil {
			rows++
		}
		if o.settled = unchanged[i] == rows; !o.settled {
			continue
		}
		changes = append(changes, r.Changes.Deliveries...)
		if d := r.Changes.Device; d != nil {
			states.add(raw(encodeWake(d.Wake)), raw(encodeTimes(d.WakeTimes)), when(d.DueAt), num(d.Number))
		}
	}
	return t.run(ctx, append(t.change(changes...), settleStates.exec(states))...)
}

// countUnchanged returns, for each settlement, how many of its rows are as the earlier look left them.
func (t *tx) countUnchanged(ctx context.Context, ops []*settleOp) ([]int, error) {
	states, open := stateAsLeft.rows(len(ops)), openAsLeft.rows(len(ops))
	for i, o := range ops {
		r := &o.req
		if r.Changes.Device != nil {
			states.add(num(i), num(r.Left.Number), raw(encodeWake(r.Left.Wake)), when(r.Left.DueAt))
		}
		for j := range r.Open {
			d := &r.Open[j]
			open.add(num(i), num(d.Row.Push), num(d.Row.Holder), str(d.User), str(d.State), num(d.EventsKept), wakeUntilOr0(d))
		}
	}
	unchanged := make([]int, len(ops))
	count := func(scan scanFunc) error {
		i, err := scalar[int](scan)
		unchanged[i]++
		return err
	}
	return unchanged, t.run(ctx, stateAsLeft.each(states, count), openAsLeft.each(open, count))
}
