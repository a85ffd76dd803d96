package store

import (
	"time"
)

// How long operations wait for others to share a transaction and its flush with.
const (
	answersWait = 20 * time.Millisecond // a provider's answer to a wake, for which only a worker waits
	lingerWait  = time.Millisecond      // the others, if the last transaction had at least lingerOps operations
	lingerOps   = 4                     // fewer show that operations are too rare for the wait to pay
)

// releaseAnswers lets the queued answers be committed, even in a batch of their own.
func (w *writer) releaseAnswers() {
	w.mu.Lock()
	w.answersDue = true
	w.mu.Unlock()
	w.signal(mainCommitter)
}

// run commits batches until the writer is closed and its queue is empty.
func (w *writer) run(committer int) {
	last := 0
	for {
		if committer == mainCommitter && last >= lingerOps && w.shouldLinger() {
			time.Sleep(lingerWait)
		}
		batch, closed := w.nextBatch(committer)
		if last = len(batch); last > 0 {
			db := w.s.db
			w.execute(committer, batch)
			for _, o := range batch {
				close(o.done)
				<-w.places
			}
			db.maintain()
			continue
		}
		if closed {
			return
		}
		<-w.wake[committer]
	}
}

// shouldLinger reports whether there are urgent ops, but far fewer than fit into a transaction.
func (w *writer) shouldLinger() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.closed && w.long.len() == 0 && w.urgent.len() > 0 && w.urgent.len() < w.s.cfg.BatchOps/2
}

// nextBatch takes the ops of the next transaction from the queue: as many urgent ones as fit, from each app in turn, together with
// answers; or, between two such batches, one long op. The second committer takes urgent ops only, and only if there are many.
// closed reports whether the committer is to end if the batch is empty.
func (w *writer) nextBatch(committer int) (batch []*op, closed bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if committer != mainCommitter {
		if w.urgent.rowsTotal >= secondCommitterRows {
			batch, _ = w.fill(nil, 0, &w.urgent, w.s.cfg.BatchOps)
		}
		return batch, w.closed
	}
	idle := w.urgent.len() == 0 && !(w.answers.len() > 0 && (w.answersDue || w.closed))
	if w.longNext || idle {
		w.longNext = false
		if o := w.pop(&w.long); o != nil {
			return []*op{o}, w.closed
		}
	}
	if idle {
		return nil, w.closed && w.answers.len() == 0
	}
	batch, rows := w.fill(nil, 0, &w.answers, (w.s.cfg.BatchOps+1)/2)
	batch, _ = w.fill(batch, rows, &w.urgent, w.s.cfg.BatchOps)
	w.longNext = true
	return batch, w.closed && w.urgent.len()+w.answers.len()+w.long.len() == 0
}

// fill moves ops from a queue to a batch, until the batch has most ops or the next one's rows would not fit.
func (w *writer) fill(batch []*op, rows int, from *fairQueue, most int) ([]*op, int) {
	for len(batch) < most {
		if o := from.peek(); o != nil && rows > 0 && rows+o.rows() > maxBatchRows {
			break
		}
		o := w.pop(from)
		if o == nil {
			break
		}
		rows += o.rows()
		batch = append(batch, o)
	}
	return batch, rows
}

// pop takes the next op whose caller has not given up; nil if there is none. The caller holds mu.
func (w *writer) pop(t *fairQueue) *op {
	for {
		o := t.pop()
		if o == nil || !o.abandoned {
			if o != nil {
				o.started = true
			}
			return o
		}
		<-w.places
	}
}
