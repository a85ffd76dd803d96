package store

import (
	"context"
	"time"

	"github.com/hushpush/hush/push"
)

// countRivals is answered by the index alone: where the limit is high, it is asked for each of many devices.
const countRivals = "SELECT COUNT(*) FROM devices WHERE app = ? AND user_id = ? AND user_id <> '' AND id <> ?"

const rivals = "SELECT id, token_state, heard_at FROM devices WHERE app = ? AND user_id = ? AND user_id <> '' AND id <> ? ORDER BY id"

func readRival(scan scanFunc) (r push.Rival, err error) {
	var heardAt int64
	err = scan(&r.ID, &r.Token, &heardAt)
	r.HeardDay = push.Day(time.UnixMicro(heardAt))
	return r, err
}

// makeRoom unregisters those of a user's devices that have to leave for d, which is about to be the user's. The rows of the
// user and of its devices are locked.
func (t *tx) makeRoom(ctx context.Context, d push.Device) ([]push.DeviceKey, error) {
	n, err := one(ctx, t, scalar[int], countRivals, d.App, d.User, d.ID)
	if err != nil || n < t.s.cfg.DevicesPerUser {
		return nil, err
	}
	others, err := all(ctx, t, readRival, rivals, d.App, d.User, d.ID)
	if err != nil {
		return nil, err
	}
	leave, err := push.MakeRoom(push.Day(t.s.now()), others, t.s.cfg.DevicesPerUser)
	if err != nil {
		return nil, err
	}
	var evicted []push.DeviceKey
	for _, r := range leave {
		key := push.DeviceKey{App: d.App, Device: r.ID}
		if err := t.unregister(ctx, key, push.ReasonDeviceLimit); err != nil {
			return nil, err
		}
		evicted = append(evicted, key)
	}
	return evicted, nil
}

const heard = "UPDATE devices SET heard_at = ? WHERE app = ? AND id = ? AND heard_at < ?"

// Heard notes when a device called.
func (s *Store) Heard(ctx context.Context, key push.DeviceKey, at time.Time) error {
	return s.write(ctx, "heard", &op{app: key.App, devices: []string{key.Device}, do: func(ctx context.Context, t *tx) error {
		return t.run(ctx, exec(heard, micros(at), key.App, key.Device, micros(at)))
	}})
}

const (
	goneDevices  = "SELECT app, id FROM devices WHERE user_id = '' AND updated_at <= ? ORDER BY updated_at LIMIT ?"
	removeDevice = "DELETE FROM devices WHERE app = ? AND id = ?"
)

// RemoveDevices removes up to limit rows of devices, at most 1 000, that were unregistered at or before the given time, and
// says how many. By then nothing of their owner generations may be under way any more.
func (s *Store) RemoveDevices(ctx context.Context, before time.Time, limit int) (removed int, err error) {
	limit = pageSize(limit)
	if gone, err := all(ctx, s.read, readRef, goneDevices, micros(before), 1); err != nil || len(gone) == 0 {
		return 0, doing("remove devices", err)
	}
	err = s.write(ctx, "remove devices", &op{long: true, do: func(ctx context.Context, t *tx) error {
		gone, err := all(ctx, t, readRef, goneDevices+" {skip}", micros(before), limit)
		if err != nil {
			return err
		}
		removed = len(gone)
		stmts := make([]*stmt, len(gone))
		for i, d := range gone {
			stmts[i] = exec(removeDevice, d.app, d.id)
		}
		return t.run(ctx, stmts...)
	}})
	return removed, err
}
