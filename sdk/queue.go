package sdk

import "sync"

// maxQueue is how many pushes may wait for their turn in the foreground. More are not taken, and not acknowledged: they stay
// open on the server, and come again by the inbox.
const maxQueue = 1_000

// queue holds pushes from the session and the inbox, first come first run.
type queue struct {
	more chan struct{} // capacity 1; something was added

	mu      sync.Mutex
	waiting []arrival       // guarded by mu
	ids     map[string]bool // guarded by mu; waiting, or being run
}

func newQueue() *queue { return &queue{more: make(chan struct{}, 1), ids: map[string]bool{}} }

// add takes a push in, and reports false if the queue is full. One that is in it already stays where it is.
func (q *queue) add(a arrival) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ids[a.message.ID] {
		return true
	}
	if len(q.waiting) >= maxQueue {
		return false
	}
	q.ids[a.message.ID] = true
	q.waiting = append(q.waiting, a)
	select {
	case q.more <- struct{}{}:
	default:
	}
	return true
}

// next returns the push whose turn it is, and reports false if none waits. The caller calls done with its id.
func (q *queue) next() (arrival, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		q.waiting = nil
		return arrival{}, false
	}
	a := q.waiting[0]
	q.waiting[0] = arrival{}
	q.waiting = q.waiting[1:]
	return a, true
}

// done forgets a push that has been run.
func (q *queue) done(id string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.ids, id)
}

// idle reports whether nothing waits or runs.
func (q *queue) idle() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.ids) == 0
}

// clear forgets what waits.
func (q *queue) clear() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, a := range q.waiting {
		delete(q.ids, a.message.ID)
	}
	q.waiting = nil
}
