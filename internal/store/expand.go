package store

import (
	"context"
	"slices"
	"time"

	"github.com/hushpush/hush/push"
)

// DuePushes are up to limit pushes whose audience is to be looked up now, apps in turn. They stay due until Expand has made
// their last delivery.
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

// Expand makes the next deliveries of a push whose time has come: all of them for users and devices unless they are many, else
// those for the next devices of the app, up to limit and as far as a transaction may take, or for a piece of those that were
// fixed. Where it was is committed with them, so that after a crash it goes on there. The devices are this node's for lease. Of a
// broadcast to more than a few, they are nobody's and due. done says that nothing is left to be made, also because the push was
// cancelled or is not there.
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

// expandPiece makes the next piece; or it finds that a push names many users or devices, who are to be fixed first, if asked
// to look.
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

// expansion is one chunk of a push's deliveries.
type expansion struct {
	t    *tx
	p    pushRow
	now  time.Time
	to   []target
	from int64 // the last device before the range that is being made
	upTo int64 // the last device looked at
	done bool  // nothing is left
	keys []push.DeviceKey
}

// make makes the chunk, and notes how far the push has come.
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

// taggedAtOnce is how many devices a transaction looks at for their owners' tags.
const taggedAtOnce = 500

// devicesAfter pages through an app's devices that were registered when a push's time came.
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

// tagged finds who is next of those with the tags.
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
	// Before it was locked, a device may have changed hands.
	e.to = slices.DeleteFunc(e.to, func(to target) bool { return to.User != users[to.Device] })
	return nil
}

// named resolves users and devices as accepting does. A device that was unregistered since is left out.
func (e *expansion) named(ctx context.Context, to push.Audience) error {
	now, err := e.audience(ctx, to)
	if err == nil {
		// The error names devices that are not there any more; who is there gets the push.
		there, _, _ := e.t.s.cfg.Accepting.Recipients(to, now)
		e.to = targetsOf(there)
	}
	return err
}

// audience is what is known of users and devices, whose rows stay locked.
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
	if err := e.supersedeOlder(ctx, r); err != nil {
		return err
	}
	a := newAcceptance(e.t, e.now)
	o := &acceptOp{lease: lease}
	a.deliver(r, e.p.Push, push.Row{Push: e.p.n, Counted: e.p.counted}, e.to, o)
	e.keys = o.result.Devices
	return a.write(ctx)
}
