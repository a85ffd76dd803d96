package store

import (
	"context"
	"time"

	"github.com/hushpush/hush/push"
)

type oldPush struct {
	n        int64
	id       push.ID
	accepted int64
	made     int64
	counted  int64
}

func readOldPush(scan scanFunc) (p oldPush, err error) {
	err = scan(&p.n, &p.id, &p.accepted, &p.made, &p.counted)
	return p, err
}

// The queries that decide whether a push may be removed. A push without counts has some thousand deliveries at most.
const (
	oldPushes    = "SELECT n, id, accepted_at, made, counted FROM pushes WHERE look_at <= ? ORDER BY look_at LIMIT ?"
	lastDone     = "SELECT MAX(final_at) FROM deliveries WHERE push = ?"
	lastCounted  = "SELECT MAX(final_at) FROM push_counts WHERE push = ?"
	lookedAtOnce = 50 // old pushes in one transaction
)

const (
	removeRows        = "DELETE FROM deliveries WHERE push = ? AND (holder, user_id) IN (SELECT holder, user_id FROM deliveries WHERE push = ? LIMIT ?)"
	removePush        = "DELETE FROM pushes WHERE n = ?"
	removeCounts      = "DELETE FROM push_counts WHERE push = ?"
	removeIdempotency = "DELETE FROM idempotency WHERE (app, key) IN (SELECT app, key FROM idempotency WHERE created_at <= ? ORDER BY created_at LIMIT ?)"
	lookLater         = "UPDATE pushes SET look_at = ? WHERE n = ?"
)

// Remove removes about limit rows, at most 1 000: pushes whose last delivery became final at or before the given time, with their
// deliveries; idempotency keys that are as old; and lists of targets whose push was never committed. It returns how many rows it
// removed; 0 means that none is left to remove now. A push that may not be removed yet is checked again after an eighth of its
// age, or exactly when it may be, if that is known.
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
			lost, err := t.removeOrphanPieces(ctx, max(limit/targetsPerPiece, 1))
			if err != nil {
				return err
			}
			removed += lost
			old, err := all(ctx, t, readOldPush, oldPushes, micros(before), min(limit, lookedAtOnce))
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
			again = removed == 0 && len(old) == min(limit, lookedAtOnce) // it was too early for all of these, but there may be others
			return nil
		}})
		if err != nil {
			return 0, err
		}
	}
	return removed, nil
}

// removeOne removes up to limit rows of a push, or stores when to check it again.
func (t *tx) removeOne(ctx context.Context, p oldPush, before time.Time, limit int) (int, error) {
	cut := before.UnixMicro()
	askOpen, askLast := pushOpen, lastDone
	if p.counted != 0 {
		askOpen, askLast = pushOpenCounted, lastCounted
	}
	open, err := all(ctx, t, scalar[int64], askOpen, p.n)
	if err != nil {
		return 0, err
	}
	if p.made == 0 || len(open) > 0 {
		return 0, t.run(ctx, exec(lookLater, cut+(t.s.now().UnixMicro()-p.accepted)/8+1, p.n))
	}
	last, err := one(ctx, t, scalar[*int64], askLast, p.n)
	if err != nil {
		return 0, err
	}
	if last != nil && *last > cut {
		return 0, t.run(ctx, exec(lookLater, *last, p.n))
	}
	rows := exec(removeRows, p.n, p.n, limit)
	if err := t.run(ctx, rows); err != nil || int(rows.n) == limit {
		return int(rows.n), err
	}
	t.touch(p.id)
	return int(rows.n) + 1, t.run(ctx, exec(removeCounts, p.n), exec(removePush, p.n))
}
