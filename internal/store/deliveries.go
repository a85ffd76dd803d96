package store

import (
	"context"
	"slices"
	"strings"

	"github.com/hushpush/hush/push"
)

// deliveryColumns take one argument: the payload is read if it has no more bytes than that.
const deliveryColumns = `d.push_id, d.app, d.device_id, d.user_id, p.resource_id, d.state, d.reason, d.result, d.path, d.since, p.accepted_at,
	d.expires_at, d.now_or_never, p.deliver, d.due_at, d.wakes, d.unreturned, d.generation, d.final_at, d.kept, d.late,
	length(p.payload),
	CASE WHEN length(p.payload) <= ? THEN p.payload END`

// Arguments of deliveryColumns.
const (
	noPayload   = -1
	wakePayload = push.MaxWakePayload
)

// readDelivery reads deliveryColumns, and into more what a query has beside them.
func readDelivery(scan scanFunc, more ...any) (d push.Delivery, err error) {
	var (
		since, accepted, expires int64
		nowOrNever               int64
		due, final               *int64
		late                     string
	)
	err = scan(append([]any{&d.PushID, &d.App, &d.DeviceID, &d.User, &d.ResourceID, &d.State, &d.Reason, &d.Result, &d.Path, &since, &accepted,
		&expires, &nowOrNever, &d.Deliver, &due, &d.Wakes, &d.Unreturned, &d.Generation, &final,
		&d.Kept, &late, &d.PayloadBytes, &d.Payload}, more...)...)
	d.Since, d.AcceptedAt, d.ExpiresAt = clock(&since), clock(&accepted), clock(&expires)
	d.NowOrNever = nowOrNever != 0
	d.DueAt, d.FinalAt = clock(due), clock(final)
	for result := range strings.FieldsSeq(late) {
		d.Late = append(d.Late, push.Result(result))
	}
	if d.PayloadBytes == 0 {
		d.Payload = []byte{}
	}
	return d, err
}

func readOpen(scan scanFunc) (push.Delivery, error) { return readDelivery(scan) }

const (
	inboxOf = "SELECT " + deliveryColumns + ` FROM deliveries d JOIN pushes p ON p.id = d.push_id
		WHERE d.app = ? AND d.device_id = ? AND d.final_at IS NULL ORDER BY d.since, d.push_id LIMIT ?`
	openOf = "SELECT COUNT(*) FROM deliveries WHERE app = ? AND device_id = ? AND final_at IS NULL"
)

// maxInboxBytes is how much payload one page of an inbox holds, about; a page is in memory as a whole.
const maxInboxBytes = 4 << 20

const inboxSizes = `SELECT length(p.payload) FROM deliveries d JOIN pushes p ON p.id = d.push_id
	WHERE d.app = ? AND d.device_id = ? AND d.final_at IS NULL ORDER BY d.since, d.push_id LIMIT ?`

// Inbox is a device's open deliveries with their payloads, oldest first, and how many there are in all. It gives as many as
// asked for, at most 1 000, but ends after about 4 MiB of payload.
func (s *Store) Inbox(ctx context.Context, key push.DeviceKey, limit int) ([]push.Delivery, int, error) {
	if key.Device == "" {
		return nil, 0, doing("inbox", push.ErrNotFound)
	}
	limit = pageSize(limit)
	if limit*push.MaxPayloadBytes > maxInboxBytes {
		sizes, err := all(ctx, s.read, scalar[int], inboxSizes, key.App, key.Device, limit)
		if err != nil {
			return nil, 0, doing("inbox", err)
		}
		limit = fitting(sizes, limit)
	}
	list, err := all(ctx, s.read, readOpen, inboxOf, push.MaxPayloadBytes, key.App, key.Device, limit)
	if err != nil || len(list) < limit {
		return list, len(list), doing("inbox", err)
	}
	open, err := s.OpenCount(ctx, key)
	return list, max(open, len(list)), err
}

// fitting is how many payloads of these sizes one page holds, at least one; limit if all of them fit.
func fitting(sizes []int, limit int) int {
	bytes := 0
	for i, size := range sizes {
		if bytes += size; bytes > maxInboxBytes {
			return max(i, 1)
		}
	}
	return limit
}

