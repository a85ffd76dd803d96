package delivery

import (
	"context"
	"fmt"
	"time"

	"github.com/hushpush/hush/push"
)

// The kinds of due work.
const (
	looks      = iota // at devices
	expansions        // of pushes whose audience is looked up when their time comes, or in pieces
	expiries          // of deliveries to users without a device
	oldPushes         // that have been final for long enough
	oldDevices        // that have been unregistered for long enough
	blankUsers        // rows of users that say nothing
)

const (
	claimLimit  = 512 // keys claimed at once
	expandLimit = 500 // deliveries made of a broadcast at once
	removeEvery = time.Minute
	removeLimit = 500

	// keepUnregistered is how long the row of a device that was unregistered is kept for the sake of its generations: longer
	// than anything made for its former owner can live (push.MaxTTL).
	keepUnregistered = 30 * 24 * time.Hour
)

// dueWork is the table of the clock.
func (e *Engine) dueWork() []kind {
	s := e.cfg.Store
	removal := min(removeEvery, max(e.cfg.Keep/2, idle))
	return []kind{
		looks: {
			work: each(e.claimDevices, e.enqueue), next: s.NextDueDevice,
			batch: claimLimit, room: e.queue.free, every: idle, failed: "due devices not claimed",
		},
		expansions: {
			work: each(s.DuePushes, e.expand), next: s.NextDuePush,
			batch: claimLimit, every: idle, failed: "due pushes not taken to their devices",
		},
		expiries: {
			work: atOnce(s.ExpireUserless), next: s.NextUserlessExpiry,
			batch: claimLimit, every: idle, failed: "pushes of users without a device not expired",
		},
		oldPushes: {
			work:  atOnce(before(e.cfg.Keep, s.Remove)),
			batch: removeLimit, every: removal, failed: "old pushes not removed",
		},
		oldDevices: {
			work:  atOnce(before(keepUnregistered, s.RemoveDevices)),
			batch: removeLimit, every: removal, failed: "unregistered devices not removed",
		},
		blankUsers: {
			work:  atOnce(func(ctx context.Context, _ time.Time, limit int) (int, error) { return s.RemoveUsers(ctx, limit) }),
			batch: removeLimit, every: removal, failed: "rows of users never seen not removed",
		},
	}
}

// before gives do the time that lies so long before now.
func before(keep time.Duration, do func(context.Context, time.Time, int) (int, error)) func(context.Context, time.Time, int) (int, error) {
	return func(ctx context.Context, now time.Time, limit int) (int, error) {
		return do(ctx, now.Add(-keep), limit)
	}
}

func (e *Engine) claimDevices(ctx context.Context, now time.Time, limit int) ([]push.DeviceKey, error) {
	return e.cfg.Store.ClaimDevices(ctx, now, lease, limit)
}

// enqueue has a claimed device looked at. One for which there is no room any more is due when its lease ends.
func (e *Engine) enqueue(_ context.Context, key push.DeviceKey) (left bool, err error) {
	if !e.queue.add(key) {
		e.cfg.Metrics.Overflow.Inc()
	}
	return false, nil
}

// expand makes the next piece of a push's deliveries.
func (e *Engine) expand(ctx context.Context, ref push.PushRef) (left bool, err error) {
	held := lease
	if e.queue.free() < expandLimit {
		held = 0 // no room in memory: the rows are due now, and wait on disk
	}
	devices, done, err := e.cfg.Store.Expand(ctx, ref, e.cfg.Now(), expandLimit, held)
	if err != nil {
		return false, fmt.Errorf("push %s of app %s: %w", ref.ID, ref.App, err)
	}
	if held > 0 {
		e.Look(devices...)
	} else if len(devices) > 0 {
		e.clock.dueAt(looks, e.cfg.Now())
	}
	return !done, nil
}
