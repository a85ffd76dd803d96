package store

import (
	"context"
	"time"

	"github.com/hushpush/hush/push"
)

// keysKept is how many of a device's wake keys are known at most: at one in 30 days, those of a year.
const maxWakeKeys = 12

const (
	insertWakeKey = "INSERT INTO wake_keys (id, app, device_id, owner_gen, made_at) VALUES (?, ?, ?, ?, ?)"
	// Of a former owner's keys none is of use: a wake sealed with one was made before the present owner's registration.
	removeOldWakeKeys = `DELETE FROM wake_keys WHERE app = ? AND device_id = ? AND (owner_gen <> ? OR id NOT IN
		(SELECT id FROM wake_keys WHERE app = ? AND device_id = ? ORDER BY made_at DESC, id LIMIT ?))`
	removeWakeKeys = "DELETE FROM wake_keys WHERE app = ? AND device_id = ?"
	wakeKeyOwner   = `SELECT app, id, owner_gen FROM devices WHERE wake_key = ? AND wake_key <> ''
		UNION ALL SELECT app, device_id, owner_gen FROM wake_keys WHERE id = ?`
)

// keepWakeKey is the statements for a device's row that gets a newer wake key: they note whose the one before is, if it is still
// the same owner's. The keys themselves are nowhere: they are derived.
func archiveWakeKey(was, d *push.Device) (stmts []*stmt) {
	if was.WakeKeyID == "" {
		return nil
	}
	if was.OwnerGeneration == d.OwnerGeneration {
		stmts = append(stmts, exec(insertWakeKey, was.WakeKeyID, was.App, was.ID, was.OwnerGeneration, micros(was.WakeKeyAt)))
	}
	return append(stmts, exec(removeOldWakeKeys, d.App, d.ID, d.OwnerGeneration, d.App, d.ID, maxWakeKeys-1))
}

func readWakeKeyOwner(scan scanFunc) (o push.WakeKeyOwner, err error) {
	err = scan(&o.App, &o.Device, &o.OwnerGeneration)
	return o, err
}

// WakeKeyOwner is whose a wake key is; push.ErrNotFound for one that no registered device has.
func (s *Store) WakeKeyOwner(ctx context.Context, id string) (push.WakeKeyOwner, error) {
	if !storable(id) {
		return push.WakeKeyOwner{}, wrap("wake key", push.ErrNotFound)
	}
	o, err := one(ctx, s.read, readWakeKeyOwner, wakeKeyOwner, id, id)
	return o, wrap("wake key", err)
}

// TakeToken takes its provider token from a device whose wake, made at a time, came to another device; but only if it is
// still the owner's that the wake was made for, has the token, and has not registered since. It reports whether it did.
func (s *Store) TakeToken(ctx context.Context, from push.WakeKeyOwner, madeAt time.Time) (taken bool, err error) {
	err = s.write(ctx, "take token", &op{app: from.App, devices: []string{from.Device}, do: func(ctx context.Context, t *tx) error {
		taken = false
		d, err := t.lockDevice(ctx, from.DeviceKey)
		if err != nil {
			return err
		}
		if taken = d.LosesToken(from.OwnerGeneration, madeAt); !taken {
			return nil
		}
		return t.dropToken(ctx, d)
	}})
	return taken, err
}
