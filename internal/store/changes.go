package store

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hushpush/hush/push"
)

// Every change of a delivery goes through this file: its insertion, its changes, its hand-over to a device, and the ranges of a
// broadcast. Nothing else writes the state or the timeline of a row. So this is where a transaction records what is published
// after its commit, and what is counted.

// recordChange records a delivery as it is after these events.
func (t *tx) recordChange(d *push.Delivery, events ...push.Event) {
	t.touch(d.PushID, push.DeliveryKey{Device: d.DeviceID, User: d.User})
	if isNew := d.Row.Was == ""; d.State.Final() && (isNew || !d.Row.Was.Final()) {
		t.finals[finalKey{d.State, d.Reason}]++
	}
	t.countTransition(d.Row, d.State, d.FinalAt, 1)
	if len(events) > 0 && t.s.appLogs.follows(d.App) {
		t.appEvents[d.App] = append(t.appEvents[d.App], d.AppEvents(events)...)
	}
}

// finalKey is a final state, and the reason for it.
type finalKey struct {
	state push.State
	why   push.Reason
}

// countKey is the key of a row of push_counts.
type countKey struct {
	push  int64
	state push.State
}

// countChange is a change of a row of push_counts: how many deliveries entered the state, less those that left it, and when the
// last of them became final.
type countChange struct {
	n       int
	finalAt int64
}

// countTransition records that n deliveries of a push go from the state in their row to another one.
func (t *tx) countTransition(row push.Row, to push.State, finalAt time.Time, n int) {
	if !row.Counted || row.Was == to {
		return
	}
	if t.counts == nil {
		t.counts = map[countKey]countChange{}
	}
	if row.Was != "" {
		from := countKey{row.Push, row.Was}
		t.counts[from] = countChange{t.counts[from].n - n, t.counts[from].finalAt}
	}
	now, at := countKey{row.Push, to}, int64(0)
	if !finalAt.IsZero() {
		at = finalAt.UnixMicro()
	}
	t.counts[now] = countChange{t.counts[now].n + n, max(t.counts[now].finalAt, at)}
}

var addCounts = fold("push int, state text, n int, final_at int",
	`INSERT INTO push_counts (push, state, n, final_at) SELECT r.push, r.state, r.n, r.final_at FROM {rows} WHERE 1 = 1 ON CONFLICT (push, state) DO UPDATE
		SET n = push_counts.n + excluded.n, final_at = CASE WHEN excluded.final_at > push_counts.final_at THEN excluded.final_at ELSE push_counts.final_at END`)

// countsStmt returns the statement that writes the recorded counts. It sorts them, so that concurrent transactions lock their rows
// in the same order and cannot deadlock.
func (t *tx) countsStmt() *stmt {
	keys := slices.SortedFunc(maps.Keys(t.counts), func(a, b countKey) int {
		return cmp.Or(cmp.Compare(a.push, b.push), cmp.Compare(a.state, b.state))
	})
	rows := addCounts.rows(len(keys))
	for _, k := range keys {
		rows.add(num(k.push), str(k.state), num(t.counts[k].n), num(t.counts[k].finalAt))
	}
	return addCounts.exec(rows)
}

var insertDeliveries = foldInsert("deliveries", `push int, holder int, user_id text, state text, reason text, since int,
	expires_at int, now_or_never int, generation int, final_at int, collapse_key blob, events blob, path text, due_at int, kept int, wake_until int`)

// newDelivery is a delivery that is about to be inserted, for op.
type newDelivery struct {
	push.Placement
	op *acceptOp
}

// unpublished returns the events to publish. That the delivery is scheduled was published when its push was accepted.
func (n *newDelivery) unpublished() []push.Event {
	if n.Events[0].Event == push.EventName(push.Scheduled) {
		return n.Events[1:]
	}
	return n.Events
}

