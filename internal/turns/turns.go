// Package turns is a queue in which apps take turns, so that one with much to do does not hold up another.
package turns

import "iter"

// Queue holds values by app: those of one app come out in the order in which they were added, and an app with others behind it
// goes to the end of the line with each value. Its zero value is empty. It is not safe for concurrent use.
type Queue[V any] struct {
	lines map[string]*line[V] // none is empty
	order []*line[V]          // the lines, the next one first
	spare *line[V]            // an empty one, to be used again
	n     int
}

// line is the values of one app.
type line[V any] struct {
	app    string
	values []V
	gone   int // of values, from its begin
}

// Add appends a value of an app.
func (q *Queue[V]) Add(app string, v V) {
	l := q.lines[app]
	if l == nil {
		l = q.newLine(app)
		q.order = append(q.order, l)
	}
	l.add(v)
	q.n++
}

func (q *Queue[V]) newLine(app string) *line[V] {
	if q.lines == nil {
		q.lines = map[string]*line[V]{}
	}
	l := q.spare
	if q.spare = nil; l == nil {
		l = &line[V]{}
	}
	l.app = app
	q.lines[app] = l
	return l
}

func (l *line[V]) add(v V) {
	if len(l.values) == cap(l.values) && l.gone > len(l.values)/2 {
		n := copy(l.values, l.values[l.gone:])
		clear(l.values[n:])
		l.values, l.gone = l.values[:n], 0
	}
	l.values = append(l.values, v)
}

// Len returns how many values wait.
func (q *Queue[V]) Len() int { return q.n }

// LenOf returns how many values of an app wait.
func (q *Queue[V]) LenOf(app string) int {
	if l := q.lines[app]; l != nil {
		return len(l.values) - l.gone
	}
	return 0
}

// Peek returns the value that Next would; false if none waits.
func (q *Queue[V]) Peek() (v V, ok bool) {
	if q.n == 0 {
		return v, false
	}
	return q.order[0].first(), true
}

// Next removes and returns the next value; false if none waits.
func (q *Queue[V]) Next() (V, bool) { return q.NextOf(func(string) bool { return true }) }

// NextOf removes and returns the next value of an app that may have its turn; false if none waits. An app that may not goes to the
// end of the line.
func (q *Queue[V]) NextOf(may func(app string) bool) (v V, ok bool) {
	for range len(q.order) {
		l := q.order[0]
		last := len(q.order) - 1
		copy(q.order, q.order[1:]) // few apps have something waiting at once
		q.order[last] = l
		if !may(l.app) {
			continue
		}
		v = l.pop()
		q.n--
		if len(l.values) == 0 {
			q.order[last], q.order = nil, q.order[:last]
			delete(q.lines, l.app)
			q.spare = l
		}
		return v, true
	}
	return v, false
}

func (l *line[V]) first() V { return l.values[l.gone] }

func (l *line[V]) pop() V {
	var none V
	v := l.values[l.gone]
	l.values[l.gone] = none
	if l.gone++; l.gone == len(l.values) {
		l.values, l.gone = l.values[:0], 0
	}
	return v
}

// Firsts yields each app that has something waiting, with the value that comes first.
func (q *Queue[V]) Firsts() iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for _, l := range q.order {
			if !yield(l.app, l.first()) {
				return
			}
		}
	}
}
