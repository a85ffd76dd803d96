package bench

import (
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// latencies collects how long things took, in microseconds up to a minute, with three digits. It may be used by several
// goroutines at once.
type latencies struct {
	mu sync.Mutex
	h  *hdrhistogram.Histogram // guarded by mu
}

const (
	longest = time.Minute
	digits  = 3
)

func newLatencies() *latencies {
	return &latencies{h: hdrhistogram.New(1, longest.Microseconds(), digits)}
}

// record takes one. What took longer than a minute counts as a minute, what took less than a microsecond as nothing.
func (l *latencies) record(took time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = l.h.RecordValue(min(max(took, 0), longest).Microseconds()) // in range
}

// summary returns what was collected; name says from what to what.
func (l *latencies) summary(name string) Latency {
	l.mu.Lock()
	defer l.mu.Unlock()
	ms := func(us int64) float64 { return float64(us) / 1_000 }
	return Latency{
		Name: name, Count: l.h.TotalCount(),
		P50MS: ms(l.h.ValueAtQuantile(50)), P90MS: ms(l.h.ValueAtQuantile(90)), P99MS: ms(l.h.ValueAtQuantile(99)), MaxMS: ms(l.h.Max()),
		Distribution: bars(l.h),
	}
}

// bars returns the distribution in steps of 1, 2 and 5.
func bars(h *hdrhistogram.Histogram) (out []Bar) {
	end, step := int64(10), 0
	count := int64(0)
	add := func() {
		if count > 0 || len(out) > 0 {
			out = append(out, Bar{UpToMS: float64(end) / 1_000, Count: count})
		}
		count = 0
	}
	for _, b := range h.Distribution() {
		if b.Count == 0 {
			continue
		}
		for b.From > end {
			add()
			end, step = next(end, step)
		}
		count += b.Count
	}
	if count > 0 {
		add()
	}
	return out
}

// next returns the end of the next bar: 10, 20, 50, 100 and so on.
func next(end int64, step int) (int64, int) {
	if step == 1 {
		return end / 2 * 5, 2
	}
	return end * 2, (step + 1) % 3
}
