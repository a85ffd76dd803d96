package store

import (
	"context"
	"time"

	"github.com/hushpush/hush/push"
)

// A broadcast's deliveries are made in the database, for a range of device ids at a time and a platform each, since time to
// live and collapse key may differ: no row of theirs comes here but its id. Statements on devices end with the arguments
// of inRange.
const (
	inRange  = "app = ? AND id > ? AND id <= ? AND user_id <> '' AND created_at <= ?"
	rangeIDs = "SELECT id, user_id FROM devices WHERE app = ? AND id > ? AND user_id <> '' AND created_at <= ? ORDER BY id LIMIT ?"

	// The range stands here twice, so that a plan that begins with the deliveries is a good one too.
	rangeSupersede = `UPDATE deliveries SET state = ?, reason = '', final_at = ?, due_at = NULL, events = events || ?
		WHERE app = ? AND device_id > ? AND device_id <= ? AND collapse_key = ? AND final_at IS NULL AND since <= ?
			AND device_id IN (SELECT id FROM devices WHERE platform = ? AND ` + inRange + ") " + whatChanged
	rangeDeliver = `INSERT INTO deliveries (app, push_id, device_id, user_id, state, reason, since, expires_at, now_or_never, generation,
			collapse_key, events)
		SELECT app, ?, id, user_id, ?, ?, ?, ?, ?, owner_gen, ?, ? FROM devices WHERE platform = ? AND ` + inRange
	// Of what was just made, that for which a newer push with the same collapse key was quicker.
	// The plus keeps SQLite from reading all that is newer on each device.
	rangeOutdate = `UPDATE deliveries SET state = ?, reason = '', final_at = ?, due_at = NULL, events = events || ?
		WHERE push_id = ? AND device_id > ? AND device_id <= ? AND final_at IS NULL AND EXISTS (SELECT 1 FROM deliveries n
			WHERE n.app = ? AND n.device_id = deliveries.device_id AND n.collapse_key = ? AND n.final_at IS NULL AND +n.since > ?) ` + whatChanged
	rangeHold = "UPDATE devices SET due_at = ?, owner = ? WHERE " + inRange
)

// broadcast makes the deliveries for the next limit devices of the app.
func (e *expansion) broadcast(ctx context.Context, limit int, lease time.Duration) error {
	registered := micros(e.p.Start())
	found, err := all(ctx, e.t, readOwned, rangeIDs, e.p.App, e.p.madeUpTo, registered, limit)
	if err != nil {
		return err
	}
	e.done = len(found) < limit
	if len(found) == 0 {
		return nil
	}
	ids := make([]string, len(found))
	for i, d := range found {
		ids[i] = d.Device
	}
	waiting := push.Event{At: e.now, Event: push.EventName(push.Waiting)}
	for _, d := range found {
		e.t.changed(push.Delivery{App: e.p.App, PushID: e.p.ID, ResourceID: e.p.ResourceID, DeviceID: d.Device, User: d.User, State: push.Waiting}, waiting)
	}
	e.upTo = ids[len(ids)-1]
	e.keys = keysOf(e.p.App, ids)
	if e.t.s.db.locksRows() {
		if err := e.t.lockOf(ctx, e.p.App, nil, ids); err != nil {
			return err
		}
	}
	r, err := e.t.resourceOrNone(ctx, e.p.App, e.p.ResourceID)
	if err != nil {
		return err
	}
	within := []any{e.p.App, e.p.madeUpTo, e.upTo, registered}
	var stmts []*stmt
	for _, platform := range []push.Platform{push.IOS, push.Android} {
		n := e.t.s.cfg.Accepting.Place(e.p.Push, r, push.Recipient{Device: e.upTo, Platform: platform}, e.now, push.Ending{})
		superseded := push.Event{At: e.now, Event: push.EventName(push.Superseded)}
		ended := encodeEvents([]push.Event{superseded})
		if n.CollapseKey != "" {
			stmts = append(stmts, each(e.t.changedRow(superseded), rangeSupersede, append([]any{string(push.Superseded), micros(e.now), ended,
				e.p.App, e.p.madeUpTo, e.upTo, []byte(n.CollapseKey), micros(n.Since), string(platform)}, within...)...))
		}
		stmts = append(stmts, exec(rangeDeliver, append([]any{string(n.PushID), string(n.State), string(n.Reason), micros(n.Since), micros(n.ExpiresAt),
			bit(n.NowOrNever), nullBlob([]byte(n.CollapseKey)), encodeEvents(n.Events), string(platform)}, within...)...))
		if n.CollapseKey != "" {
			stmts = append(stmts, each(e.t.changedRow(superseded), rangeOutdate, string(push.Superseded), micros(e.now), ended, string(n.PushID), e.p.madeUpTo, e.upTo,
				e.p.App, []byte(n.CollapseKey), micros(n.Since)))
		}
	}
	due, owner := e.t.s.held(e.now, lease)
	return e.t.run(ctx, append(stmts, exec(rangeHold, append([]any{due, owner}, within...)...))...)
}

func readOwned(scan scanFunc) (d push.DeliveryKey, err error) {
	err = scan(&d.Device, &d.User)
	return d, err
}
