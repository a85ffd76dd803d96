package delivery

import (
	"context"
	"time"

	"github.com/hushpush/hush/push"
)

const (
	claimLimit  = 512         // devices claimed at once
	expandLimit = 500         // deliveries made of a broadcast at once
	idle        = time.Second // the due loops look at least this often: another node may have made something due
	shortest    = 5 * time.Millisecond
	crowded     = 20 * time.Millisecond // the claimer rests while there is no room in memory
	removeEvery = time.Minute
	removeLimit = 500

	// keepUnregistered is how long the row of a device that was unregistered is kept for the sake of its generations: longer
	// than anything made for its former owner can live (push.MaxTTL).
	keepUnregistered = 30 * 24 * time.Hour
)

// claimDue puts devices that are due in the queue, as far as there is room, and ends pushes of users without a device.
func (e *Engine) claimDue(ctx context.Context) {
	for ctx.Err() == nil {
		e.wakeAt.Lock()
		e.wakeAt.Time = time.Time{}
		e.wakeAt.Unlock()
		if e.queue.free() == 0 {
			pause(ctx, crowded)
			continue
		}
		now := e.cfg.Now()
		more := e.claim(ctx, now)
		expired, err := e.cfg.Store.ExpireUserless(ctx, now, claimLimit)
		e.warn(ctx, "pushes of users without a device not expired", err)
		if more || expired == claimLimit {
			continue
		}
		e.rest(ctx)
	}
}

// claim tells whether more is due than it took.
func (e *Engine) claim(ctx context.Context, now time.Time) bool {
	limit := max(min(claimLimit, e.queue.free()), 1)
	keys, err := e.cfg.Store.ClaimDevices(ctx, now, lease, limit)
	e.warn(ctx, "due devices not claimed", err)
	for _, k := range keys {
		if !e.queue.add(k) {
			e.cfg.Metrics.Overflow.Inc()
		}
	}
	return err == nil && len(keys) == limit
}

// rest waits until something may be due.
func (e *Engine) rest(ctx context.Context) {
	next, err := e.cfg.Store.NextDue(ctx)
	e.warn(ctx, "next due time not read", err)
	for {
		e.wakeAt.Lock()
		soonest := e.wakeAt.dueTime
		e.wakeAt.Unlock()
		soonest.at(next)
		pause := idle
		if !soonest.IsZero() {
			pause = min(max(soonest.Sub(e.cfg.Now()), shortest), idle)
		}
		t := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-t.C:
			return
		case <-e.poke:
			t.Stop() // sooner than thought: reckon again
		}
	}
}

// expandDue makes the deliveries of pushes whose time has come, a piece at a time, apps and pushes in turn.
func (e *Engine) expandDue(ctx context.Context) {
	for ctx.Err() == nil {
		refs, err := e.cfg.Store.DuePushes(ctx, e.cfg.Now(), claimLimit)
		e.warn(ctx, "due pushes not read", err)
		for _, ref := range refs {
			e.expand(ctx, ref)
		}
		if len(refs) == 0 {
			e.restExpander(ctx)
		}
	}
}

// expandNow wakes the expander up.
func (e *Engine) expandNow() {
	select {
	case e.expands <- struct{}{}:
	default:
	}
}

func (e *Engine) restExpander(ctx context.Context) {
	t := time.NewTimer(idle / 4)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	case <-e.expands:
	}
}

func (e *Engine) expand(ctx context.Context, ref push.PushRef) {
	held := lease
	if e.queue.free() < expandLimit {
		held = 0 // no room in memory: the rows are due now, and wait on disk
	}
	devices, _, err := e.cfg.Store.Expand(ctx, ref, e.cfg.Now(), expandLimit, held)
	if err != nil {
		e.warn(ctx, "due push not taken to its devices", err, "app", ref.App, "push", ref.ID)
		pause(ctx, idle)
		return
	}
	if held > 0 {
		e.Look(devices...)
	} else if len(devices) > 0 {
		e.dueAt(e.cfg.Now())
	}
}

// removeOld removes pushes that have been final for long enough, devices that have been unregistered for that, and rows
// of users that say nothing.
func (e *Engine) removeOld(ctx context.Context) {
	every := min(removeEvery, max(e.cfg.Keep/2, idle))
	for ctx.Err() == nil {
		n, err := e.cfg.Store.Remove(ctx, e.cfg.Now().Add(-e.cfg.Keep), removeLimit)
		e.warn(ctx, "old pushes not removed", err)
		gone, err := e.cfg.Store.RemoveDevices(ctx, e.cfg.Now().Add(-keepUnregistered), removeLimit)
		e.warn(ctx, "unregistered devices not removed", err)
		unseen, err := e.cfg.Store.RemoveUsers(ctx, removeLimit)
		e.warn(ctx, "rows of users never seen not removed", err)
		if max(n, gone, unseen) < removeLimit {
			pause(ctx, every)
		}
	}
}

// warn logs an error of a loop that goes on, and keeps it from spinning.
func (e *Engine) warn(ctx context.Context, what string, err error, attrs ...any) {
	if err == nil || ctx.Err() != nil {
		return
	}
	e.cfg.Logger.Warn(what, append(attrs, "error", err)...)
	pause(ctx, idle/4)
}

// pause waits, or less if ctx ends.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
