package store

import (
	"context"
	"time"

	"github.com/hushpush/hush/push"
)

// A broadcast's deliveries are made by the database itself, for the devices whose numbers are in a range. Their rows are read here
// only if the push or its app has followers. Devices come in the order of their numbers, which is the order of the written
// tables, too. The last arguments of statements on devices are those of inRange.
const (
	inRange  = "{app} = ? AND {n} > ? AND {n} <= ? AND d.user_id <> '' AND d.created_at <= ?"
	rangeEnd = "SELECT MAX(n), COUNT(*) FROM (SELECT d.n FROM devices d WHERE {app} = ? AND {n} > ? ORDER BY {app}, {n} LIMIT ?) r"
	rangeIDs = "SELECT d.n, d.id, d.user_id FROM devices d WHERE " + inRange + " ORDER BY {app}, {n}"

	// The rows are locked in the order of lockDevices. Those of a second range would be out of that order, so their locks are not
	// waited for.
	rangeInOrder  = "SELECT 1 FROM devices d WHERE " + inRange + " ORDER BY d.app, d.id"
	rangeLock     = rangeInOrder + " {lock}"
	rangeLockFree = rangeInOrder + " {skip}"
	rangeCount    = "SELECT COUNT(*) FROM devices d WHERE " + inRange

	// The open deliveries with a collapse key on devices of a platform, except those of the push itself.
	rangeOpen = "SELECT " + deliveryColumns + " FROM (SELECT * FROM devices d WHERE {app} = ? AND {n} > ? AND {n} <= ? AND d.platform = ?) v " +
		"JOIN deliveries d ON d.holder = v.n JOIN pushes p ON p.n = d.push WHERE d.collapse_key = ? AND d.final_at IS NULL AND d.push <> ?"

	// Time to live and collapse key may differ between the platforms. The arguments for iOS come first.
	rangeDeliver = `INSERT INTO deliveries (push, holder, user_id, state, reason, since, expires_at, now_or_never, generation, collapse_key, events)
		SELECT ?, d.n, d.user_id, ?, ?, ?, CASE d.platform WHEN 'ios' THEN CAST(? AS BIGINT) ELSE CAST(? AS BIGINT) END,
			CASE d.platform WHEN 'ios' THEN CAST(? AS BIGINT) ELSE CAST(? AS BIGINT) END, d.owner_gen,
			CASE d.platform WHEN 'ios' THEN CAST(? AS {bytes}) ELSE CAST(? AS {bytes}) END, ? FROM devices d WHERE ` + inRange
	rangeLease = `UPDATE device_state SET due_at = ?, owner = ? FROM deliveries o WHERE o.push = ? AND o.holder > ? AND o.holder <= ?
		AND device_state.n = o.holder AND (device_state.due_at IS NULL OR device_state.due_at > ?)`
)

// A piece of a broadcast makes ranges for rangesTime, since other callers wait for its transaction.
const (
	rangeDevices = 1_000
	rangesTime   = 12 * time.Millisecond
)

// broadcast makes the deliveries for the next devices of the app, limit at most. If they all fit into one range, the devices are
// this node's for lease, and in keys. Otherwise they are due now, and any node may claim them.
func (e *expansion) broadcast(ctx context.Context, limit int, lease time.Duration) error {
	r, err := e.t.resourceOrDefault(ctx, e.p.App, e.p.ResourceID)
	if err != nil {
		return err
	}
	oneRange := limit <= rangeDevices
	for began := time.Now(); ; {
		looked, err := e.nextRange(ctx, min(limit, rangeDevices))
		if err != nil || looked == 0 {
			return err
		}
		if locked, err := e.lockRange(ctx); err != nil || !locked {
			e.upTo, e.done = e.from, false
			return err
		}
		few := oneRange || e.done && e.from == e.p.madeUpTo
		if err := e.makeRange(ctx, r, few, lease); err != nil {
			return err
		}
		limit -= looked
		if e.done || limit <= 0 || time.Since(began) > rangesTime {
			return nil
		}
	}
}

// nextRange moves on to the range of the next limit devices, and returns how many there are.
func (e *expansion) nextRange(ctx context.Context, limit int) (devices int, err error) {
	e.from = e.upTo
	_, err = one(ctx, e.t, func(scan scanFunc) (none struct{}, err error) {
		var last *int64
		if err = scan(&last, &devices); last != nil {
			e.upTo = *last
		}
		return none, err
	}, rangeEnd, e.p.App, e.from, limit)
	e.done = devices < limit
	return devices, err
}

// lockRange locks the range's devices, if there are concurrent writers. It returns false if some of them are locked by others and are
// to be left to the next piece.
func (e *expansion) lockRange(ctx context.Context) (locked bool, err error) {
	where := e.inRange()
	switch {
	case !e.t.s.db.locksRows():
		return true, nil
	case e.from == e.p.madeUpTo:
		return true, e.t.run(ctx, each(ignore, rangeLock, where...))
	}
	var rows int
	var there []int
	err = e.t.run(ctx, each(func(scanFunc) error { rows++; return nil }, rangeLockFree, where...), into(&there, scalar[int], rangeCount, where...))
	return err == nil && there[0] == rows, err
}

