// Package bucket limits rates with token buckets by key, in bounded memory.
package bucket

import (
	"sync"
	"time"
)

// Rate limits how much one key may take: Burst tokens at once, and one more each Every. Its zero value limits nothing.
type Rate struct {
	Burst int
	Every time.Duration
}

// Off reports whether the rate limits nothing.
func (r Rate) Off() bool { return r.Burst <= 0 || r.Every <= 0 }

// Window returns how long an empty bucket takes to be full again.
func (r Rate) Window() time.Duration { return time.Duration(r.Burst) * r.Every }

// State is a bucket's answer to Take.
type State struct {
	OK   bool
	Left int           // tokens that remain
	Wait time.Duration // until there is one more token
}

// maxKeys bounds the buckets' memory to some 8 MB. If more keys are in use, random keys are forgotten, and their buckets are
// full again.
const maxKeys = 1 << 16

// sweepWait is the least time between two sweeps over all keys.
const sweepWait = time.Second

// Buckets are token buckets of one rate. They are safe for concurrent use.
type Buckets struct {
	rate Rate             // never changes
	now  func() time.Time // never changes

	mu     sync.Mutex
	fullAt map[string]time.Time // guarded by mu; when each bucket that is not full will be (the "theoretical arrival time" of GCRA)
	swept  time.Time            // guarded by mu
}

// New returns buckets that are full; a nil now means time.Now.
func New(rate Rate, now func() time.Time) *Buckets {
	if now == nil {
		now = time.Now
	}
	return &Buckets{rate: rate, now: now, fullAt: map[string]time.Time{}}
}

// Rate returns how much each key may take.
func (b *Buckets) Rate() Rate { return b.rate }

// Take takes one token from a key's bucket, if there is one.
func (b *Buckets) Take(key string) State {
	if b.rate.Off() {
		return State{OK: true}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	full, known := b.fullAt[key]
	if full.Before(now) {
		full = now
	}
	after := full.Add(b.rate.Every)
	if short := after.Sub(now) - b.rate.Window(); short > 0 {
		return State{Wait: short}
	}
	if !known {
		b.makeRoom(now)
	}
	b.fullAt[key] = after
	return b.state(after.Sub(now))
}

// Return gives back a token that was not needed.
func (b *Buckets) Return(key string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if full, known := b.fullAt[key]; known {
		b.fullAt[key] = full.Add(-b.rate.Every)
	}
}

// state returns the state of a bucket that will be full after missing.
func (b *Buckets) state(missing time.Duration) State {
	left := int((b.rate.Window() - missing) / b.rate.Every)
	return State{OK: true, Left: left, Wait: missing - time.Duration(b.rate.Burst-left-1)*b.rate.Every}
}

// makeRoom forgets keys until there is room for one more. mu is held.
func (b *Buckets) makeRoom(now time.Time) {
	if len(b.fullAt) < maxKeys {
		return
	}
	if now.Sub(b.swept) >= sweepWait {
		b.swept = now
		for key, full := range b.fullAt {
			if !full.After(now) {
				delete(b.fullAt, key)
			}
		}
	}
	for key := range b.fullAt {
		if len(b.fullAt) < maxKeys {
			return
		}
		delete(b.fullAt, key)
	}
}
