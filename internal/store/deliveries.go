package store

import (
	"context"

	"github.com/hushpush/hush/push"
)

// deliveryColumns take one argument: the payload is read if it has no more bytes than that.
const deliveryColumns = `d.push_id, d.app, d.device_id, d.user_id, p.resource_id, d.state, d.reason, d.result, d.path, d.since, p.accepted_at,
	d.expires_at, d.now_or_never, p.deliver, d.due_at, d.wakes, d.unreturned, d.generation, d.final_at, length(p.payload),
	CASE WHEN length(p.payload) <= ? THEN p.payload END`

// Arguments of deliveryColumns.
const (
	noPayload   = -1
	wakePayload = 4096 // what fits into a provider's request at all
)

// readDelivery reads deliveryColumns, and into more what a query has beside them.
func readDelivery(scan scanFunc, more ...any) (d push.Delivery, err error) {
	var (
		since, accepted, expires int64
		nowOrNever               int64
		due, final               *int64
	)
	err = scan(append([]any{&d.PushID, &d.App, &d.DeviceID, &d.User, &d.ResourceID, &d.State, &d.Reason, &d.Result, &d.Path, &since, &accepted,
		&expires, &nowOrNever, &d.Deliver, &due, &d.Wakes, &d.Unreturned, &d.Generation, &final, &d.PayloadBytes, &d.Payload}, more...)...)
	d.Since, d.AcceptedAt, d.ExpiresAt = clock(&since), clock(&accepted), clock(&expires)
	d.NowOrNever = nowOrNever != 0
	d.DueAt, d.FinalAt = clock(due), clock(final)
	if d.PayloadBytes == 0 {
		d.Payload = []byte{}
	}
	return d, err
}

func readOpen(scan scanFunc) (push.Delivery, error) { return readDelivery(scan) }

const (
	inboxOf = "SELECT " + deliveryColumns + ` FROM deliveries d JOIN pushes p ON p.id = d.push_id
		WHERE d.app = ? AND d.device_id = ? AND d.final_at IS NULL ORDER BY d.since, d.push_id LIMIT ?`
	openOf        = "SELECT COUNT(*) FROM deliveries WHERE app = ? AND device_id = ? AND final_at IS NULL"
	openAndExpiry = "SELECT COUNT(*), MIN(expires_at) FROM deliveries WHERE app = ? AND device_id = ? AND final_at IS NULL"
	// Of those behind the first ones: how many, and when the first of them expires.
	openBeyond = `SELECT COUNT(*), MIN(expires_at) FROM (SELECT expires_at FROM deliveries
		WHERE app = ? AND device_id = ? AND final_at IS NULL ORDER BY since, push_id LIMIT 1000000000 OFFSET ?) beyond`
)

// Inbox is a device's open deliveries with their payloads, oldest first, and how many there are in all.
func (s *Store) Inbox(ctx context.Context, key push.DeviceKey, limit int) ([]push.Delivery, int, error) {
	if key.Device == "" {
		return nil, 0, doing("inbox", push.ErrNotFound)
	}
	limit = pageSize(limit)
	list, err := all(ctx, s.read, readOpen, inboxOf, push.MaxPayloadBytes, key.App, key.Device, limit)
	if err != nil || len(list) < limit {
		return list, len(list), doing("inbox", err)
	}
	open, err := s.OpenCount(ctx, key)
	return list, max(open, len(list)), err
}

// OpenCount is how many open deliveries a device has.
func (s *Store) OpenCount(ctx context.Context, key push.DeviceKey) (int, error) {
	n, err := one(ctx, s.read, scalar[int], openOf, key.App, key.Device)
	return n, doing("open count", err)
}

const insertDelivery = `INSERT INTO deliveries (app, push_id, device_id, user_id, state, reason, since, expires_at, now_or_never,
	generation, final_at, collapse_key, events) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

// newDelivery is one that is about to be inserted.
type newDelivery struct {
	push.Delivery
	collapse string
	events   []push.Event
}

func (n *newDelivery) insert() *stmt {
	d := &n.Delivery
	return exec(insertDelivery, d.App, string(d.PushID), d.DeviceID, d.User, string(d.State), string(d.Reason), micros(d.Since),
		micros(d.ExpiresAt), bit(d.NowOrNever), d.Generation, micros(d.FinalAt), nullBlob([]byte(n.collapse)), encodeEvents(n.events))
}

// updateDelivery never makes a final delivery an open one again: the first final state committed stays.
const updateDelivery = `UPDATE deliveries SET state = ?, reason = ?, result = ?, path = ?, expires_at = ?, due_at = ?, wakes = ?, unreturned = ?,
	final_at = ?, events = events || ? WHERE push_id = ? AND device_id = ? AND user_id = ? AND (final_at IS NULL OR state = ?)`

func update(c push.Change) *stmt {
	d := c.Delivery
	return exec(updateDelivery, string(d.State), string(d.Reason), string(d.Result), string(d.Path), micros(d.ExpiresAt), micros(d.DueAt), d.Wakes, d.Unreturned,
		micros(d.FinalAt), encodeEvents(c.Events), string(d.PushID), d.DeviceID, d.User, string(d.State))
}
