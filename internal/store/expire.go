package store

import (
	"context"
	"slices"
	"time"

	"github.com/hushpush/hush/push"
)

const userlessExpired = "SELECT " + deliveryColumns + " FROM " + deliveriesWithDevice + " WHERE d.holder < 0 AND d.final_at IS NULL AND d.expires_at <= ? ORDER BY d.expires_at LIMIT ?"

// ExpireUserless ends up to limit deliveries that expired while their user had no device, and returns how many. Deliveries of
// devices expire when their device is looked at.
func (s *Store) ExpireUserless(ctx context.Context, now time.Time, limit int) (int, error) {
	limit = pageSize(limit)
	// Mostly there are none, and then the writer has no work.
	if soon, err := all(ctx, s.read, readOpen, userlessExpired, noPayload, micros(now), 1); err != nil || len(soon) == 0 {
		return 0, wrap("expire", err)
	}
	n := 0
	err := s.write(ctx, "expire", &op{long: true, do: func(ctx context.Context, t *tx) error {
		list, err := all(ctx, t, readOpen, userlessExpired, noPayload, micros(now), limit)
		if err != nil {
			return err
		}
		if list, err = t.lockUserless(ctx, list, now, limit); err != nil {
			return err
		}
		changes := make([]push.Change, len(list))
		for i, d := range list {
			changes[i] = d.To(now.UTC(), push.Expired, push.ReasonTTL)
		}
		n = len(list)
		return t.run(ctx, t.change(changes...)...)
	}})
	return n, err
}

// lockUserless locks the users of these deliveries, and returns the deliveries that are still open and theirs. Before a user is
// locked, a device may be registered to which they are handed over.
func (t *tx) lockUserless(ctx context.Context, list []push.Delivery, now time.Time, limit int) ([]push.Delivery, error) {
	if !t.s.db.locksRows() {
		return list, nil
	}
	var l rowLocks
	locked := map[ref]bool{}
	for _, d := range list {
		l.add(d.App, []string{d.User}, nil)
		locked[ref{d.App, d.User}] = true
	}
	if err := l.lock(ctx, t); err != nil {
		return nil, err
	}
	still, err := all(ctx, t, readOpen, userlessExpired, noPayload, micros(now), limit)
	return slices.DeleteFunc(still, func(d push.Delivery) bool { return !locked[ref{d.App, d.User}] }), err
}

// countDue counts the devices and the pushes that are due, each up to a limit, and finds the oldest of each.
const countDue = `SELECT (SELECT COUNT(*) FROM (SELECT 1 FROM device_state WHERE due_at <= ? LIMIT ?) devices_due), (SELECT MIN(due_at) FROM device_state WHERE due_at <= ?),
	(SELECT COUNT(*) FROM (SELECT 1 FROM pushes WHERE due_at <= ? LIMIT ?) pushes_due), (SELECT MIN(due_at) FROM pushes WHERE due_at <= ?)`

// Backlog returns how many devices and pushes are due and owned by no node, counted up to atMost, and since when the oldest is.
func (s *Store) Backlog(ctx context.Context, now time.Time, atMost int) (push.Backlog, error) {
	at := micros(now)
	b, err := one(ctx, s.read, func(scan scanFunc) (b push.Backlog, err error) {
		var devices, pushes int
		var device, of *int64
		err = scan(&devices, &device, &pushes, &of)
		b.Due, b.OldestDue = min(devices+pushes, atMost), clock(device)
		if p := clock(of); b.OldestDue.IsZero() || !p.IsZero() && p.Before(b.OldestDue) {
			b.OldestDue = p
		}
		return b, err
	}, countDue, at, atMost, at, at, atMost, at)
	return b, wrap("backlog", err)
}

// When the next one of each kind is due.
const (
	nextDevice = "SELECT MIN(due_at) FROM device_state WHERE due_at IS NOT NULL"
	nextPush   = "SELECT MIN(due_at) FROM pushes WHERE due_at IS NOT NULL"
	nextExpiry = "SELECT MIN(expires_at) FROM deliveries WHERE final_at IS NULL AND holder < 0"
)

// NextDueDevice returns when the next device is due; the zero time if none ever is.
func (s *Store) NextDueDevice(ctx context.Context) (time.Time, error) { return s.next(ctx, nextDevice) }

// NextDuePush returns when the next push is due whose audience has yet to be resolved; the zero time if none ever is.
func (s *Store) NextDuePush(ctx context.Context) (time.Time, error) { return s.next(ctx, nextPush) }

// NextUserlessExpiry returns when the next delivery to a user without a device expires; the zero time if none ever does.
func (s *Store) NextUserlessExpiry(ctx context.Context) (time.Time, error) {
	return s.next(ctx, nextExpiry)
}

func (s *Store) next(ctx context.Context, question string) (time.Time, error) {
	at, err := one(ctx, s.read, scalar[*int64], question)
	if err != nil {
		return time.Time{}, wrap("next due", err)
	}
	return clock(at), nil
}

const lookAgain = "SELECT n FROM device_state WHERE app = ? AND due_at > ? AND owner = '' ORDER BY due_at LIMIT ? {skip}"

// LookAgain makes all devices of an app due now that have a later due_at, in pieces, because something that they may wait for has
// changed. A device with open deliveries always has a due_at, at the latest their expiry. One that a node owns is looked at
// anyway.
func (s *Store) LookAgain(ctx context.Context, app string, now time.Time) error {
	for {
		n := 0
		err := s.write(ctx, "look again", &op{app: app, long: true, do: func(ctx context.Context, t *tx) error {
			numbers, err := all(ctx, t, scalar[int64], lookAgain, app, micros(now), deleteRows)
			if err != nil {
				return err
			}
			n = len(numbers)
			return t.run(ctx, s.leaseDevices(numbers, now, 0))
		}})
		if err != nil || n < deleteRows {
			return err
		}
	}
}
