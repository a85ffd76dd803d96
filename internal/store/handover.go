package store

import (
	"context"
	"time"

	"github.com/hushpush/hush/push"
)

const (
	handOverPiece = 500 // deliveries in one transaction

	// The newest first, so that deliveries which a piece finds open on the device with a collapse key are newer than its own.
	userlessOfUser = "SELECT " + deliveryColumns + ", p.ttl, p.collapse_key FROM " + deliveriesWithDevice +
		" WHERE d.holder = ? AND p.app = ? AND d.user_id = ? AND d.final_at IS NULL ORDER BY d.since DESC, d.push DESC LIMIT ?"
	openKeys = "SELECT collapse_key FROM deliveries WHERE holder = ? AND collapse_key IS NOT NULL AND final_at IS NULL"
)

// userlessDelivery is a delivery that waits for its user's first device.
type userlessDelivery struct {
	push.Delivery
	of push.Push
}

func readUserless(scan scanFunc) (w userlessDelivery, err error) {
	var ttl *int64
	var key []byte
	w.Delivery, err = readDelivery(scan, &ttl, &key)
	w.of = push.Push{ID: w.PushID, App: w.App, TTL: (*time.Duration)(ttl), CollapseKey: string(key), AcceptedAt: w.Since}
	return w, err
}

// handOverWaiting hands deliveries that wait for the device's user over to the device, one piece of them. It reports whether that was
// all. Their time to live and collapse key become those of the device's platform. The rows of the user and the device are locked.
func (t *tx) handOverWaiting(ctx context.Context, d push.Device) (complete bool, err error) {
	list, err := all(ctx, t, readUserless, userlessOfUser, noPayload, userHolder(d.App, d.User), d.App, d.User, handOverPiece)
	if err != nil || len(list) == 0 {
		return true, err
	}
	keys, err := all(ctx, t, scalar[[]byte], openKeys, d.Number)
	if err != nil {
		return false, err
	}
	newer := map[string]bool{}
	for _, k := range keys {
		newer[string(k)] = true
	}
	now := t.s.now()
	placed := make([]push.Placement, len(list))
	for i, w := range list {
		r, err := t.resourceOrDefault(ctx, w.App, w.ResourceID)
		if err != nil {
			return false, err
		}
		placed[i] = t.s.cfg.Accepting.HandOver(w.Delivery, w.of, r, d, func(key string) bool { return newer[key] }, now)
		newer[placed[i].CollapseKey] = true
	}
	return len(list) < handOverPiece, t.run(ctx, t.handOver(placed, d.Number))
}

// handOverRest hands over the deliveries that a registration's own transaction has left, unless the device has changed its owner
// since.
func (s *Store) handOverRest(ctx context.Context, d push.Device) error {
	for complete := false; !complete; {
		err := s.write(ctx, "register", &op{app: d.App, long: true, users: []string{d.User}, devices: []string{d.ID}, do: func(ctx context.Context, t *tx) error {
			now, err := t.lockDevice(ctx, d.Key())
			if err != nil {
				return err
			}
			if complete = now.User != d.User || now.OwnerGeneration != d.OwnerGeneration; complete {
				return nil
			}
			if complete, err = t.handOverWaiting(ctx, now); err != nil {
				return err
			}
			return t.run(ctx, s.leaseDevices([]int64{now.Number}, t.s.now(), 0))
		}})
		if err != nil {
			return err
		}
	}
	return nil
}