// inRange returns the arguments of inRange.
func (e *expansion) inRange() []any { return []any{e.p.App, e.from, e.upTo, micros(e.p.Start())} }

// makeRange makes the range's deliveries, and leases its devices if they are few.
func (e *expansion) makeRange(ctx context.Context, r push.Resource, few bool, lease time.Duration) error {
	where := e.inRange()
	ios, android := e.place(r, push.IOS), e.place(r, push.Android)
	outdated := map[int64]bool{}
	for platform, n := range map[push.Platform]push.Placement{push.IOS: ios, push.Android: android} {
		if err := e.supersede(ctx, platform, n, outdated); err != nil {
			return err
		}
	}
	insert := exec(rangeDeliver, append([]any{e.p.n, string(ios.State), string(ios.Reason), micros(ios.Since), micros(ios.ExpiresAt), micros(android.ExpiresAt),
		bit(ios.NowOrNever), bit(android.NowOrNever), blobOrNull([]byte(ios.CollapseKey)), blobOrNull([]byte(android.CollapseKey)), encodeEvents(ios.Events)}, where...)...)
	if !few {
		lease = 0
	}
	due, owner := e.t.s.leaseColumns(e.now, lease)
	if err := e.t.run(ctx, insert, exec(rangeLease, micros(due), owner, e.p.n, e.from, e.upTo, micros(e.now))); err != nil {
		return err
	}
	if err := e.recordMade(ctx, ios, int(insert.n), few, where); err != nil {
		return err
	}
	end, err := e.endOutdated(ctx, outdated)
	if err != nil {
		return err
	}
	return e.t.run(ctx, end...)
}

// place returns the delivery that the push makes on a device of a platform.
func (e *expansion) place(r push.Resource, platform push.Platform) push.Placement {
	n := e.t.s.cfg.Accepting.Place(e.p.Push, r, push.Recipient{Device: "any", Platform: platform}, e.now, push.Ending{})
	n.Row = push.Row{Push: e.p.n, Counted: e.p.counted}
	return n
}

// recordMade records the deliveries that were made: device by device if they are few or have followers, and otherwise their number.
func (e *expansion) recordMade(ctx context.Context, n push.Placement, made int, few bool, where []any) error {
	if !few && !e.t.followed(e.p.Push) {
		e.t.recordMany(n, made)
		return nil
	}
	devices, err := all(ctx, e.t, readRanged, rangeIDs, where...)
	if err != nil {
		return err
	}
	e.t.recordRange(n, devices)
	for _, d := range devices {
		if few {
			e.keys = append(e.keys, push.DeviceKey{App: e.p.App, Device: d.Device})
		}
	}
	return nil
}

// supersede ends the open deliveries with the collapse key on the range's devices of a platform. If one is newer than the delivery
// to be made, it stays open, and its device is added to outdated.
func (e *expansion) supersede(ctx context.Context, platform push.Platform, n push.Placement, outdated map[int64]bool) error {
	if n.CollapseKey == "" {
		return nil
	}
	open, err := all(ctx, e.t, readOpen, rangeOpen, noPayload, e.p.App, e.from, e.upTo, string(platform), []byte(n.CollapseKey), e.p.n)
	if err != nil {
		return err
	}
	var older []push.Change
	for _, d := range open {
		if d.Since.After(n.Since) {
			outdated[d.Row.Holder] = true
		} else {
			older = append(older, d.To(e.now, push.Superseded, push.ReasonNone))
		}
	}
	return e.t.run(ctx, e.t.change(older...)...)
}

// endOutdated returns the statements that end the deliveries just made on devices with a newer one.
func (e *expansion) endOutdated(ctx context.Context, newer map[int64]bool) ([]*stmt, error) {
	if len(newer) == 0 {
		return nil, nil
	}
	rows := ofHolders.rows(len(newer))
	for holder := range newer {
		rows.add(num(e.p.n), num(holder))
	}
	var changes []push.Change
	err := e.t.run(ctx, ofHolders.each(rows, func(scan scanFunc) error {
		d, err := readDelivery(scan)
		changes = append(changes, d.To(e.now, push.Superseded, push.ReasonNone))
		return err
	}))
	return e.t.change(changes...), err
}

// ofHolders finds the open deliveries of a push for given holders.
var ofHolders = fold("of_push int, of_holder int", "SELECT "+withPayload(deliveryColumns, noPayload)+
	" FROM {rows}, "+deliveriesWithDevice+" WHERE d.push = r.of_push AND d.holder = r.of_holder AND d.final_at IS NULL")

// ranged is a device in a broadcast's range.
type ranged struct {
	push.DeliveryKey
	n int64
}

func readRanged(scan scanFunc) (d ranged, err error) {
	err = scan(&d.n, &d.Device, &d.User)
	return d, err
}
