package delivery

import (
	"context"
	"fmt"
	"time"

	"github.com/hushpush/hush/internal/pause"
	"github.com/hushpush/hush/push"
)

// Claimer finds the devices that are due, and leases them.
type Claimer interface {
	// ClaimDevices leases up to limit devices that are due to this node until now+lease, apps in turn, except those of the apps in
	// without. They are due again when the lease ends.
	ClaimDevices(ctx context.Context, now time.Time, lease time.Duration, limit int, without ...string) ([]push.DeviceKey, error)

	// DueOf returns those of an app's devices that are due, or whose lease is over, in no order.
	DueOf(ctx context.Context, app string, devices []string, now time.Time) ([]string, error)

	// NextDueDevice returns when the next device is due, the zero time if none is. A leased one is due when its lease ends.
	NextDueDevice(ctx context.Context) (time.Time, error)

	// RenewLeases prolongs the leases of this node's devices, or ends them if until is not after now: they are due then. It leaves
	// devices that are leased to another node by now.
	RenewLeases(ctx context.Context, keys []push.DeviceKey, until time.Time) error

	// LookAgain makes an app's devices that wait for a time due now, in pieces. It leaves those that are leased to a node.
	LookAgain(ctx context.Context, app string, now time.Time) error
}

// Expander makes the deliveries of pushes that were accepted without: for a later time, for tags, for all, or for many.
type Expander interface {
	// DuePushes returns up to limit pushes whose deliveries are to be made now, apps in turn. They stay due until the last delivery
	// is made.
	DuePushes(ctx context.Context, now time.Time, limit int) ([]push.PushRef, error)

	// NextDuePush returns when the next push is due, the zero time if none is.
	NextDuePush(ctx context.Context) (time.Time, error)

	// Expand makes a push's next deliveries, for up to limit devices, and returns those devices, leased to this node; with a lease
	// of 0 they are due now. If they are many, it returns none: they are due now and leased to nobody. done: nothing is left to be
	// made, as also for a push that does not exist.
	Expand(ctx context.Context, ref push.PushRef, now time.Time, limit int, lease time.Duration) (devices []push.DeviceKey, done bool, err error)
}

// Expirer ends deliveries that no look reaches: those to users without a device.
type Expirer interface {
	// ExpireUserless ends up to limit of them whose time has run out, and returns how many. 0: none is left.
	ExpireUserless(ctx context.Context, now time.Time, limit int) (int, error)

	// NextUserlessExpiry returns when the next of them expires, the zero time if none does.
	NextUserlessExpiry(ctx context.Context) (time.Time, error)
}

// Remover removes rows that are no longer needed, about limit at most, and returns how many. 0 means that none is left.
type Remover interface {
	// Remove removes pushes whose last delivery became final at a time or earlier, with all that belongs to them.
	Remove(ctx context.Context, before time.Time, limit int) (int, error)

	// RemoveDevices removes devices that were unregistered at a time or earlier. If they return, they count their owners from 1
	// again.
	RemoveDevices(ctx context.Context, before time.Time, limit int) (int, error)

	// RemoveUsers removes users who were never seen and have no tags.
	RemoveUsers(ctx context.Context, limit int) (int, error)
}

// The kinds of due work.
const (
	looks      = iota // at devices
	onlineDue         // looks at devices with a session, of apps whose others wait for memory or for a broadcast
	expansions        // of pushes whose audience is looked up when their time comes, or in pieces
	expiries          // of deliveries to users without a device
	oldPushes         // that have been final for long enough
	oldDevices        // that have been unregistered for long enough
	blankUsers        // rows of users that say nothing
)

const (
	claimLimit  = 512   // keys claimed at once
	expandLimit = 16384 // devices of a broadcast at once, as far as the store takes them
	expandRoom  = 1000  // devices that are looked at after a piece, at most
	removeEvery = time.Minute
	removeLimit = 500

	// keepUnregistered is how long the row of a device that was unregistered is kept for the sake of its generations: longer
	// than anything made for its former owner can live (push.MaxTTL).
	keepUnregistered = 30 * 24 * time.Hour
)

// dueWork returns the table of the clock.
func (e *Engine) dueWork() []kind {
	s := e.cfg.Store
	removal := min(removeEvery, max(e.cfg.Keep/2, idle))
	return []kind{
		looks: {
			work: each(e.claimDevices, e.enqueue), next: s.NextDueDevice,
			batch: claimLimit, room: e.claimRoom, every: idle, failed: "due devices not claimed",
		},
		onlineDue: {
			work: e.findOnline, batch: claimLimit, every: idle, failed: "due devices with a session not found",
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
			work:  atOnce(olderThan(e.cfg.Keep, s.Remove)),
			batch: removeLimit, every: removal, failed: "old pushes not removed",
		},
		oldDevices: {
			work:  atOnce(olderThan(keepUnregistered, s.RemoveDevices)),
			batch: removeLimit, every: removal, failed: "unregistered devices not removed",
		},
		blankUsers: {
			work:  atOnce(func(ctx context.Context, _ time.Time, limit int) (int, error) { return s.RemoveUsers(ctx, limit) }),
			batch: removeLimit, every: removal, failed: "rows of users never seen not removed",
		},
	}
}

// olderThan calls do with the time before which things are older than keep.
func olderThan(keep time.Duration, do func(ctx context.Context, before time.Time, limit int) (int, error)) func(context.Context, time.Time, int) (int, error) {
	return func(ctx context.Context, now time.Time, limit int) (int, error) {
		return do(ctx, now.Add(-keep), limit)
	}
}

func (e *Engine) claimRoom() int {
	limit, _ := e.queue.claims(claimLimit)
	return limit
}

// claimDevices leaves the devices of apps for which memory has no room to their rows, and claims the others.
func (e *Engine) claimDevices(ctx context.Context, now time.Time, limit int) ([]push.DeviceKey, error) {
	limit, full := e.queue.claims(limit)
	keys, err := e.cfg.Store.ClaimDevices(ctx, now, lease, limit, full...)
	if len(full) > 0 && len(keys) == 0 {
		_ = pause.For(ctx, crowded) // what is due is theirs, perhaps
	}
	return keys, err
}

// enqueue queues a claimed device. One for which there is no room any more is due when its lease ends.
func (e *Engine) enqueue(_ context.Context, key push.DeviceKey) (left bool, err error) {
	if !e.lineOf(key).add(key) {
		e.cfg.Metrics.Overflow.Inc()
	}
	return false, nil
}

// expand makes the next piece of a push's deliveries.
func (e *Engine) expand(ctx context.Context, ref push.PushRef) (left bool, err error) {
	leaseTime := lease
	if e.queue.free(ref.App) < expandRoom {
		leaseTime = 0 // no room in memory: the rows are due now, and wait on disk
	}
	devices, done, err := e.cfg.Store.Expand(ctx, ref, e.cfg.Now(), expandLimit, leaseTime)
	if err != nil {
		return false, fmt.Errorf("push %s of app %s: %w", ref.ID, ref.App, err)
	}
	if leaseTime > 0 && len(devices) > 0 {
		e.Look(devices...)
	} else {
		e.lookAtOnline(devices)
		e.clock.dueAt(looks, e.cfg.Now())
		e.findOnlineOf(ref.App) // of a broadcast, no devices are named
	}
	return !done, nil
}
