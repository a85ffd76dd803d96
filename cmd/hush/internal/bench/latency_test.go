package bench

import (
	"slices"
	"testing"
	"time"
)

func TestBarsAreInStepsOfOneTwoAndFive(t *testing.T) {
	t.Parallel()
	l := newLatencies()
	for _, took := range []time.Duration{-time.Second, 30 * time.Microsecond, 90 * time.Microsecond, 100 * time.Microsecond, 450 * time.Microsecond, 4 * time.Millisecond, time.Hour} {
		l.record(took)
	}
	got := l.summary("x").Distribution
	ends, counts := []float64{0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5}, []int64{1, 0, 1, 2, 0, 1, 0, 0, 1}
	for i, b := range got[:len(ends)] {
		if b.UpToMS != ends[i] || b.Count != counts[i] {
			t.Errorf("bar %d is %+v, want up to %g ms: %d", i, b, ends[i], counts[i])
		}
	}
	if last := got[len(got)-1]; last.UpToMS != 100_000 || last.Count != 1 {
		t.Errorf("the last bar is %+v, want up to 100 s: 1", last)
	}
}

func TestBarsBeginWhereSomethingIs(t *testing.T) {
	t.Parallel()
	l := newLatencies()
	l.record(3 * time.Millisecond)
	if got := l.summary("x").Distribution; !slices.Equal(got, []Bar{{UpToMS: 5, Count: 1}}) {
		t.Errorf("got %+v, want one bar, up to 5 ms", got)
	}
	if got := newLatencies().summary("x"); got.Count != 0 || len(got.Distribution) != 0 {
		t.Errorf("of nothing: %+v", got)
	}
}
