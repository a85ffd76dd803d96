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

// Cancel ends all open deliveries of a push, in pieces, and keeps it from making new ones. It says how many it has ended,
// and names up to 10 000 of those that were final before. Those that a large push is still to make are made cancelled, and
// count. A push that had made none yet counts the users or devices that it names.
func (s *Store) Cancel(ctx context.Context, app string, id push.ID) (cancelled int, final []push.Delivery, err error) {
	at := s.now()
	var p pushRow
	var leftInList int // of a list: what is made from now on is made cancelled
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
	if p.unmade() { // it was cancelled in the time before its deliveries were made
		all, _, err := p.scheduled([]string{""}, len(p.namedTargets()))
		return 0, all, err
	}
	final, err = all(ctx, s.read, readOpen, pushEnded, noPayload, p.n, string(push.Cancelled), micros(at), maxEnded)
	return cancelled, final, wrap("cancel", err)
}

// holding is whose a delivery of a push is; a push's deliveries stand in this order.
type deliveryHolder struct {
	holder int64
	user   string
}

const openOfPush = "SELECT " + deliveryColumns + " FROM " + deliveriesWithDevice +
	" WHERE d.push = ? AND (d.holder, d.user_id) > (?, ?) AND d.final_at IS NULL ORDER BY d.holder, d.user_id LIMIT ?"

// cancelPiece ends the next up to cancelPiece open deliveries, and says how many, and whose the last one is.
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