// keptEvents returns how many of the events count against the limit of a timeline. Those from the making of the delivery do not.
func (n *newDelivery) keptEvents() int {
	made := slices.IndexFunc(n.Events, func(e push.Event) bool {
		return e.Event != push.EventName(push.Scheduled) && e.Event != push.EventName(push.Waiting)
	})
	if made < 0 {
		return 0
	}
	keep, _ := push.KeepEvents(0, n.Events[made:])
	return len(keep)
}

// insert records new deliveries and returns the statement that inserts them.
func (t *tx) insert(list []*newDelivery) *stmt {
	rows := insertDeliveries.rows(len(list))
	for _, n := range list {
		d := &n.Delivery
		rows.add(num(d.Row.Push), num(d.Row.Holder), str(d.User), str(d.State), str(d.Reason), when(d.Since), when(d.ExpiresAt), num(bit(d.NowOrNever)),
			num(d.Generation), when(d.FinalAt), keyOrNull(n.CollapseKey), raw(encodeEvents(n.Events)), str(d.Path), when(d.DueAt), num(n.keptEvents()), when(d.WakeUntil))
		t.recordChange(d, n.unpublished()...)
	}
	return insertDeliveries.exec(rows)
}

// None of these makes a final delivery open again: the first final state that is committed stays. Only endDeliveries sets final_at,
// on which there are indexes, so that most changes leave those untouched.
var (
	changeDeliveries = fold(changeRowColumns, changeColumns+changeRows+firstFinalStays)
	endDeliveries    = fold(changeRowColumns+", final_at int", changeColumns+", final_at = r.final_at"+changeRows+firstFinalStays)
	changeIfAsLeft   = fold(changeRowColumns+", number int, was_state text, was_kept int, was_until int", changeColumns+changeRows+
		" AND deliveries.state = r.was_state AND deliveries.kept = r.was_kept AND COALESCE(deliveries.wake_until, 0) = r.was_until {hits}")
)

const (
	changeRowColumns = `state text, reason text, result text, path text, due_at int, wakes int, unreturned int, events blob,
		kept int, left_out int, left_out_at int, late text, wake_until int, of_push int, of_holder int, of_user text`
	changeColumns = `UPDATE deliveries SET state = r.state, reason = r.reason, result = r.result, path = r.path, due_at = r.due_at,
		wakes = r.wakes, unreturned = r.unreturned, events = CAST(deliveries.events || r.events AS {bytes}),
		kept = deliveries.kept + r.kept, left_out = deliveries.left_out + r.left_out,
		left_out_at = COALESCE(r.left_out_at, deliveries.left_out_at), late = r.late, wake_until = r.wake_until`
	changeRows      = " FROM {rows} WHERE push = r.of_push AND holder = r.of_holder AND user_id = r.of_user"
	firstFinalStays = " AND (deliveries.final_at IS NULL OR deliveries.state = r.state)"
)

// change records changes of deliveries and returns the statements that make them. A statement can change a row only once, so the
// second change of a delivery is in a second statement.
func (t *tx) change(changes ...push.Change) []*stmt {
	if len(changes) == 0 {
		return nil
	}
	type row struct {
		push, holder int64
		user         string
	}
	turns := []*rows{changeDeliveries.rows(len(changes))}
	ended := endDeliveries.rows(0)
	seen := make(map[row]int, len(changes))
	for i := range changes {
		c := &changes[i]
		d := &c.Delivery
		t.recordChange(d, c.Events...)
		values := changeRow(c)
		if d.State.Final() && !d.Row.Was.Final() {
			ended.add(append(values[:], when(d.FinalAt))...)
			continue
		}
		k := row{d.Row.Push, d.Row.Holder, d.User}
		turn := seen[k]
		seen[k]++
		if turn == len(turns) {
			turns = append(turns, changeDeliveries.rows(1))
		}
		turns[turn].add(values[:]...)
	}
	stmts := make([]*stmt, 0, len(turns)+1)
	for _, rows := range turns {
		stmts = append(stmts, changeDeliveries.exec(rows))
	}
	return append(stmts, endDeliveries.exec(ended))
}

