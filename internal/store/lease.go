package store

import (
	"context"
	"errors"
	"time"

	"github.com/hushpush/hush/push"
)

var leaseDevices = fold("due_at int, owner text, of_device int", "UPDATE device_state SET due_at = r.due_at, owner = r.owner FROM {rows} WHERE n = r.of_device")

// leaseDevices returns the statement that makes devices this node's for lease; with lease 0, due now and nobody's.
func (s *Store) leaseDevices(numbers []int64, now time.Time, lease time.Duration) *stmt {
	due, owner := s.leaseColumns(now, lease)
	rows := leaseDevices.rows(len(numbers))
	for _, n := range numbers {
		rows.add(when(due), str(owner), num(n))
	}
	return leaseDevices.exec(rows)
}

// leaseColumns returns the due_at and owner of devices that this node leases from now on; with lease 0, they are due now and
// nobody's.
func (s *Store) leaseColumns(now time.Time, lease time.Duration) (due time.Time, owner string) {
	if lease <= 0 {
		return now, ""
	}
	return now.Add(lease), s.cfg.Node
}

var renewLeases = fold("due_at int, owner text, of_app text, of_device text, of_owner text",
	`UPDATE device_state SET due_at = r.due_at, owner = r.owner FROM {rows}
	WHERE n = (SELECT d.n FROM devices d WHERE d.app = r.of_app AND d.id = r.of_device) AND device_state.owner = r.of_owner`)

// RenewLeases extends this node's leases of devices to until. If until is not after now, it gives them back: they are due then,
// and nobody's. It leaves devices alone that another node owns by now.
func (s *Store) RenewLeases(ctx context.Context, keys []push.DeviceKey, until time.Time) error {
	owner := s.cfg.Node
	if !until.After(s.now()) {
		owner = ""
	}
	byApp := map[string][]string{}
	for _, k := range keys {
		byApp[k.App] = append(byApp[k.App], k.Device)
	}
	var failed []error
	for app, ids := range byApp {
		err := s.write(ctx, "renew leases", &op{app: app, devices: ids, weight: len(ids), do: func(ctx context.Context, t *tx) error {
			rows := renewLeases.rows(len(ids))
			for _, id := range ids {
				rows.add(when(until), str(owner), str(app), str(id), str(s.cfg.Node))
			}
			return t.run(ctx, renewLeases.exec(rows))
		}})
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}

// leaseCheckEvery is how often endLeases looks for wakes whose lease ended without an answer: their node was killed, or has lost
// its database.
const leaseCheckEvery = time.Second

const (
	leasesOver = "SELECT 1 FROM deliveries WHERE wake_until <= ? LIMIT 1"
	endLeases  = "UPDATE device_state SET due_at = ? WHERE due_at > ? AND n IN (SELECT holder FROM deliveries WHERE wake_until <= ?)"
)

// endLeases makes devices due whose wake had no answer within its lease.
func (s *Store) endLeases(ctx context.Context, now time.Time) error {
	if last := s.leasesCheckedAt.Load(); now.UnixMicro()-last < leaseCheckEvery.Microseconds() && now.UnixMicro() >= last {
		return nil
	}
	s.leasesCheckedAt.Store(now.UnixMicro())
	if over, err := all(ctx, s.read, scalar[int64], leasesOver, micros(now)); err != nil || len(over) == 0 {
		return err
	}
	return s.write(ctx, "end leases", &op{long: true, do: func(ctx context.Context, t *tx) error {
		return t.run(ctx, exec(endLeases, micros(now), micros(now), micros(now)), exec(clearEnded, micros(now)))
	}})
}

// clearEnded ends the wakes in flight of deliveries that are final, once the wake's lease has ended.
const clearEnded = "UPDATE deliveries SET wake_until = NULL WHERE wake_until <= ? AND final_at IS NOT NULL"
