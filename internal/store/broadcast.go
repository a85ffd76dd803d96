package store

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/hushpush/hush/push"
)

// A broadcast's deliveries are made in the database, for a range of device ids at a time and a platform each, since time to
// live and collapse key may differ: no row of theirs comes here but its id. Statements on devices end with the arguments
// of inRange.
const (
	inRange  = "d.app = ? AND d.id > ? AND d.id <= ? AND d.user_id <> '' AND d.created_at <= ?"
	rangeIDs = "SELECT d.n, d.id, d.user_id FROM devices d WHERE d.app = ? AND d.id > ? AND d.user_id <> '' AND d.created_at <= ? ORDER BY d.id LIMIT ?"

	// What is open under a collapse key on devices of a platform, but for the push itself.
	rangeOpen = "SELECT " + deliveryColumns + " FROM devices v JOIN deliveries d ON d.holder = v.n JOIN pushes p ON p.n = d.push " +
		"WHERE v.app = ? AND v.id > ? AND v.id <= ? AND v.platform = ? AND d.collapse_key = ? AND d.final_at IS NULL AND d.push <> ?"

	rangeDeliver = `INSERT INTO deliveries (push, holder, user_id, state, reason, since, expires_at, now_or_never, generation, collapse_key, events)
		SELECT ?, d.n, d.user_id, ?, ?, ?, ?, ?, d.owner_gen, ?, ? FROM devices d WHERE d.platform = ? AND ` + inRange
	rangeHold = "UPDATE device_state SET due_at = ?, owner = ? WHERE n IN (SELECT d.n FROM devices d WHERE " + inRange + ")"
)

// broadcast makes the deliveries for the next limit devices of the app.
func (e *expansion) broadcast(ctx context.Context, limit int, lease time.Duration) error {
	registered := micros(e.p.Start())
	found, err := all(ctx, e.t, readRanged, rangeIDs, e.p.App, e.p.madeUpTo, registered, limit)
	if err != nil {
		return err
	}
	e.done = len(found) < limit
	if len(found) == 0 {
		return nil
	}
	e.upTo = found[len(found)-1].Device
	ids := make([]string, len(found))
	for i, d := range found {
		ids[i] = d.Device
	}
	e.keys = keysOf(e.p.App, ids)
	if e.t.s.db.locksRows() {
		if err := e.t.lockOf(ctx, e.p.App, nil, ids); err != nil {
			return err
		}
	}
	r, err := e.t.resourceOrNone(ctx, e.p.App, e.p.ResourceID)
	if err != nil {
		return err
	}
	e.t.noteRange(e.p, e.now, found)
	var stmts []*stmt
	for _, platform := range []push.Platform{push.IOS, push.Android} {
		part, err := e.ofPlatform(ctx, r, platform, registered)
		if err != nil {
			return err
		}
		stmts = append(stmts, part...)
	}
	due, owner := e.t.s.held(e.now, lease)
	return e.t.run(ctx, append(stmts, exec(rangeHold, micros(due), owner, e.p.App, e.p.madeUpTo, e.upTo, registered))...)
}

// ofPlatform is the statements that make the range's deliveries for devices of one platform.
func (e *expansion) ofPlatform(ctx context.Context, r push.Resource, platform push.Platform, registered any) ([]*stmt, error) {
	n := e.t.s.cfg.Accepting.Place(e.p.Push, r, push.Recipient{Device: e.upTo, Platform: platform}, e.now, push.Ending{})
	make := exec(rangeDeliver, e.p.n, string(n.State), string(n.Reason), micros(n.Since), micros(n.ExpiresAt), bit(n.NowOrNever),
		nullBlob([]byte(n.CollapseKey)), encodeEvents(n.Events), string(platform), e.p.App, e.p.madeUpTo, e.upTo, registered)
	if n.CollapseKey == "" {
		return []*stmt{make}, nil
	}
	open, err := all(ctx, e.t, readOpen, rangeOpen, noPayload, e.p.App, e.p.madeUpTo, e.upTo, string(platform), []byte(n.CollapseKey), e.p.n)
	if err != nil {
		return nil, err
	}
	var older []push.Change
	newer := map[int64]bool{}
	for _, d := range open {
		if d.Since.After(n.Since) {
			newer[d.Row.Holder] = true
		} else {
			older = append(older, d.To(e.now, push.Superseded, push.ReasonNone))
		}
	}
	if err := e.t.run(ctx, append(e.t.change(older...), make)...); err != nil {
		return nil, err
	}
	return e.outdated(ctx, newer)
}

// outdated is the statements that end what was just made for devices on which something newer is open.
func (e *expansion) outdated(ctx context.Context, newer map[int64]bool) ([]*stmt, error) {
	if len(newer) == 0 {
		return nil, nil
	}
	rows := make([][]any, 0, len(newer))
	for holder := range newer {
		rows = append(rows, []any{e.p.n, holder})
	}
	var changes []push.Change
	err := e.t.run(ctx, ofHolders.each(rows, func(scan scanFunc) error {
		d, err := readDelivery(scan)
		changes = append(changes, d.To(e.now, push.Superseded, push.ReasonNone))
		return err
	}))
	return e.t.change(changes...), err
}

// ofHolders are the open deliveries of a push for some holders.
var ofHolders = fold("of_push int, of_holder int", "SELECT "+strings.Replace(deliveryColumns, "?", strconv.Itoa(noPayload), 1)+
	" FROM {rows}, "+withDevice+" WHERE d.push = r.of_push AND d.holder = r.of_holder AND d.final_at IS NULL")

// ranged is a device of a broadcast's range.
type ranged struct {
	push.DeliveryKey
	n int64
}

func readRanged(scan scanFunc) (d ranged, err error) {
	err = scan(&d.n, &d.Device, &d.User)
	return d, err
}
