package delivery

import (
	"iter"
	"slices"
	"time"

	"github.com/hushpush/hush/push"
)

// board collects what one look at a device changes: several changes of one delivery become one, in order.
type board struct {
	now    time.Time
	device push.Device
	open   []*entry           // oldest first
	named  []*entry           // asked for by their ids, and not among open
	index  map[push.ID]*entry // of both where they are many; nil: they are few
	budget *push.BudgetWait   // what keeps the device's next wake back; nil: no budget does
}

type entry struct {
	push.Delivery
	events  []push.Event
	changed bool
}

func newBoard(now time.Time, snap push.Snapshot) *board {
	b := &board{now: now, device: snap.Device, open: make([]*entry, len(snap.Open))}
	entries := make([]entry, len(snap.Open))
	for i, d := range snap.Open {
		entries[i].Delivery = d
		b.open[i] = &entries[i]
	}
	if len(snap.Open)+len(snap.Named) > fewEntries {
		b.index = make(map[push.ID]*entry, len(snap.Open)+len(snap.Named))
		for _, e := range b.open {
			b.index[e.PushID] = e
		}
	}
	for _, d := range snap.Named {
		if b.byID(d.PushID) != nil {
			continue
		}
		e := &entry{Delivery: d}
		b.named = append(b.named, e)
		if b.index != nil {
			b.index[d.PushID] = e
		}
	}
	return b
}

// fewEntries is up to how many entries a scan is faster than a map.
const fewEntries = 8

// byID returns the delivery of a push; nil if it is not on the board.
func (b *board) byID(id push.ID) *entry {
	if b.index != nil {
		return b.index[id]
	}
	for e := range b.all() {
		if e.PushID == id {
			return e
		}
	}
	return nil
}

// all yields the deliveries on the board: the open ones, then those asked for by id.
func (b *board) all() iter.Seq[*entry] {
	return func(yield func(*entry) bool) {
		for _, list := range [...][]*entry{b.open, b.named} {
			for _, e := range list {
				if !yield(e) {
					return
				}
			}
		}
	}
}

// commit makes the board equal to the store's rows once its changes are committed, for another look at a given time.
func (b *board) commit(now time.Time) {
	b.now = now
	for e := range b.all() {
		if e.changed {
			keep, _ := push.KeepEvents(e.EventsKept, e.events)
			e.EventsKept += len(keep)
			e.Row.Was, e.events, e.changed = e.State, nil, false
		}
	}
}

// left returns the open deliveries as they stand.
func (b *board) left() []push.Delivery {
	list := make([]push.Delivery, 0, len(b.open))
	for _, e := range b.open {
		if !e.State.Final() {
			list = append(list, e.Delivery)
		}
	}
	return list
}

// apply takes over a change, if it is one.
func (e *entry) apply(c push.Change) {
	if len(c.Events) == 0 {
		return
	}
	e.Delivery = c.Delivery
	e.events = append(e.events, c.Events...)
	e.changed = true
}

// addEvents adds events and changes nothing else.
func (e *entry) addEvents(events ...push.Event) {
	e.events = append(e.events, events...)
	e.changed = true
}

// to moves a delivery to another state, and records that if it is new.
func (b *board) to(e *entry, next push.State, why push.Reason) { e.apply(e.To(b.now, next, why)) }

// waitAll moves deliveries to Waiting, for a reason.
func (b *board) waitAll(entries []*entry, why push.Reason) {
	for _, e := range entries {
		b.to(e, push.Waiting, why)
	}
}

// stopNowOrNever ends the deliveries that cannot wait and returns the others.
func (b *board) stopNowOrNever(entries []*entry, why push.Reason) []*entry {
	return b.stopTooLate(entries, nil, time.Time{}, why)
}

// wakeEnded records that no wake for the deliveries is in flight any more.
func (b *board) wakeEnded(ids []push.ID) {
	for _, id := range ids {
		if e := b.byID(id); e != nil && !e.WakeUntil.IsZero() {
			e.WakeUntil, e.changed = time.Time{}, true
		}
	}
}

// tryEnded records that what a try was for is not in flight any more, unless a later try is.
func (b *board) tryEnded(w push.Wake) {
	for _, id := range w.Pushes {
		if e := b.byID(id); e != nil && e.WakeUntil.Equal(w.DueAt) {
			b.wakeEnded([]push.ID{id})
		}
	}
}

// markMaybeDelivered records on a wake that its last try may have delivered what it carried, for stopTooLate.
func (b *board) markMaybeDelivered(w *push.Wake) {
	for _, id := range w.Pushes {
		if e := b.byID(id); e != nil && e.NowOrNever && !slices.Contains(w.MaybeDelivered, id) {
			w.MaybeDelivered = append(w.MaybeDelivered, id)
		}
	}
}

// stopTooLate ends the deliveries that are "now or never" and expire before the wake leaves (the zero time: none leaves in
// time), and returns the others. One that an earlier try of the wake has maybe delivered may be on the phone, and stays.
func (b *board) stopTooLate(entries []*entry, maybeDelivered []push.ID, leavesAt time.Time, why push.Reason) []*entry {
	var rest []*entry
	for _, e := range entries {
		if e.NowOrNever && (leavesAt.IsZero() || !e.ExpiresAt.After(leavesAt)) && !slices.Contains(maybeDelivered, e.PushID) {
			b.to(e, push.Expired, why)
		} else {
			rest = append(rest, e)
		}
	}
	return rest
}

// changes returns what is to be committed. The device's row is always written: its DueAt is as decided, and it is no longer
// leased to a node.
func (b *board) changes() push.Changes {
	out := push.Changes{Device: &b.device}
	for e := range b.all() {
		if e.changed {
			out.Deliveries = append(out.Deliveries, push.Change{Delivery: e.Delivery, Events: e.events})
		}
	}
	return out
}

// dueTime is the earliest of the times given to at; zero if there are none.
type dueTime struct{ time.Time }

func (d *dueTime) at(t time.Time) {
	if !t.IsZero() && (d.IsZero() || t.Before(d.Time)) {
		d.Time = t
	}
}
