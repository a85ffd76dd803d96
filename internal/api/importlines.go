package api

import "sync"

// lineQueue holds the lines of an import that have been read but not parsed. One goroutine puts lines in, another takes all that
// are there. It is bounded by importAtOnce lines and importBatch bytes.
type lineQueue struct {
	mu        sync.Mutex
	changed   sync.Cond    // with mu
	lines     []importLine // guarded by mu
	bytes     int          // guarded by mu; of lines
	ended     bool         // guarded by mu; no more lines will be put in
	abandoned bool         // guarded by mu; no more lines will be taken
}

func newLineQueue() *lineQueue {
	q := &lineQueue{}
	q.changed.L = &q.mu
	return q
}

// put adds a line when there is room for it. It returns false if nobody will take it any more.
func (q *lineQueue) put(line importLine) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for !q.abandoned && (len(q.lines) >= importAtOnce || q.bytes >= importBatch) {
		q.changed.Wait()
	}
	if q.abandoned {
		return false
	}
	q.lines = append(q.lines, line)
	q.bytes += len(line.text)
	if len(q.lines) == 1 {
		q.changed.Broadcast()
	}
	return true
}

// next returns all lines in the queue once there are any. It returns none if no more will come.
func (q *lineQueue) next() []importLine {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.lines) == 0 && !q.ended && !q.abandoned {
		q.changed.Wait()
	}
	if q.abandoned {
		return nil
	}
	lines := q.lines
	q.lines, q.bytes = make([]importLine, 0, len(lines)), 0
	q.changed.Broadcast()
	return lines
}

// end marks the end of the lines.
func (q *lineQueue) end() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ended = true
	q.changed.Broadcast()
}

// abandon ends both sides and drops the lines in the queue.
func (q *lineQueue) abandon() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.abandoned = true
	q.changed.Broadcast()
}
