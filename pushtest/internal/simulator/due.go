package simulator

import (
	"container/heap"
	"time"
)

// Dues says when something becomes due, once for each of its things, the earliest first. Its zero value is empty. Its owner's
// lock guards it.
type Dues[T comparable] struct {
	entries entries[T]
	of      map[T]*entry[T]
}

type entry[T any] struct {
	at    time.Time
	thing T
	index int // in entries
}

// Set sets when something becomes due, whenever it was before; the zero time: not at all. It reports whether nothing is due
// earlier.
func (d *Dues[T]) Set(thing T, at time.Time) (first bool) {
	e := d.of[thing]
	switch {
	case at.IsZero():
		if e != nil {
			heap.Remove(&d.entries, e.index)
			delete(d.of, thing)
		}
		return false
	case e != nil:
		e.at = at
		heap.Fix(&d.entries, e.index)
	default:
		if d.of == nil {
			d.of = map[T]*entry[T]{}
		}
		e = &entry[T]{at: at, thing: thing}
		d.of[thing] = e
		heap.Push(&d.entries, e)
	}
	return e.index == 0
}

// Next takes out what is due by now, one at a time; ok is false if nothing is.
func (d *Dues[T]) Next(now time.Time) (thing T, at time.Time, ok bool) {
	if len(d.entries) == 0 || d.entries[0].at.After(now) {
		return thing, at, false
	}
	e := heap.Pop(&d.entries).(*entry[T])
	delete(d.of, e.thing)
	return e.thing, e.at, true
}

// Earliest returns when the next thing becomes due; the zero time: nothing does.
func (d *Dues[T]) Earliest() time.Time {
	if len(d.entries) == 0 {
		return time.Time{}
	}
	return d.entries[0].at
}

// entries is a heap.
type entries[T any] []*entry[T]

func (h entries[T]) Len() int           { return len(h) }
func (h entries[T]) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h entries[T]) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *entries[T]) Push(x any) {
	e := x.(*entry[T])
	e.index = len(*h)
	*h = append(*h, e)
}

func (h *entries[T]) Pop() any {
	old := *h
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return e
}
