package store

import (
	"context"
	"math"
	"time"

	"github.com/hushpush/hush/push"
)

const (
	cancelPiece = 500    // deliveries in one transaction
	maxEnded    = 10_000 // final deliveries that Cancel names
)

// Cancel ends all open deliveries of a push, in pieces, and stops it from making new ones. It returns how many it cancelled, and up
// to 10 000 of those that were final before. The deliveries that a large push has not made yet count too, and are made as
// cancelled ones. For a push that had made none, the users or devices that it names count.
func (s *Store) Cancel(ctx context.Context, app string, id push.ID) (cancelled int, final []push.Delivery, err error) {
	at := s.now()
	var p pushRow
	var leftInList int // the targets in its list whose deliveries are not made yet
	err = s.write(ctx, "cancel", &op{app: app, long: true, do: func(ctx context.Context, t *tx) (err error) {
		p, err = one(ctx, t, readPush, pushByID+" {lock}", string(id), app)
		if err != nil || p.made {
			return err
		}
		t.recordCancelled(p, at)
		if p.list != "" {
			if !p.cancelledAt.IsZero() {
				return nil
			}
			if leftInList, err = one(ctx, t, scalar[int], targetsLeft, p.list); err != nil {
				return err
			}
			return t.run(ctx, exec("UPDATE pushes SET cancelled_at = ? WHERE n = ?", micros(at), p.n))
		}
		return t.run(ctx, exec("UPDATE pushes SET made = 1, due_at = NULL, cancelled_at = ? WHERE n = ?", micros(at), p.n))
	}})
	if err != nil {
		return 0, nil, err
	}
	cancelled = leftInList
	if !p.made && p.unmade() {
		return len(p.namedTargets()), nil, nil
	}
	for from := (deliveryHolder{holder: math.MinInt64}); ; {
		n, last, err := s.cancelPiece(ctx, p, from, at)
		if err != nil {
			return cancelled, nil, err
		}
		cancelled += n
		if n < cancelPiece {
			break
		}
		from = last
	}
	if p.unmade() { // an earlier call cancelled it before its deliveries were made
		all, _, err := p.scheduled([]string{""}, len(p.namedTargets()))
		return 0, all, err
	}
	final, err = all(ctx, s.read, readOpen, pushEnded, noPayload, p.n, string(push.Cancelled), micros(at), maxEnded)
	return cancelled, final, wrap("cancel", err)
}

// deliveryHolder identifies a delivery among those of its push, which are in this order.
type deliveryHolder struct {
	holder int64
	user   string
}

const openOfPush = "SELECT " + deliveryColumns + " FROM " + deliveriesWithDevice +
	" WHERE d.push = ? AND (d.holder, d.user_id) > (?, ?) AND d.final_at IS NULL ORDER BY d.holder, d.user_id LIMIT ?"

// cancelPiece cancels the next cancelPiece open deliveries behind from, at most. It returns how many, and the last of them.
func (s *Store) cancelPiece(ctx context.Context, p pushRow, from deliveryHolder, at time.Time) (n int, last deliveryHolder, err error) {
	err = s.write(ctx, "cancel", &op{app: p.App, long: true, do: func(ctx context.Context, t *tx) error {
		read := func() ([]push.Delivery, error) {
			return all(ctx, t, readOpen, openOfPush, noPayload, p.n, from.holder, from.user, cancelPiece)
		}
		open, err := read()
		if err == nil && t.s.db.locksRows() {
			if err = t.lockTargets(ctx, p.App, recipientsOf(open)); err == nil {
				open, err = read() // some may have ended before they were locked
			}
		}
		if err != nil {
			return err
		}
		changes := make([]push.Change, len(open))
		for i, d := range open {
			changes[i] = d.To(at, push.Cancelled, push.ReasonNone)
			last = deliveryHolder{d.Row.Holder, d.User}
		}
		n = len(open)
		return t.run(ctx, t.change(changes...)...)
	}})
	return n, last, err
}

func recipientsOf(deliveries []push.Delivery) []push.Recipient {
	list := make([]push.Recipient, len(deliveries))
	for i, d := range deliveries {
		list[i] = push.Recipient{Device: d.DeviceID, User: d.User}
	}
	return list
}

// lockTargets locks the rows of devices, and of users without one, if there are concurrent writers.
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