// OpenCount is how many open deliveries a device has.
func (s *Store) OpenCount(ctx context.Context, key push.DeviceKey) (int, error) {
	n, err := one(ctx, s.read, scalar[int], openOf, key.App, key.Device)
	return n, doing("open count", err)
}

var insertDeliveries = foldInsert("deliveries", `app text, push_id text, device_id text, user_id text, state text, reason text, since int,
	expires_at int, now_or_never int, generation int, final_at int, collapse_key blob, events text, path text, due_at int, kept int`)

// newDelivery is one that is about to be inserted.
type newDelivery struct {
	push.Placement
	by *acceptOp
}

// news are the events that nobody has been told of: that it is scheduled was told when its push was accepted.
func (n *newDelivery) news() []push.Event {
	if n.Events[0].Event == push.EventName(push.Scheduled) {
		return n.Events[1:]
	}
	return n.Events
}

// kept is how many of the events count against what a timeline keeps. Those of its making do not.
func (n *newDelivery) kept() int {
	made := slices.IndexFunc(n.Events, func(e push.Event) bool {
		return e.Event != push.EventName(push.Scheduled) && e.Event != push.EventName(push.Waiting)
	})
	if made < 0 {
		return 0
	}
	keep, _ := push.Keep(0, n.Events[made:])
	return len(keep)
}

// row is one of insertDeliveries.
func (n *newDelivery) row() []any {
	d := &n.Delivery
	return []any{d.App, string(d.PushID), d.DeviceID, d.User, string(d.State), string(d.Reason), micros(d.Since),
		micros(d.ExpiresAt), bit(d.NowOrNever), d.Generation, micros(d.FinalAt), nullBlob([]byte(n.CollapseKey)), encodeEvents(n.Events), string(d.Path), micros(d.DueAt), n.kept()}
}

// updateDeliveries never make a final delivery an open one again: the first final state committed stays.
var updateDeliveries = fold(`state text, reason text, result text, path text, expires_at int, due_at int, wakes int, unreturned int, final_at int, events text,
		kept int, left_out int, left_out_at int, late text, of_push text, of_device text, of_user text`,
	`UPDATE deliveries SET state = r.state, reason = r.reason, result = r.result, path = r.path, expires_at = r.expires_at, due_at = r.due_at,
		wakes = r.wakes, unreturned = r.unreturned, final_at = r.final_at, events = deliveries.events || r.events,
		kept = deliveries.kept + r.kept, left_out = deliveries.left_out + r.left_out,
		left_out_at = COALESCE(r.left_out_at, deliveries.left_out_at), late = r.late FROM {rows}
	WHERE push_id = r.of_push AND device_id = r.of_device AND user_id = r.of_user AND (deliveries.final_at IS NULL OR deliveries.state = r.state)`)

// updates are the statements for changes of deliveries. One statement changes a row once, so a second change of a delivery
// takes a second statement.
func updates(changes []push.Change) []*stmt {
	type key struct {
		push         push.ID
		device, user string
	}
	var turns [][][]any
	seen := make(map[key]int, len(changes))
	for _, c := range changes {
		d := c.Delivery
		k := key{d.PushID, d.DeviceID, d.User}
		turn := seen[k]
		seen[k]++
		if turn == len(turns) {
			turns = append(turns, nil)
		}
		events, leftOut := push.Keep(d.Kept, c.Events)
		var leftOutAt any
		if leftOut > 0 {
			leftOutAt = micros(c.Events[len(c.Events)-1].At)
		}
		turns[turn] = append(turns[turn], []any{string(d.State), string(d.Reason), string(d.Result), string(d.Path), micros(d.ExpiresAt), micros(d.DueAt),
			d.Wakes, d.Unreturned, micros(d.FinalAt), encodeEvents(events), len(events), leftOut, leftOutAt, lateResults(d.Late),
			string(d.PushID), d.DeviceID, d.User})
	}
	stmts := make([]*stmt, len(turns))
	for i, rows := range turns {
		stmts[i] = updateDeliveries.exec(rows)
	}
	return stmts
}

func lateResults(results []push.Result) string {
	words := make([]string, len(results))
	for i, r := range results {
		words[i] = string(r)
	}
	return strings.Join(words, " ")
}