// conditionalChange is a change of a delivery that stays open. It is made only if the delivery still is as before says; applied
// is then called.
type conditionalChange struct {
	before  *push.Delivery
	change  *push.Change
	applied func()
}

// changeIfUnchanged returns the statement for changes of different deliveries. It records those that are made.
func (t *tx) changeIfUnchanged(list []conditionalChange) *stmt {
	rows := changeIfAsLeft.rows(len(list))
	for i, l := range list {
		values := changeRow(l.change)
		rows.add(append(values[:len(values):len(values)], num(i), str(l.before.State), num(l.before.EventsKept), wakeUntilOr0(l.before))...)
	}
	return changeIfAsLeft.hits(rows, func(i int) {
		l := list[i]
		l.applied()
		t.recordChange(&l.change.Delivery, l.change.Events...)
	})
}

// wakeUntilOr0 returns the value that queries compare with wake_until; 0 for none.
func wakeUntilOr0(d *push.Delivery) arg {
	if d.WakeUntil.IsZero() {
		return num(0)
	}
	return when(d.WakeUntil)
}

// changeRow returns a row of changeDeliveries.
func changeRow(c *push.Change) [16]arg {
	d := &c.Delivery
	events, leftOut := push.KeepEvents(d.EventsKept, c.Events)
	var leftOutAt arg
	if leftOut > 0 {
		leftOutAt = when(c.Events[len(c.Events)-1].At)
	}
	return [...]arg{str(d.State), str(d.Reason), str(d.Result), str(d.Path), when(d.DueAt), num(d.Wakes), num(d.Unreturned), raw(encodeEvents(events)), num(len(events)),
		num(leftOut), leftOutAt, str(lateResults(d.Late)), when(d.WakeUntil), num(d.Row.Push), num(d.Row.Holder), str(d.User)}
}

func lateResults(results []push.Result) string {
	if len(results) == 0 {
		return ""
	}
	list := make([]string, len(results))
	for i, r := range results {
		list[i] = string(r)
	}
	return strings.Join(list, " ")
}

var giveDevice = fold(`holder int, generation int, expires_at int, collapse_key blob, state text, reason text, final_at int, events blob,
		of_push int, of_holder int, of_user text`,
	`UPDATE deliveries SET holder = r.holder, generation = r.generation, expires_at = r.expires_at, collapse_key = r.collapse_key,
		state = r.state, reason = r.reason, final_at = r.final_at, events = CAST(deliveries.events || r.events AS {bytes}) FROM {rows}
	WHERE push = r.of_push AND deliveries.holder = r.of_holder AND user_id = r.of_user`)

// handOver records the hand-over of deliveries from a user without a device to the device with this number, and returns the
// statement for it.
func (t *tx) handOver(list []push.Placement, device int64) *stmt {
	rows := giveDevice.rows(len(list))
	for _, n := range list {
		rows.add(num(device), num(n.Generation), when(n.ExpiresAt), keyOrNull(n.CollapseKey), str(n.State), str(n.Reason), when(n.FinalAt),
			raw(encodeEvents(n.Events)), num(n.Row.Push), num(n.Row.Holder), str(n.User))
		t.recordChange(&n.Delivery, n.Events...)
	}
	return giveDevice.exec(rows)
}

// followed reports whether the deliveries of a push have to be published one by one.
func (t *tx) followed(p push.Push) bool { return t.s.watch.watches(p.ID) || t.s.appLogs.follows(p.App) }

// recordRange records the deliveries that a statement makes for a range of a broadcast's devices. Each is like n, but for its
// device.
func (t *tx) recordRange(n push.Placement, devices []ranged) {
	for _, d := range devices {
		made := n.Delivery
		made.DeviceID, made.User, made.Row.Holder = d.Device, d.User, d.n
		t.recordChange(&made, n.Events[len(n.Events)-1])
	}
}

// recordMany is recordRange for deliveries that need not be published one by one.
func (t *tx) recordMany(n push.Placement, devices int) {
	t.many[n.PushID] = true
	t.countTransition(n.Row, n.State, n.FinalAt, devices)
}
