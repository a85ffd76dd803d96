package store

import (
	"context"
	"time"

	"github.com/hushpush/hush/push"
)

// maxWakeKeys is how many of a device's wake keys are stored at most. With a new one every 30 days, those are the keys of a year.
const maxWakeKeys = 12

const (
	insertWakeKey = "INSERT INTO wake_keys (id, app, device_id, owner_gen, made_at) VALUES (?, ?, ?, ?, ?)"
	// A former owner's keys are of no use: a wake sealed with one was made before the current owner's registration.
	removeOldWakeKeys = `DELETE FROM wake_keys WHERE app = ? AND device_id = ? AND (owner_gen <> ? OR id NOT IN
		(SELECT id FROM wake_keys WHERE app = ? AND device_id = ? ORDER BY made_at DESC, id LIMIT ?))`
	removeWakeKeys = "DELETE FROM wake_keys WHERE app = ? AND device_id = ?"
	wakeKeyOwner   = `SELECT app, id, owner_gen FROM devices WHERE wake_key = ? AND wake_key <> ''
		UNION ALL SELECT app, device_id, owner_gen FROM wake_keys WHERE id = ?`
)

// archiveWakeKey returns the statements for a device that gets a new wake key. They store whose the previous one is, if the owner is
// the same. The keys themselves are not stored anywhere, since they are derived.
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

// WakeKeyOwner returns the device and the owner generation of a wake key. It returns push.ErrNotFound if no registered device has it.
func (s *Store) WakeKeyOwner(ctx context.Context, id string) (push.WakeKeyOwner, error) {
	if !storable(id) {
		return push.WakeKeyOwner{}, wrap("wake key", push.ErrNotFound)
	}
	o, err := one(ctx, s.read, readWakeKeyOwner, wakeKeyOwner, id, id)
	return o, wrap("wake key", err)
}

// DropToken removes the provider token of a device whose wake, made at madeAt, arrived at another device. It does so only if the
// device has a token and still the owner that the wake was for, and has not registered since. It reports whether it removed the
// token.
func (s *Store) DropToken(ctx context.Context, from push.WakeKeyOwner, madeAt time.Time) (dropped bool, err error) {
	err = s.write(ctx, "drop token", &op{app: from.App, devices: []string{from.Device}, do: func(ctx context.Context, t *tx) error {
		dropped = false
		d, err := t.lockDevice(ctx, from.DeviceKey)
		if err != nil {
			return err
		}
		if dropped = d.LosesToken(from.OwnerGeneration, madeAt); !dropped {
			return nil
		}
		return t.dropToken(ctx, d)
	}})
	return dropped, err
}
