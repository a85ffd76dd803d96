package store

import (
	"context"
	"strings"
	"time"

	"github.com/hushpush/hush/push"
)

type oldPush struct {
	id       push.ID
	accepted int64
	made     int64
	open     int64
	lastDone *int64
}

func readOldPush(scan scanFunc) (p oldPush, err error) {
	err = scan(&p.id, &p.accepted, &p.made, &p.open, &p.lastDone)
	return p, err
}

// oldPushes are candidates, with what tells whether they may go.
var oldPushes = `SELECT p.id, p.accepted_at, p.made,
	CASE WHEN EXISTS (SELECT 1 FROM deliveries d WHERE d.push_id = p.id AND d.state IN ` + openStates + `) THEN 1 ELSE 0 END,
	(SELECT MAX(f.at) FROM (` + lastFinal() + `) f)
	FROM pushes p WHERE p.look_at <= ? ORDER BY p.look_at LIMIT ?`

// lastFinal finds for each final state when the last delivery of push p came to it: one step in the index each.
func lastFinal() string {
	var each []string
	for _, s := range push.States() {
		if s.Final() {
			each = append(each, "SELECT MAX(d.final_at) AS at FROM deliveries d WHERE d.push_id = p.id AND d.state = '"+string(s)+"'")
		}
	}
	return strings.Join(each, " UNION ALL ")
}

const (
	removeRows        = "DELETE FROM deliveries WHERE push_id = ? AND (device_id, user_id) IN (SELECT device_id, user_id FROM deliveries WHERE push_id = ? LIMIT ?)"
	removePush        = "DELETE FROM pushes WHERE id = ?"
	removeIdempotency = "DELETE FROM idempotency WHERE (app, key) IN (SELECT app, key FROM idempotency WHERE created_at <= ? ORDER BY created_at LIMIT ?)"
	lookLater         = "UPDATE pushes SET look_at = ? WHERE id = ?"
)

// Remove removes up to about limit rows, at most 1 000: pushes whose last delivery became final at or before the given time,
// with their deliveries, idempotency keys as old as that, and lists of targets whose push never came. It says how many rows
// went; 0 means that nothing is left to go now. A push that is looked at too early is looked at again after an eighth of its age, or exactly when its time has come
// if that is known.
func (s *Store) Remove(ctx context.Context, before time.Time, limit int) (removed int, err error) {
	limit = pageSize(limit)
	for again := true; again; {
		err = s.write(ctx, "remove", &op{long: true, do: func(ctx context.Context, t *tx) error {
			removed, again = 0, false
			keys := exec(removeIdempotency, micros(before), limit)
			if err := t.run(ctx, keys); err != nil {
				return err
			}
			removed = int(keys.n)
			lost, err := t.removeLostPieces(ctx, max(limit/meantPiece, 1))
			if err != nil {
				return err
			}
			removed += lost
			old, err := all(ctx, t, readOldPush, oldPushes, micros(before), limit)
			if err != nil {
				return err
			}
			for _, p := range old {
				if removed >= limit {
					return nil
				}
				n, err := t.removeOne(ctx, p, before, limit-removed)
				if err != nil {
					return err
				}
				removed += n
			}
			again = removed == 0 && len(old) == limit // all were too early; there may be others
			return nil
		}})
		if err != nil {
			return 0, err
		}
	}
	return removed, nil
}

// removeOne removes up to limit rows of a push, or notes when to look at it again.
func (t *tx) removeOne(ctx context.Context, p oldPush, before time.Time, limit int) (int, error) {
	cut := before.UnixMicro()
	switch {
	case p.made == 0 || p.open != 0:
		return 0, t.run(ctx, exec(lookLater, cut+(t.s.now().UnixMicro()-p.accepted)/8+1, string(p.id)))
	case p.lastDone != nil && *p.lastDone > cut:
		return 0, t.run(ctx, exec(lookLater, *p.lastDone, string(p.id)))
	}
	rows := exec(removeRows, string(p.id), string(p.id), limit)
	if err := t.run(ctx, rows); err != nil || int(rows.n) == limit {
		return int(rows.n), err
	}
	t.touch(p.id)
	return int(rows.n) + 1, t.run(ctx, exec(removePush, string(p.id)))
}
