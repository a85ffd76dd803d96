package store

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/hushpush/hush/push"
)

// writer is the one who writes. It gathers what callers hand over into one transaction and answers after the commit, while
// the next ones gather. Where others write at the same time anyhow, a second committer takes what is much while the first is at
// work: half of a transaction on PostgreSQL is waiting for it. The queue is bounded by places; a caller without a place waits
// for one.
type writer struct {
	s         *Store
	places    chan struct{}
	wake      []chan struct{} // of each committer, 1 place: something is there for it
	ended     chan struct{}   // closed when all committers have returned
	published commitOrder

	mu         sync.Mutex
	urgent     fairQueue // guarded by mu
	answers    fairQueue // guarded by mu; what settles, for which nobody waits but a worker: it goes along with others for a while
	long       fairQueue // guarded by mu
	answersDue bool      // guarded by mu; the answers have waited long enough
	closed     bool      // guarded by mu
	longNext   bool      // owned by the first committer, who does what is long: a long op may go before the next batch
}

// first is the committer that always is there.
const mainCommitter = 0

// spareFrom is how many rows have to wait for a second committer to take them. Fewer become one larger transaction.
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

// stop refuses new work, finishes what is there and waits for it.
func (w *writer) stop() {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	for i := range w.wake {
		w.signal(i)
	}
	<-w.ended
}

// signal has a committer look at what is there.
func (w *writer) signal(committer int) {
	select {
	case w.wake[committer] <- struct{}{}:
	default:
	}
}

// write hands one op over and waits for its outcome. An error of ctx means that the op was not begun.
func (s *Store) write(ctx context.Context, what string, o *op) error {
	if err := s.writer.submit(ctx, o); err != nil {
		return fmt.Errorf("store: %s: %w", what, err)
	}
	return s.writer.wait(ctx, what, o)
}

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

// wait gives the outcome. A caller that goes away before its op is taken takes it back; later, the outcome is waited for,
// since it will be a fact.
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
