package store

import (
	"context"
	"time"

	"github.com/hushpush/hush/push"
)

const (
	takeOverPiece = 500 // deliveries in one transaction

	// The newest first: what a piece finds open on the device under a collapse key is then newer than what it brings. The
	// bound on since keeps SQLite, which has no statistics, from reading what waits for every user of the app.
	userlessOfUser = "SELECT " + deliveryColumns + `, p.ttl, p.collapse_key FROM deliveries d JOIN pushes p ON p.id = d.push_id
		WHERE d.app = ? AND d.user_id = ? AND d.device_id <= '' AND d.final_at IS NULL AND d.since >= 0 ORDER BY d.since DESC, d.push_id DESC LIMIT ?`
	openKeys = "SELECT collapse_key FROM deliveries WHERE app = ? AND device_id = ? AND collapse_key IS NOT NULL AND final_at IS NULL"
)

// userless is a delivery that waits for its user's first device.
type userless struct {
	push.Delivery
	of push.Push
}

func readUserless(scan scanFunc) (w userless, err error) {
	var ttl *int64
	var key []byte
	w.Delivery, err = readDelivery(scan, &ttl, &key)
	w.of = push.Push{ID: w.PushID, App: w.App, TTL: (*time.Duration)(ttl), CollapseKey: string(key), AcceptedAt: w.Since}
	return w, err
}

var giveDevice = fold(`device_id text, generation int, expires_at int, collapse_key blob, state text, reason text, final_at int, events text,
		of_push text, of_user text`,
	`UPDATE deliveries SET device_id = r.device_id, generation = r.generation, expires_at = r.expires_at, collapse_key = r.collapse_key,
		state = r.state, reason = r.reason, final_at = r.final_at, events = deliveries.events || r.events FROM {rows}
	WHERE push_id = r.of_push AND deliveries.device_id = '' AND user_id = r.of_user`)

// takeOver gives the device what waits for its user, who had no device: a piece of it, and says whether that was all. Time to
// live and collapse key are those of the device's platform now. The rows of the user and the device are locked.
func (t *tx) takeOver(ctx context.Context, d push.Device) (whole bool, err error) {
	list, err := all(ctx, t, readUserless, userlessOfUser, noPayload, d.App, d.User, takeOverPiece)
	if err != nil || len(list) == 0 {
		return true, err
	}
	keys, err := all(ctx, t, scalar[[]byte], openKeys, d.App, d.ID)
	if err != nil {
		return false, err
	}
	newer := map[string]bool{}
	for _, k := range keys {
		newer[string(k)] = true
	}
	now := t.s.now()
	rows := make([][]any, 0, len(list))
	for _, w := range list {
		r, err := t.resourceOrNone(ctx, w.App, w.ResourceID)
		if err != nil {
			return false, err
		}
		n := t.s.cfg.Accepting.HandOver(w.Delivery, w.of, r, d, func(key string) bool { return newer[key] }, now)
		newer[n.CollapseKey] = true
		rows = append(rows, []any{n.DeviceID, n.Generation, micros(n.ExpiresAt), nullBlob([]byte(n.CollapseKey)), string(n.State),
			string(n.Reason), micros(n.FinalAt), encodeEvents(n.Events), string(w.PushID), d.User})
		t.changed(n.Delivery, n.Events...)
	}
	return len(list) < takeOverPiece, t.run(ctx, giveDevice.exec(rows))
}

// takeOverRest gives a device that has just been registered what the registration's own transaction has left, unless it has
// changed its owner since.
func (s *Store) takeOverRest(ctx context.Context, d push.Device) error {
	for whole := false; !whole; {
		err := s.write(ctx, "register", &op{app: d.App, long: true, users: []string{d.User}, devices: []string{d.ID}, do: func(ctx context.Context, t *tx) error {
			now, err := t.deviceOrNone(ctx, d.Key())
			if err != nil {
				return err
			}
			if whole = now.User != d.User || now.OwnerGeneration != d.OwnerGeneration; whole {
				return nil
			}
			if whole, err = t.takeOver(ctx, now); err != nil {
				return err
			}
			return t.run(ctx, s.holdDevices([]push.DeviceKey{d.Key()}, t.s.now(), 0))
		}})
		if err != nil {
			return err
		}
	}
	return nil
}
