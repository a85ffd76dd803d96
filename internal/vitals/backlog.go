package vitals

import (
	"time"

	"github.com/hushpush/hush/internal/spell"
	"github.com/hushpush/hush/push"
)

// lateAfter is how long work that is due may wait before the backlog is said to grow. A server that keeps up does it at once.
const lateAfter = 30 * time.Second

// backlog is what the last look found. Guarded by Vitals.mu.
type backlog struct {
	push.Backlog
	lookedAt time.Time // zero: nothing was found yet
	late     trouble
	most     int // due, of this spell
	oldest   time.Duration
}

// isLate reports whether a backlog is late.
func isLate(now time.Time, b push.Backlog) bool { return age(now, b) > lateAfter }

// age returns how long the oldest of a backlog waits; 0: there is none.
func age(now time.Time, b push.Backlog) time.Duration {
	if b.Oldest().IsZero() {
		return 0
	}
	return max(now.Sub(b.Oldest()), 0)
}

func (b *backlog) looked(now time.Time, found push.Backlog) {
	b.Backlog, b.lookedAt = found, now
	if !isLate(now, found) {
		b.late.well(now)
		return
	}
	if b.late.hit(now) {
		b.most, b.oldest = 0, 0
	}
	b.most, b.oldest = max(b.most, found.Due), max(b.oldest, age(now, found))
}

func (v *Vitals) logBacklog(now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	b := &v.backlog
	const next = "pushes are late; see to commits, providers and the processor, and wait for it to be worked off"
	attrs := []any{"due", b.Due, "in_memory", b.InMemory, "oldest", age(now, b.Backlog).Round(time.Second).String()}
	switch b.late.due(now) {
	case spell.Begun:
		v.cfg.Logger.Warn("the backlog grows", append(attrs, "next", next)...)
	case spell.Goes:
		v.cfg.Logger.Warn("the backlog is still there", append(attrs, "most", b.most, "for", b.late.For(now).String(), "next", next)...)
	case spell.Ended:
		v.cfg.Logger.Warn("the backlog is worked off", "most", b.most, "was_oldest", b.oldest.Round(time.Second).String(), "for", b.late.For(now).String())
	}
}
