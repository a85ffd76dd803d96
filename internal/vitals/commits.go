package vitals

import (
	"math"
	"slices"
	"time"

	"github.com/hushpush/hush/internal/hour"
	"github.com/hushpush/hush/internal/spell"
)

// slowCommit is how long a group commit takes at least to be called slow. Every push, receipt and wake waits for one; a good
// disk flushes in milliseconds.
const slowCommit = 250 * time.Millisecond

// commits is what is known of the store's transactions. Guarded by Vitals.mu.
type commits struct {
	under     []underWay // by committer
	lastAt    time.Time
	last      time.Duration
	took      hour.Counts[int] // by octant
	slowest   hour.Max
	slow      trouble
	n         int     // slow ones of this spell
	worst     slowest // of them since the last line
	sinceLast slowest // since the last summary
}

// underWay is the transaction that a committer is at work on.
type underWay struct {
	begun   time.Time // zero: none
	counted bool      // as slow
}

// hangs returns how long the transaction has taken so far, if that is too long; 0 otherwise.
func (u *underWay) hangs(now time.Time) time.Duration {
	if u.begun.IsZero() || now.Sub(u.begun) < slowCommit {
		return 0
	}
	return now.Sub(u.begun)
}

// hanging returns how long the longest transaction under way has taken so far, if that is too long; 0 otherwise.
func (c *commits) hanging(now time.Time) (hangs time.Duration) {
	for i := range c.under {
		hangs = max(hangs, c.under[i].hangs(now))
	}
	return hangs
}

// slowest is how long the slowest of some commits took, and its flush.
type slowest struct{ took, flush time.Duration }

func (s *slowest) record(took, flush time.Duration) {
	if took > s.took {
		*s = slowest{took, flush}
	}
}

// octant returns a duration on a scale of eight to each doubling, so that a percentile is right to within a tenth.
func octant(d time.Duration) int {
	return int(math.Round(8 * math.Log2(float64(max(d, time.Microsecond)))))
}

func ofOctant(i int) time.Duration { return time.Duration(math.Exp2(float64(i) / 8)) }

// percentile returns the percentile p of durations counted by octant; 0 if there are none.
func percentile(counts map[int]int, p float64) time.Duration {
	all, keys := 0, []int{}
	for k, n := range counts {
		all += n
		keys = append(keys, k)
	}
	slices.Sort(keys)
	left := int(math.Ceil(float64(all) * p))
	for _, k := range keys {
		if left -= counts[k]; left <= 0 {
			return ofOctant(k)
		}
	}
	return 0
}

// Committing records that a transaction of a committer, of which the store has a few, has begun.
func (v *Vitals) Committing(committer int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for len(v.commits.under) <= committer {
		v.commits.under = append(v.commits.under, underWay{})
	}
	v.commits.under[committer] = underWay{begun: v.cfg.Now()}
}

// Committed records that a transaction is over: how long all of it took, and how long the flush to disk at its end. One that failed was
// not flushed.
func (v *Vitals) Committed(committer int, took, flush time.Duration, failed bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	now, c := v.cfg.Now(), &v.commits
	if took >= slowCommit {
		c.hit(now, &c.under[committer])
	}
	c.under[committer].begun = time.Time{}
	c.worst.record(took, flush)
	if failed {
		return
	}
	v.metrics.commits.Observe(took.Seconds())
	c.lastAt, c.last = now, took
	c.took.Add(now, octant(took), 1)
	c.slowest.Record(now, took)
	c.sinceLast.record(took, flush)
}

// hit counts a transaction under way as slow, once.
func (c *commits) hit(now time.Time, u *underWay) {
	if u.counted {
		return
	}
	u.counted = true
	if c.slow.hit(now) {
		c.n, c.worst = 0, slowest{}
	}
	c.n++
}

// logCommits logs slow commits, and one that hangs while it does.
func (v *Vitals) logCommits(now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	c := &v.commits
	hangs := c.hanging(now)
	for i := range c.under {
		if u := &c.under[i]; u.hangs(now) > 0 {
			c.hit(now, u)
			c.worst.record(u.hangs(now), 0)
		}
	}
	line := c.slow.due(now)
	if line == spell.None && hangs < slowCommit {
		line = c.slow.Faded(now)
	}
	const next = "every push, receipt and wake waits for its commit: see to the disk, and to what else uses the database"
	attrs := []any{"slow", c.n, "worst", c.worst.took.Round(time.Millisecond).String(), "flush", c.worst.flush.Round(time.Millisecond).String()}
	if hangs >= slowCommit {
		attrs = append(attrs, "hangs", hangs.Round(time.Millisecond).String())
	}
	attrs = append(attrs, "since", c.slow.Since.UTC().Truncate(time.Second))
	switch line {
	case spell.Begun:
		v.cfg.Logger.Warn("commits are slow", append(attrs, "next", next)...)
	case spell.Goes:
		v.cfg.Logger.Warn("commits are still slow", append(attrs, "for", c.slow.For(now).String(), "next", next)...)
	case spell.Ended:
		v.cfg.Logger.Warn("commits are fast again", "slow", c.n, "since", c.slow.Since.UTC().Truncate(time.Second), "for", c.slow.For(now).String())
	}
	if line != spell.None {
		c.worst = slowest{}
	}
}
