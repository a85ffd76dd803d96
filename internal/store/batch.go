package store

import (
	"time"
)

// How long work waits for company, so that it shares a transaction and its flush.
const (
	answersWait = 20 * time.Millisecond // an answer to a wake, which nobody waits for
	lingerWait  = time.Millisecond      // the others, where the last transaction was shared
	lingerOps   = 4                     // pieces of work in the last transaction from which on it is worth it
)

// ripen lets the answers go, with or without company.
func (w *writer) releaseAnswers() {
	w.mu.Lock()
	w.answersDue = true
	w.mu.Unlock()
	w.signal(mainCommitter)
}

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

// few reports whether there is work, and less than a transaction takes.
func (w *writer) shouldLinger() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.closed && w.long.len() == 0 && w.urgent.len() > 0 && w.urgent.len() < w.s.cfg.BatchOps/2
}

// gather takes what one transaction is to do: as many pushes and steps as fit, apps in turn, and answers with them; between two
// such batches, one long op. A second committer takes what is much, and nothing that is long.
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

// fill adds ops to a batch, up to so many, as far as their rows fit.
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

// next takes an op whose caller still waits. It is called with mu held.
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
