package store

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"strconv"
	"strings"

	"github.com/hushpush/hush/push"
)

// deliveryColumns are the columns of a delivery d, its push p and its device v. They have one argument: a payload with more bytes than
// that is not read. deviceDeliveryColumns are for queries about one device, whose id the caller knows.
const (
	deliveryColumns       = deliveryFields + ", COALESCE(v.id, '')"
	deviceDeliveryColumns = deliveryFields + ", ''"

	deliveryFields = `d.push, d.holder, p.counted, p.id, p.app, d.user_id, p.resource_id, d.state, d.reason, d.result, d.path, d.since, p.accepted_at,
	d.expires_at, d.now_or_never, p.deliver, d.due_at, d.wakes, d.unreturned, d.generation, d.final_at, d.kept, d.late, d.wake_until,
	length(p.payload), CASE WHEN length(p.payload) <= ? THEN p.payload END`

	deliveriesWithPush   = "deliveries d JOIN pushes p ON p.n = d.push"
	deliveriesWithDevice = deliveriesWithPush + " LEFT JOIN devices v ON v.n = d.holder"
	holderByID           = "(SELECT n FROM devices WHERE app = ? AND id = ?)"
)

// Arguments of deliveryColumns.
const (
	noPayload   = -1
	wakePayload = push.MaxWakePayload
)

// withPayload writes the argument of deliveryColumns into them. A folded statement has no arguments beside its rows.
func withPayload(columns string, maxBytes int) string {
	return strings.Replace(columns, "?", strconv.Itoa(maxBytes), 1)
}

// readDelivery reads deliveryColumns, and the further columns of a query into more.
func readDelivery(scan scanFunc, more ...any) (d push.Delivery, err error) {
	var (
		since, accepted, expires int64
		counted, nowOrNever      int64
		due, final, wakeUntil    *int64
		late                     string
	)
	into := [...]any{&d.Row.Push, &d.Row.Holder, &counted, &d.PushID, &d.App, &d.User, &d.ResourceID, &d.State, &d.Reason, &d.Result, &d.Path, &since, &accepted,
		&expires, &nowOrNever, &d.Deliver, &due, &d.Wakes, &d.Unreturned, &d.Generation, &final, &d.EventsKept, &late, &wakeUntil, &d.PayloadBytes, &d.Payload, &d.DeviceID}
	err = scan(append(into[:], more...)...)
	d.Since, d.AcceptedAt, d.ExpiresAt = clock(&since), clock(&accepted), clock(&expires)
	d.NowOrNever, d.Row.Counted, d.Row.Was = nowOrNever != 0, counted != 0, d.State
	d.DueAt, d.FinalAt, d.WakeUntil = clock(due), clock(final), clock(wakeUntil)
	for result := range strings.FieldsSeq(late) {
		d.Late = append(d.Late, push.Result(result))
	}
	if d.PayloadBytes == 0 {
		d.Payload = []byte{}
	}
	return d, err
}

// readDeliveryOf returns readDelivery for deviceDeliveryColumns of this device.
func readDeliveryOf(device string) func(scanFunc) (push.Delivery, error) {
	return func(scan scanFunc) (push.Delivery, error) {
		d, err := readDelivery(scan)
		d.DeviceID = device
		return d, err
	}
}

func readOpen(scan scanFunc) (push.Delivery, error) { return readDelivery(scan) }

// userHolder returns the holder of deliveries that wait for a user without a device. It is always negative. Two users may have the
// same one, so queries for it also name the user and the app.
func userHolder(app, user string) int64 {
	sum := sha256.Sum256([]byte(app + "\x00" + user))
	return -1 - int64(binary.BigEndian.Uint64(sum[:])>>1)
}

// holderOf returns the holder of a recipient's deliveries.
func holderOf(app string, to push.Recipient) int64 {
	if to.Device == "" {
		return userHolder(app, to.User)
	}
	return to.Holder
}

const (
	inboxOf = "SELECT " + deviceDeliveryColumns + " FROM " + deliveriesWithPush + " WHERE d.holder = " + holderByID + " AND d.final_at IS NULL ORDER BY d.since, d.push LIMIT ?"
	openOf  = "SELECT COUNT(*) FROM deliveries WHERE holder = " + holderByID + " AND final_at IS NULL"
)

// maxInboxBytes bounds the payload in one page of an inbox, which is in memory as a whole.
const maxInboxBytes = 4 << 20

const inboxSizes = "SELECT length(p.payload) FROM " + deliveriesWithPush + " WHERE d.holder = " + holderByID + " AND d.final_at IS NULL ORDER BY d.since, d.push LIMIT ?"

// Inbox returns a device's open deliveries with their payloads, oldest first, and how many there are in all. It returns up to limit
// of them, at most 1 000, and no more than fit into about 4 MiB of payload.
func (s *Store) Inbox(ctx context.Context, key push.DeviceKey, limit int) ([]push.Delivery, int, error) {
	if key.Device == "" {
		return nil, 0, wrap("inbox", push.ErrNotFound)
	}
	limit = pageSize(limit)
	if limit*push.MaxPayloadBytes > maxInboxBytes {
		sizes, err := all(ctx, s.read, scalar[int], inboxSizes, key.App, key.Device, limit)
		if err != nil {
			return nil, 0, wrap("inbox", err)
		}
		limit = fitting(sizes, limit)
	}
	list, err := all(ctx, s.read, readDeliveryOf(key.Device), inboxOf, push.MaxPayloadBytes, key.App, key.Device, limit)
	if err != nil || len(list) < limit {
		return list, len(list), wrap("inbox", err)
	}
	open, err := s.OpenCount(ctx, key)
	return list, max(open, len(list)), err
}

// fitting returns how many payloads of these sizes fit into one page, at least one; limit if all of them do.
func fitting(sizes []int, limit int) int {
	bytes := 0
	for i, size := range sizes {
		if bytes += size; bytes > maxInboxBytes {
			return max(i, 1)
		}
	}
	return limit
}

// OpenCount returns how many open deliveries a device has.
func (s *Store) OpenCount(ctx context.Context, key push.DeviceKey) (int, error) {
	n, err := one(ctx, s.read, scalar[int], openOf, key.App, key.Device)
	return n, wrap("open count", err)
}
