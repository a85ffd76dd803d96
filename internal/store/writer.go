package store

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/hushpush/hush/push"
)

// writer queues the operations of all callers and runs many of them in one transaction. Callers return after its commit, while
// the next operations queue.
//
// A database with concurrent writers has a second committer. It takes a batch while the first one is busy and many rows wait,
// because half the time of a transaction on PostgreSQL is spent waiting for the server. The queue is bounded by places; a caller
// blocks until there is one.
type writer struct {
	s         *Store
	places    chan struct{}
	wake      []chan struct{} // one for each committer, of capacity 1: there may be work
	ended     chan struct{}   // closed when all committers have returned
	published commitOrder

	mu         sync.Mutex
	urgent     fairQueue // guarded by mu
	answers    fairQueue // guarded by mu; settlements: only a worker waits for them, so they may wait to share a batch
	long       fairQueue // guarded by mu
	answersDue bool      // guarded by mu; the answers have waited for answersWait
	closed     bool      // guarded by mu
	longNext   bool      // owned by the main committer, which alone runs long ops: one may run before the next batch
}

// mainCommitter is the committer that always runs.
const mainCommitter = 0

// secondCommitterRows is how many rows have to be queued before the second committer takes a batch. Fewer make the next
// transaction larger instead.
const secondCommitterRows = maxBatchRows / 4

func startWriter(s *Store) *writer {
	committers := 1
	if s.db.locksRows() {
		committers = 2
	}
	w := &writer{s: s, places: make(chan struct{}, s.cfg.QueueOps), wake: make([]chan struct{}, committers), ended: make(chan struct{})}
	for i := range w.wake {
		w.wake[i] = make(chan struct{}, 1)
	}
	var all sync.WaitGroup
	for i := range committers {
		all.Go(func() { w.run(i) })
	}
	go func() {
		defer close(w.ended)
		all.Wait()
	}()
	return w
}

// stop refuses new operations and waits until those in the queue are done.
func (w *writer) stop() {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	for i := range w.wake {
		w.signal(i)
	}
	<-w.ended
}

// signal wakes a committer.
func (w *writer) signal(committer int) {
	select {
	case w.wake[committer] <- struct{}{}:
	default:
	}
}

// write submits one op and waits for its outcome. If it returns an error of ctx, the op was not started.
func (s *Store) write(ctx context.Context, what string, o *op) error {
	if err := s.writer.submit(ctx, o); err != nil {
		return fmt.Errorf("store: %s: %w", what, err)
	}
	return s.writer.wait(ctx, what, o)
}

// submit queues an op. It blocks while the queue is full.
func (w *writer) submit(ctx context.Context, o *op) error {
	o.done = make(chan struct{})
	select {
	case w.places <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-w.ended:
		return push.ErrUnavailable
	}
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		<-w.places
		return push.ErrUnavailable
	}
	switch {
	case o.long:
		w.long.add(o)
	case o.settle != nil:
		if w.answers.len() == 0 {
			w.answersDue = false
			time.AfterFunc(answersWait, w.releaseAnswers)
		}
		w.answers.add(o)
	default:
		w.urgent.add(o)
	}
	spare := len(w.wake) > 1 && w.urgent.rowsTotal >= secondCommitterRows
	w.mu.Unlock()
	w.signal(mainCommitter)
	if spare {
		w.signal(mainCommitter + 1)
	}
	return nil
}

// wait waits for the op's outcome and returns its error. If ctx ends before the op is in a batch, the op is withdrawn. Once it is
// in one, wait ignores ctx, since the op may take effect.
func (w *writer) wait(ctx context.Context, what string, o *op) error {
	select {
	case <-o.done:
	case <-ctx.Done():
		w.mu.Lock()
		o.abandoned = !o.started
		abandoned := o.abandoned
		w.mu.Unlock()
		if abandoned {
			return fmt.Errorf("store: %s: %w", what, context.Cause(ctx))
		}
		<-o.done
	}
	if o.err != nil {
		return fmt.Errorf("store: %s: %w", what, o.err)
	}
	return nil
}
