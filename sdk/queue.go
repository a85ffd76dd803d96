package sdk

import "sync"

// maxQueue is how many pushes may wait for their turn in the foreground. More are not taken, and not acknowledged: they stay
// open on the server, and come again by the inbox.
const maxQueue = 1_000

// queue holds pushes from the session and the inbox, first come first run.
type queue struct {
	mu      sync.Mutex
	waiting []arrival       // guarded by mu
	ids     map[string]bool // guarded by mu; waiting, or being run
	more    chan struct{}   // capacity 1
}

func (q *queue) init() { q.ids, q.more = map[string]bool{}, make(chan struct{}, 1) }

// add takes a push in; false: the queue is full. One that is in it already stays where it is.
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

func (q *queue) ran(id string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.ids, id)
}

// idle tells whether nothing waits or runs.
func (q *queue) idle() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.ids) == 0
}

func (q *queue) clear() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, a := range q.waiting {
		delete(q.ids, a.message.ID)
	}
	q.waiting = nil
}

// workQueue runs what is queued until the client closes. Each push has the platform's time for itself.
func (c *Client) workQueue() {
	defer c.goes.Done()
	for {
		a, ok := c.queue.next()
		if !ok {
			select {
			case <-c.queue.more:
				continue
			case <-c.base.Done():
				return
			}
		}
		c.runQueued(a)
		c.queue.ran(a.message.ID)
		c.outbox.signal() // with nothing left to run, its answer tells whether the inbox has more
	}
}

func (c *Client) runQueued(a arrival) {
	c.mu.Lock()
	user := c.user
	c.mu.Unlock()
	a.allowed = handlerTime(c.cfg.Platform.TimeAllowed())
	if _, o, err := c.run(user, a); err != nil && user.Err() == nil {
		c.log.Warn("a push was not handled", "push", a.message.ID, "began", o == ran, "error", err)
	}
}
