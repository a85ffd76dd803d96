package store

import (
	"context"
	"slices"
	"time"

	"github.com/hushpush/hush/push"
)

// DuePushes returns up to limit pushes whose audience is to be resolved now, from each app in turn. They stay due until Expand has
// made their last delivery.
func (s *Store) DuePushes(ctx context.Context, now time.Time, limit int) ([]push.PushRef, error) {
	s.pushRotationMu.Lock()
	due, err := s.pushRotation.due(ctx, s.read, duePushes, now, limit, nil)
	s.pushRotationMu.Unlock()
	if err != nil || len(due) == 0 {
		return nil, wrap("due pushes", err)
	}
	found, err := refsOf(ctx, s.read, idsOfPushes, due)
	pushes := make([]push.PushRef, len(found))
	for i, r := range found {
		pushes[i] = push.PushRef{App: r.app, ID: push.ID(r.id)}
	}
	return pushes, wrap("due pushes", err)
}

// Expand makes the next deliveries of a push that is due. For named users and devices it makes all of them, or one piece of the
// stored list if they are many. For tags and broadcasts it makes those of the next devices of the app, up to limit and as many as
// one transaction may take. Its position is committed with them, so that it goes on there after a crash. The devices are this
// node's for lease; those of a larger broadcast are due now and nobody's. done reports whether nothing is left to make, also
// because the push was cancelled or does not exist.
func (s *Store) Expand(ctx context.Context, ref push.PushRef, now time.Time, limit int, lease time.Duration) (devices []push.DeviceKey, done bool, err error) {
	now = now.UTC().Truncate(time.Microsecond)
	devices, done, many, err := s.expandPiece(ctx, ref, now, limit, lease, true)
	if err == nil && many {
		if err = s.fixDue(ctx, ref); err == nil {
			devices, done, _, err = s.expandPiece(ctx, ref, now, limit, lease, false)
		}
	}
	return devices, done, err
}

// expandPiece makes the next deliveries of a push. With look, it makes none and sets many if the push names so many users or devices
// that their list has to be stored first.
func (s *Store) expandPiece(ctx context.Context, ref push.PushRef, now time.Time, limit int, lease time.Duration, look bool) (devices []push.DeviceKey, done, many bool, err error) {
	toAll := false
	err = s.write(ctx, "expand", &op{app: ref.App, long: true, do: func(ctx context.Context, t *tx) error {
		devices, done, many, toAll = nil, false, false, false
		rows, err := all(ctx, t, readPush, pushByID+" {lock}", string(ref.ID), ref.App)
		if err != nil {
			return err
		}
		if len(rows) == 0 || rows[0].made {
			done = true
			return nil
		}
		p := rows[0]
		if p.Start().After(now) {
			return nil
		}
		if many = look && p.list == "" && !p.To.Deferred() && s.mayBeMany(p.To); many {
			return nil
		}
		e := expansion{t: t, p: p, now: now, upTo: p.madeUpTo}
		if err := e.make(ctx, max(limit, 1), lease); err != nil {
			return err
		}
		devices, done, toAll = e.keys, e.done, p.To.All
		return nil
	}})
	if toAll && err == nil {
		s.broadcasts.pieceMade(ref.App, ref.ID, s.now(), done)
	}
	return devices, done, many, err
}

// expansion makes one piece of a push's deliveries.
type expansion struct {
	t    *tx
	p    pushRow
	now  time.Time
	to   []target
	from int64 // the number of the last device before the range that is being made
	upTo int64 // the number of the last device that was read
	done bool  // nothing is left to make
	keys []push.DeviceKey
}

