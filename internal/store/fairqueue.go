package store

import "github.com/hushpush/hush/internal/turns"

// fairQueue is a queue of ops in which apps take turns. Its zero value is empty.
type fairQueue struct {
	ops       turns.Queue[*op]
	rowsTotal int // rows that its ops are likely to write
}

func (q *fairQueue) add(o *op) {
	q.ops.Add(o.app, o)
	q.rowsTotal += o.rows()
}

func (q *fairQueue) len() int { return q.ops.Len() }

// peek returns the next op without removing it; nil if there is none.
func (q *fairQueue) peek() *op {
	o, _ := q.ops.Peek()
	return o
}

// pop removes and returns the next op; nil if there is none.
func (q *fairQueue) pop() *op {
	o, ok := q.ops.Next()
	if ok {
		q.rowsTotal -= o.rows()
	}
	return o
}
