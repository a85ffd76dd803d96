package store

import (
	"context"
	"time"

	"github.com/hushpush/hush/push"
)

// countRivals counts a user's other devices by an index alone, since a user with a high limit has many, and each registration runs it.
const countRivals = "SELECT COUNT(*) FROM devices WHERE app = ? AND user_id = ? AND user_id <> '' AND id <> ?"

// rivals are a user's other devices.
const rivals = "SELECT d.id, d.token_state, s.heard_at FROM " + devicesWithState + " WHERE d.app = ? AND d.user_id = ? AND d.user_id <> '' AND d.id <> ? ORDER BY d.id"

func readRival(scan scanFunc) (r push.Rival, err error) {
	var heardAt int64
	err = scan(&r.ID, &r.Token, &heardAt)
	r.HeardDay = push.Day(time.UnixMicro(heardAt))
	return r, err
}

// makeRoom unregisters the devices of a user that have to make room for d, which is about to become the user's. It returns their keys.
// The rows of the user and of the user's devices are locked.
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
		rival, err := one(ctx, t, readDevice, deviceByID, d.App, r.ID)
		if err != nil {
			return nil, err
		}
		if err := t.unregister(ctx, rival, push.ReasonDeviceLimit); err != nil {
			return nil, err
		}
		evicted = append(evicted, rival.Key())
	}
	return evicted, nil
}

const heard = "UPDATE device_state SET heard_at = ? WHERE n = " + holderByID + " AND heard_at < ?"

// Heard stores when a device last called, unless a later time is stored.
func (s *Store) Heard(ctx context.Context, key push.DeviceKey, at time.Time) error {
	return s.write(ctx, "heard", &op{app: key.App, devices: []string{key.Device}, do: func(ctx context.Context, t *tx) error {
		return t.run(ctx, exec(heard, micros(at), key.App, key.Device, micros(at)))
	}})
}

const (
	goneDevices = "SELECT app, n FROM devices WHERE user_id <= '' AND updated_at <= ? ORDER BY updated_at LIMIT ?"
)

// RemoveDevices removes up to limit rows of devices, at most 1 000, that were unregistered at or before the given time, and returns how
// many. The time has to be so early that no wake for one of their owner generations can still arrive.
func (s *Store) RemoveDevices(ctx context.Context, before time.Time, limit int) (removed int, err error) {
	limit = pageSize(limit)
	if gone, err := all(ctx, s.read, readDue, goneDevices, micros(before), 1); err != nil || len(gone) == 0 {
		return 0, wrap("remove devices", err)
	}
	err = s.write(ctx, "remove devices", &op{long: true, do: func(ctx context.Context, t *tx) error {
		gone, err := all(ctx, t, readDue, goneDevices+" {skip}", micros(before), limit)
		if err != nil {
			return err
		}
		removed = len(gone)
		numbers := make([]int64, len(gone))
		for i, d := range gone {
			numbers[i] = d.n
		}
		return t.run(ctx, removeDevices(numbers)...)
	}})
	return removed, err
}

var deviceTables = []*folded{
	fold("of_device int", "DELETE FROM devices WHERE n IN (SELECT r.of_device FROM {rows})"),
	fold("of_device int", "DELETE FROM device_state WHERE n IN (SELECT r.of_device FROM {rows})"),
	fold("of_device int", "DELETE FROM former_owners WHERE device IN (SELECT r.of_device FROM {rows})"),
}

// removeDevices returns the statements that remove devices, with their state and former owners.
func removeDevices(numbers []int64) []*stmt {
	stmts := make([]*stmt, len(deviceTables))
	for i, t := range deviceTables {
		rows := t.rows(len(numbers))
		for _, n := range numbers {
			rows.add(num(n))
		}
		stmts[i] = t.exec(rows)
	}
	return stmts
}