// make makes the piece, and stores the position that the push has reached.
func (e *expansion) make(ctx context.Context, limit int, lease time.Duration) (err error) {
	switch {
	case e.p.list != "":
		if err = e.nextPiece(ctx); err == nil {
			err = e.write(ctx, lease)
		}
	case e.p.To.All:
		err = e.broadcast(ctx, limit, lease)
	case e.p.To.Deferred():
		if err = e.tagged(ctx, limit); err == nil {
			err = e.write(ctx, lease)
		}
	default:
		e.done = true
		if err = e.named(ctx, e.p.To); err == nil {
			err = e.write(ctx, lease)
		}
	}
	if err != nil {
		return err
	}
	var due any
	if !e.done {
		due = micros(e.now)
	}
	if err := e.recordExpanded(ctx); err != nil {
		return err
	}
	return e.t.run(ctx, exec("UPDATE pushes SET made = ?, due_at = ?, made_up_to = ? WHERE n = ?", bit(e.done), due, e.upTo, e.p.n))
}

// taggedAtOnce is how many devices one transaction reads, at most, to compare their users' tags.
const taggedAtOnce = 500

// devicesAfter pages through the app's devices that were registered when the push became due.
const devicesAfter = `SELECT d.n, d.id, d.user_id, u.tags FROM devices d LEFT JOIN users u ON u.app = d.app AND u.id = d.user_id
	WHERE {app} = ? AND {n} > ? AND d.user_id <> '' AND d.created_at <= ? ORDER BY {app}, {n} LIMIT ?`

type taggedDevice struct {
	n        int64
	id, user string
	tags     []string
}

func readTagged(scan scanFunc) (d taggedDevice, err error) {
	var tags *string
	err = scan(&d.n, &d.id, &d.user, &tags)
	if err == nil && tags != nil {
		err = decode(*tags, &d.tags)
	}
	return d, err
}

// tagged finds the targets among the next devices: those whose users have the tags.
func (e *expansion) tagged(ctx context.Context, limit int) error {
	limit = min(limit, taggedAtOnce)
	page, err := all(ctx, e.t, readTagged, devicesAfter, e.p.App, e.p.madeUpTo, micros(e.p.Start()), limit)
	if err != nil {
		return err
	}
	e.done = len(page) < limit
	var ids []string
	users := map[string]string{}
	for _, d := range page {
		e.upTo = d.n
		if e.p.To.Tags.Matches(d.tags) {
			ids, users[d.id] = append(ids, d.id), d.user
		}
	}
	if err := e.named(ctx, push.Audience{Devices: ids}); err != nil {
		return err
	}
	// A device may have changed its owner before it was locked.
	e.to = slices.DeleteFunc(e.to, func(to target) bool { return to.User != users[to.Device] })
	return nil
}

// named resolves users and devices as acceptance does. It leaves out devices that have been unregistered since.
func (e *expansion) named(ctx context.Context, to push.Audience) error {
	now, err := e.audience(ctx, to)
	if err == nil {
		// The error names devices that no longer exist. The others get the push.
		there, _, _ := e.t.s.cfg.Accepting.Recipients(to, now)
		e.to = targetsOf(there)
	}
	return err
}

// audience reads users and devices, whose rows it locks until the transaction ends.
func (e *expansion) audience(ctx context.Context, to push.Audience) (*audience, error) {
	if e.t.s.db.locksRows() {
		if err := e.t.lockOf(ctx, e.p.App, to.Users, to.Devices); err != nil {
			return nil, err
		}
	}
	a := newAcceptance(e.t, e.now)
	a.request(e.p.App, to.Users, to.Devices)
	return a.apps[e.p.App], a.readRequested(ctx, e.t)
}

// write makes the deliveries for the targets.
func (e *expansion) write(ctx context.Context, lease time.Duration) error {
	r, err := e.t.resourceOrDefault(ctx, e.p.App, e.p.ResourceID)
	if err != nil {
		return err
	}
	if err := e.markSuperseded(ctx, r); err != nil {
		return err
	}
	a := newAcceptance(e.t, e.now)
	o := &acceptOp{lease: lease}
	a.deliver(r, e.p.Push, push.Row{Push: e.p.n, Counted: e.p.counted}, e.to, o)
	e.keys = o.result.Devices
	return a.write(ctx)
}
