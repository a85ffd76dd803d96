package turns_test

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/hushpush/hush/internal/turns"
)

// all empties a queue.
func all(q *turns.Queue[string]) (values []string) {
	for v, ok := q.Next(); ok; v, ok = q.Next() {
		values = append(values, v)
	}
	return values
}

func TestAppsTakeTurns(t *testing.T) {
	t.Parallel()
	var q turns.Queue[string]
	for _, v := range []string{"a1", "a2", "a3", "b1", "c1", "b2"} {
		q.Add(v[:1], v)
	}
	if v, ok := q.Peek(); !ok || v != "a1" || q.Len() != 6 || q.LenOf("a") != 3 || q.LenOf("d") != 0 {
		t.Errorf("first %q, %d wait, %d of a, %d of d; want a1, 6, 3, 0", v, q.Len(), q.LenOf("a"), q.LenOf("d"))
	}
	if got := maps.Collect(q.Firsts()); !maps.Equal(got, map[string]string{"a": "a1", "b": "b1", "c": "c1"}) {
		t.Errorf("the first of each app are %v", got)
	}
	if got, want := all(&q), []string{"a1", "b1", "c1", "a2", "b2", "a3"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if v, ok := q.Peek(); ok || q.Len() != 0 || q.LenOf("a") != 0 {
		t.Errorf("an empty queue has %q, and %d values", v, q.Len())
	}
}

func TestAnAppThatMayNotIsPassedBy(t *testing.T) {
	t.Parallel()
	var q turns.Queue[string]
	for _, v := range []string{"a1", "b1", "b2", "c1"} {
		q.Add(v[:1], v)
	}
	notA := func(app string) bool { return app != "a" }
	var got []string
	for v, ok := q.NextOf(notA); ok; v, ok = q.NextOf(notA) {
		got = append(got, v)
	}
	if want := []string{"b1", "c1", "b2"}; !slices.Equal(got, want) || q.LenOf("a") != 1 {
		t.Errorf("got %v, and %d of a are left; want %v and 1", got, q.LenOf("a"), want)
	}
	if got := all(&q); !slices.Equal(got, []string{"a1"}) {
		t.Errorf("left was %v, want a1", got)
	}
}

// Whatever is added and removed, an app's values keep their order and none is lost.
func TestAnAppsValuesKeepTheirOrder(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	type value struct {
		app string
		n   int
	}
	var q turns.Queue[value]
	added, next := map[string]int{}, map[string]int{}
	take := func() {
		if v, ok := q.Next(); ok {
			if v.n != next[v.app] {
				t.Fatalf("seed %d: %s came with %d, want %d", seed, v.app, v.n, next[v.app])
			}
			next[v.app]++
		}
	}
	for range 20_000 {
		if app := string(rune('a' + r.IntN(4))); r.IntN(100) < 51 {
			q.Add(app, value{app, added[app]})
			added[app]++
		} else {
			take()
		}
	}
	for q.Len() > 0 {
		take()
	}
	if !maps.Equal(added, next) {
		t.Errorf("seed %d: added %v, got %v", seed, added, next)
	}
}
