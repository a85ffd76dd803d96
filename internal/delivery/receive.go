package delivery

import (
	"context"
	"fmt"
	"time"

	"github.com/hushpush/hush/push"
)

// Receive applies a device's receipts. It returns a status for each, in order, and how many deliveries are open once the
// changes are committed.
func (e *Engine) Receive(ctx context.Context, d push.Device, receipts []push.Receipt) ([]push.ReceiptStatus, int, error) {
	req := push.StepRequest{Key: d.Key()}
	named := make(map[push.ID]bool, len(receipts))
	for _, r := range receipts {
		// No push has an id that CheckID refuses, and PostgreSQL's text takes no U+0000.
		if push.CheckID(string(r.PushID)) == nil && !named[r.PushID] {
			named[r.PushID] = true
			req.Named = append(req.Named, r.PushID)
		}
	}
	var (
		statuses []push.ReceiptStatus
		open     int
	)
	now := e.cfg.Now()
	changes, err := e.cfg.Store.Step(ctx, req, func(snap push.Snapshot) push.Changes {
		var c push.Changes
		statuses, open, c = receive(now, snap, d, receipts)
		return c
	})
	if err != nil {
		return nil, 0, fmt.Errorf("delivery: receipts of a device: %w", err)
	}
	if changes.Device != nil {
		e.clock.dueAt(looks, changes.Device.DueAt)
	}
	if open >= lookLimit {
		e.Look(d.Key()) // what one look could not read is next
	}
	return statuses, open, nil
}

// receive returns what receipts change: a plain function. Receipts that say nothing new change nothing, so that repeating them
// costs no disk write.
func receive(now time.Time, snap push.Snapshot, d push.Device, receipts []push.Receipt) ([]push.ReceiptStatus, int, push.Changes) {
	b := newBoard(now, snap)
	statuses := make([]push.ReceiptStatus, len(receipts))
	open := snap.OpenTotal
	due := dueTime{snap.Device.DueAt}
	for i, r := range receipts {
		entry := b.byID(r.PushID)
		if entry == nil || entry.Generation != d.OwnerGeneration || snap.Device.OwnerGeneration != d.OwnerGeneration {
			statuses[i] = push.ReceiptGone
			continue
		}
		statuses[i] = push.ReceiptAccepted
		wasFinal := entry.State.Final()
		entry.apply(entry.Receive(now, snap.Device.Platform, r))
		if entry.State.Final() && !wasFinal {
			open--
		}
		if entry.changed && !entry.State.Final() {
			due.at(entry.DueAt)
		}
	}
	c := b.changes()
	c.Device = nil
	if !due.Equal(snap.Device.DueAt) || snap.Device.ID != "" && snap.Device.HeardLater(now, false) {
		b.device.DueAt = due.Time
		if now.After(b.device.HeardAt) {
			b.device.HeardAt = now
		}
		c.Device = &b.device
	}
	return statuses, open, c
}
