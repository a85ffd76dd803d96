// Package hour counts what happened within the last hour, in memory.
package hour

import "time"

const (
	// step is the resolution of time: counts that are an hour old are dropped a step at a time.
	step = 5 * time.Minute

	steps = int(time.Hour/step) + 1 // the last one is still being counted
)

// Counts counts by kind; there should be few kinds. Its zero value is empty. The caller guards it.
type Counts[K comparable] struct{ buckets [steps]bucket[K] }

type bucket[K comparable] struct {
	number int64 // the number of its step since 1970
	counts []count[K]
}

type count[K comparable] struct {
	kind K
	n    int
}

func numberOf(t time.Time) int64 { return t.UnixNano() / int64(step) }

// Add adds n to the count of a kind.
func (c *Counts[K]) Add(now time.Time, kind K, n int) {
	number := numberOf(now)
	b := &c.buckets[number%int64(steps)]
	if b.number != number {
		*b = bucket[K]{number: number, counts: b.counts[:0]}
	}
	for i := range b.counts {
		if b.counts[i].kind == kind {
			b.counts[i].n += n
			return
		}
	}
	b.counts = append(b.counts, count[K]{kind, n})
}

// Sum returns the counts since Since(now), by kind.
func (c *Counts[K]) Sum(now time.Time) map[K]int {
	sum := map[K]int{}
	oldest := numberOf(now) - int64(steps) + 1
	for _, b := range c.buckets {
		if b.number < oldest {
			continue
		}
		for _, k := range b.counts {
			sum[k.kind] += k.n
		}
	}
	return sum
}

// Since returns the time from which on Sum counts: an hour ago, or up to five minutes before that.
func Since(now time.Time) time.Time {
	return time.Unix(0, (numberOf(now)-int64(steps)+1)*int64(step)).UTC()
}

// Max keeps the largest duration of the last hour. Its zero value is none. The caller guards it.
type Max struct {
	buckets [steps]struct {
		number int64
		max    time.Duration
	}
}

// Record records one duration.
func (m *Max) Record(now time.Time, d time.Duration) {
	number := numberOf(now)
	b := &m.buckets[number%int64(steps)]
	if b.number != number {
		b.number, b.max = number, 0
	}
	b.max = max(b.max, d)
}

// Of returns the largest duration since Since(now).
func (m *Max) Of(now time.Time) time.Duration {
	var largest time.Duration
	for _, b := range m.buckets {
		if b.number > numberOf(now)-int64(steps) {
			largest = max(largest, b.max)
		}
	}
	return largest
}
