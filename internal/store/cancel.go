package store

import (
	"context"
	"time"

	"github.com/hushpush/hush/push"
)

const (
	cancelPiece = 500    // deliveries in one transaction
	maxEnded    = 10_000 // final deliveries that Cancel names
)

// Cancel ends all open deliveries of a push, in pieces, and keeps it from making new ones. It says how many it has ended,
// and names up to 10 000 of those that were final before. Those that a large push is still to make are made cancelled, and
// count. A push that had made none yet counts the users or devices that it names.
func (s *Store) Cancel(ctx context.Context, app string, id push.ID) (cancelled int, final []push.Delivery, err error) {
	at := s.now()
	var p pushRow
	var left int // of a list: what is made from now on is made cancelled
	err = s.write(ctx, "cancel", &op{app: app, long: true, do: func(ctx context.Context, t *tx) (err error) {
		p, err = one(ctx, t, readPush, pushByID+" {lock}", string(id), app)
		if err != nil || p.made {
			return err
		}
		t.noteCancelled(p, at)
		if p.list != "" {
			if !p.cancelledAt.IsZero() {
				return nil
			}
			if left, err = one(ctx, t, scalar[int], targetsLeft, p.list); err != nil {
				return err
			}
			return t.run(ctx, exec("UPDATE pushes SET cancelled_at = ? WHERE id = ?", micros(at), string(id)))
		}
		return t.run(ctx, exec("UPDATE pushes SET made = 1, due_at = NULL, cancelled_at = ? WHERE id = ?", micros(at), string(id)))
	}})
	if err != nil {
		return 0, nil, err
	}
	cancelled = left
	if !p.made && p.unmade() {
		return len(p.namedTargets()), nil, nil
	}
	for {
		n, err := s.cancelPiece(ctx, app, id, at)
		if err != nil {
			return cancelled, nil, err
		}
		cancelled += n
		if n < cancelPiece {
			break
		}
	}
	if p.unmade() { // it was cancelled in the time before its deliveries were made
		all, _, err := p.scheduled([]string{""}, len(p.namedTargets()))
		return 0, all, err
	}
	final, err = all(ctx, s.read, readEnded, pushEnded, noPayload, string(id), app, string(push.Cancelled), micros(at), maxEnded)
	return cancelled, final, doing("cancel", err)
}

func readEnded(scan scanFunc) (push.Delivery, error) {
	var none string
	return readDelivery(scan, &none)
}

const (
	openOfPush = "SELECT device_id, user_id FROM deliveries WHERE push_id = ? AND state IN " + openStates + " LIMIT ?"
	cancelRows = `UPDATE deliveries SET state = ?, reason = '', final_at = ?, due_at = NULL, events = events || ?
		WHERE push_id = ? AND device_id = ? AND user_id = ? AND final_at IS NULL`
)

// cancelPiece ends up to cancelPiece deliveries and says how many.
func (s *Store) cancelPiece(ctx context.Context, app string, id push.ID, at time.Time) (n int, err error) {
	event := push.Event{At: at, Event: push.EventName(push.Cancelled)}
	cancelled := encodeEvents([]push.Event{event})
	err = s.write(ctx, "cancel", &op{app: app, long: true, do: func(ctx context.Context, t *tx) error {
		open, err := all(ctx, t, func(scan scanFunc) (d push.Recipient, err error) {
			err = scan(&d.Device, &d.User)
			return d, err
		}, openOfPush, string(id), cancelPiece)
		if err != nil {
			return err
		}
		if err := t.lockTargets(ctx, app, open); err != nil {
			return err
		}
		stmts := make([]*stmt, len(open))
		for i, d := range open {
			t.changed(push.Delivery{App: app, PushID: id, DeviceID: d.Device, User: d.User, State: push.Cancelled}, event)
			stmts[i] = exec(cancelRows, string(push.Cancelled), micros(at), cancelled, string(id), d.Device, d.User)
		}
		if err := t.run(ctx, stmts...); err != nil {
			return err
		}
		n = len(open)
		return nil
	}})
	return n, err
}

// lockTargets locks the rows of devices, and of users without one, where others write at the same time.
func (t *tx) lockTargets(ctx context.Context, app string, targets []push.Recipient) error {
	if !t.s.db.locksRows() || len(targets) == 0 {
		return nil
	}
	var users, devices []string
	for _, to := range targets {
		if to.Device == "" {
			users = append(users, to.User)
		} else {
			devices = append(devices, to.Device)
		}
	}
	return t.lockOf(ctx, app, users, devices)
}
