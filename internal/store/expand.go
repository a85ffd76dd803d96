package store

import (
	"context"
	"time"

	"github.com/hushpush/hush/push"
)

// DuePushes are up to limit pushes whose audience is to be looked up now, apps in turn. They stay due until Expand has made
// their last delivery.
func (s *Store) DuePushes(ctx context.Context, now time.Time, limit int) ([]push.PushRef, error) {
	s.pushTurnMu.Lock()
	refs, err := s.pushTurn.take(ctx, s.read, duePushes, now, limit)
	s.pushTurnMu.Unlock()
	pushes := make([]push.PushRef, len(refs))
	for i, r := range refs {
		pushes[i] = push.PushRef{App: r.app, ID: push.ID(r.id)}
	}
	return pushes, doing("due pushes", err)
}

// Expand makes the next deliveries of a push whose time has come: all of them for users and devices, else those for the
// next limit devices of the app. Where it was is committed with them, so that after a crash it goes on there. The devices
// are this node's for lease. done says that nothing is left to be made, also because the push was cancelled or is not there.
func (s *Store) Expand(ctx context.Context, ref push.PushRef, now time.Time, limit int, lease time.Duration) (devices []push.DeviceKey, done bool, err error) {
	now = now.UTC().Truncate(time.Microsecond)
	err = s.write(ctx, "expand", &op{app: ref.App, long: true, do: func(ctx context.Context, t *tx) error {
		devices, done = nil, false
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
		e := expansion{t: t, p: p, now: now}
		if err := e.targets(ctx, pageSize(limit)); err != nil {
			return err
		}
		if err := e.write(ctx, lease); err != nil {
			return err
		}
		devices, done = e.keys, e.done
		return nil
	}})
	return devices, done, err
}

// expansion is one chunk of a push's deliveries.
type expansion struct {
	t    *tx
	p    pushRow
	now  time.Time
	to   []target
	upTo string // the last device id looked at
	done bool   // nothing is left
	keys []push.DeviceKey
}

// devicesAfter pages through an app's devices that were registered when a push's time came.
const devicesAfter = `SELECT d.id, d.user_id, d.platform, d.owner_gen, u.tags FROM devices d LEFT JOIN users u ON u.app = d.app AND u.id = d.user_id
	WHERE d.app = ? AND d.id > ? AND d.user_id <> '' AND d.created_at <= ? ORDER BY d.id LIMIT ?`

type taggedTarget struct {
	target
	tags []string
}

func readTagged(scan scanFunc) (d taggedTarget, err error) {
	var tags *string
	err = scan(&d.id, &d.user, &d.platform, &d.generation, &tags)
	if err == nil && tags != nil {
		err = decode(*tags, &d.tags)
	}
	return d, err
}

// targets finds who is next.
func (e *expansion) targets(ctx context.Context, limit int) error {
	if !e.p.To.Deferred() {
		e.done = true
		return e.named(ctx)
	}
	page, err := all(ctx, e.t, readTagged, devicesAfter, e.p.App, e.p.madeUpTo, micros(e.p.Start()), limit)
	if err != nil {
		return err
	}
	e.done = len(page) < limit
	for _, d := range page {
		e.upTo = d.id
		if e.p.To.All || e.p.To.Tags.Matches(d.tags) {
			e.to = append(e.to, d.target)
		}
	}
	return e.t.lockTargets(ctx, e.p.App, e.to)
}

// named resolves users and devices as accepting does. A device that was unregistered since is left out.
func (e *expansion) named(ctx context.Context) error {
	if e.t.s.db.locksRows() {
		if err := e.t.lockOf(ctx, e.p.App, e.p.To.Users, e.p.To.Devices); err != nil {
			return err
		}
	}
	a := &acceptance{apps: map[string]*audience{}}
	a.ask(e.p.App, e.p.To.Users, e.p.To.Devices)
	aud := a.apps[e.p.App]
	if err := e.t.run(ctx, aud.read(e.p.App)...); err != nil {
		return err
	}
	// The error names devices that are not there any more; who is there gets the push.
	e.to, _, _ = aud.resolve(e.p.To)
	return nil
}

func (e *expansion) write(ctx context.Context, lease time.Duration) error {
	r, err := e.t.resourceOrNone(ctx, e.p.App, e.p.ResourceID)
	if err != nil {
		return err
	}
	a := &acceptance{t: e.t, now: e.now, newest: map[collapseKey]*newDelivery{}, touched: map[dueKey][]string{}, seenKeys: map[collapseKey]bool{}}
	o := &acceptOp{lease: lease}
	a.deliver(r, e.p.Push, e.to, o)
	e.keys = o.result.Devices
	var due any
	if !e.done {
		due = micros(e.now)
	}
	a.inserts = append(a.inserts, exec("UPDATE pushes SET made = ?, due_at = ?, made_up_to = ? WHERE id = ?", bit(e.done), due, e.upTo, string(e.p.ID)))
	e.t.touch(e.p.ID)
	return a.write(ctx)
}
