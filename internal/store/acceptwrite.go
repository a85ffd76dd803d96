package store

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/hushpush/hush/push"
)

// openUnder finds the open deliveries with a collapse key, of a device or of a user without one.
var openUnder = fold("of_holder int, of_key blob, of_app text, of_user text",
	"SELECT "+withPayload(deliveryColumns, noPayload)+" FROM {rows}, "+deliveriesWithDevice+
		` WHERE d.holder = r.of_holder AND d.collapse_key = r.of_key AND d.final_at IS NULL AND (d.holder >= 0 OR p.app = r.of_app AND d.user_id = r.of_user)`)

// superseded returns the changes that end deliveries which newer pushes supersede.
func (a *acceptance) superseded(ctx context.Context) ([]push.Change, error) {
	rows := openUnder.rows(len(a.superseding))
	for k := range a.superseding {
		rows.add(num(k.holder), raw([]byte(k.key)), str(k.app), str(k.user))
	}
	var changes []push.Change
	return changes, a.t.run(ctx, openUnder.each(rows, func(scan scanFunc) error {
		d, err := readDelivery(scan)
		changes = append(changes, d.To(a.now, push.Superseded, push.ReasonNone))
		return err
	}))
}

// write looks at the new deliveries that allow it, and writes everything that was decided.
func (a *acceptance) write(ctx context.Context) error {
	superseded, err := a.superseded(ctx)
	if err != nil {
		return err
	}
	busy := make(map[int64]bool, len(superseded))
	for _, c := range superseded {
		busy[c.Delivery.Row.Holder] = true
	}
	looked, err := a.lookAtNew(ctx, busy)
	if err != nil {
		return err
	}
	stmts := append(a.t.change(append(superseded, looked...)...), insertPushes.exec(a.pushes), insertAnswers.exec(a.newAnswers), a.t.insert(a.deliveries), updateStates.exec(a.deviceStates))
	for _, lease := range slices.Backward(slices.Sorted(maps.Keys(a.leased))) { // lease 0 comes last, so that "due now" wins
		stmts = append(stmts, a.t.s.leaseDevices(slices.Sorted(maps.Keys(a.leased[lease])), a.now, lease))
	}
	return a.t.run(ctx, stmts...)
}

var insertPushes = foldInsert("pushes", `n int, id text, app text, resource_id text, payload blob, audience text, ttl int, collapse_key blob, deliver text,
	accepted_at int, deliver_at int, expires_at int, made int, due_at int, list text, look_at int, counted int`)

// addPush adds a push to rows of insertPushes.
func addPush(rows *rows, p push.Push, number int64, expires time.Time, made bool, list string) {
	var due, ttl arg
	if !made {
		due = when(p.Start())
	}
	if p.TTL != nil {
		ttl = num(*p.TTL)
	}
	rows.add(num(number), str(p.ID), str(p.App), str(p.ResourceID), raw(blob(p.Payload)), str(encodeAudience(p.To)), ttl, raw([]byte(p.CollapseKey)),
		str(cmp.Or(p.Deliver, push.Auto)), when(p.AcceptedAt), when(p.DeliverAt), when(expires), num(bit(made)), due, str(list), when(p.Start()),
		num(bit(p.To.Deferred() || list != "")))
}
