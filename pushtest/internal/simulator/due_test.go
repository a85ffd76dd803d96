package simulator

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestEachThingIsDueOnceAndTheEarliestFirst(t *testing.T) {
	t.Parallel()
	begin := time.Unix(1_000_000, 0)
	var d Dues[int]
	want := map[int]time.Time{}
	for range 10_000 {
		thing, at := rand.IntN(50), begin.Add(time.Duration(rand.IntN(1000))*time.Second)
		if rand.IntN(4) == 0 {
			at = time.Time{}
		}
		first := d.Set(thing, at)
		if want[thing] = at; at.IsZero() {
			delete(want, thing)
		}
		if first && !d.Earliest().Equal(at) {
			t.Fatalf("%d at %s: said to be the first, and %s is earlier", thing, at, d.Earliest())
		}
		if len(d.of) != len(want) || len(d.entries) != len(want) {
			t.Fatalf("%d things and %d entries, want %d", len(d.of), len(d.entries), len(want))
		}
	}
	if _, _, ok := d.Next(begin.Add(-time.Second)); ok {
		t.Error("something was due before its time")
	}
	last := begin
	for range len(want) {
		thing, at, ok := d.Next(begin.Add(time.Hour))
		if !ok || at.Before(last) || !at.Equal(want[thing]) {
			t.Fatalf("got %d at %s after %s, %v; want it at %s", thing, at, last, ok, want[thing])
		}
		last = at
	}
	if _, _, ok := d.Next(begin.Add(time.Hour)); ok || !d.Earliest().IsZero() {
		t.Error("something is due that was taken out")
	}
}
