package auth

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/hushpush/hush/push"
)

// usedPer is how often a key's use is written, at most. People look at it to find keys that are no longer needed.
const usedPer = time.Minute

// uses collects which keys let somebody in, so that no request waits for that to be written.
type uses struct {
	waiting chan struct{} // 1 place: something is to be written

	mu      sync.Mutex
	written map[push.KeyUse]time.Time // guarded by mu; by key (its At is zero), when its use was last handed on
	next    []push.KeyUse             // guarded by mu; to be written
}

func newUses() *uses {
	return &uses{waiting: make(chan struct{}, 1), written: map[push.KeyUse]time.Time{}}
}

// record adds a use, unless one within usedPer is known. The map has no more entries than keys were used in that time.
func (u *uses) record(key push.KeyUse, now time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if last, known := u.written[key]; known && now.Sub(last) < usedPer && !now.Before(last) {
		return
	}
	u.written[key] = now
	key.At = now
	u.next = append(u.next, key)
	select {
	case u.waiting <- struct{}{}:
	default:
	}
}

// drain returns what is to be written, and drops what was written long ago.
func (u *uses) drain(now time.Time) []push.KeyUse {
	u.mu.Lock()
	defer u.mu.Unlock()
	next := u.next
	u.next = nil
	for key, at := range u.written {
		if now.Sub(at) >= usedPer {
			delete(u.written, key)
		}
	}
	// One order for all nodes, so that none waits for another in a circle.
	slices.SortFunc(next, func(a, b push.KeyUse) int { return cmp.Or(cmp.Compare(a.App, b.App), cmp.Compare(a.ID, b.ID)) })
	return next
}

// usesWait bounds the writing of uses when the server stops.
const usesWait = 2 * time.Second

// writeUses writes recorded uses until ctx ends, and then those that are left.
func (a *Auth) writeUses(ctx context.Context) {
	for {
		select {
		case <-a.uses.waiting:
			a.writeNext(ctx)
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), usesWait)
			defer cancel()
			a.writeNext(last)
			return
		}
	}
}

func (a *Auth) writeNext(ctx context.Context) {
	next := a.uses.drain(a.now())
	if len(next) == 0 {
		return
	}
	if err := a.store.KeysUsed(ctx, next); err != nil && ctx.Err() == nil {
		a.log.Warn("the use of keys could not be noted", "keys", len(next), "error", err)
	}
}
