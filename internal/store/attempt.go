package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/hushpush/hush/push"
)

// Repeats of a batch for which nothing is at fault, or whose connection was lost before it was committed.
const (
	maxRepeats = 20
	repeatWait = 5 * time.Millisecond
	maxWait    = time.Second
)

// execute brings every op of the batch to its outcome.
func (w *writer) execute(committer int, batch []*op) {
	for repeats := 0; ; repeats++ {
		err := w.attempt(committer, batch)
		if err == nil {
			return
		}
		switch verdict := w.s.db.classify(err); {
		case errors.Is(err, errUnknown):
			w.fail(batch, err)
			return
		case verdict == verdictFatal:
			w.s.cfg.Logger.Error("the disk failed", "error", err)
			w.fail(batch, err)
			w.s.cfg.Fatal(fmt.Errorf("store: the disk failed, and what is on it is unknown: %w", err))
			return
		case verdict == verdictOusted:
			w.fail(batch, err)
			w.s.cfg.Fatal(fmt.Errorf("store: %w", err))
			return
		case verdict == verdictError || repeats == maxRepeats:
			w.halve(committer, batch, err)
			return
		}
		time.Sleep(min(repeatWait<<min(repeats, 10), maxWait) + rand.N(repeatWait))
	}
}

// halve runs the halves of a batch by themselves, so that one op that cannot be done fails alone.
func (w *writer) halve(committer int, batch []*op, err error) {
	if len(batch) == 1 || w.s.db.classify(err) == verdictLost {
		w.fail(batch, err)
		return
	}
	w.execute(committer, batch[:len(batch)/2])
	w.execute(committer, batch[len(batch)/2:])
}

func (w *writer) fail(batch []*op, err error) {
	err = nameError(w.s.db, err)
	for _, o := range batch {
		o.err = err
	}
}

// attempt does the batch in one transaction. Its writes and their outcomes stand if it answers nil.
func (w *writer) attempt(committer int, batch []*op) (err error) {
	ctx := context.Background() // a caller that goes away ends nobody else's work
	began, flushing := time.Now(), time.Time{}
	w.s.cfg.Vitals.Committing(committer)
	defer func() {
		flush := time.Duration(0)
		if !flushing.IsZero() {
			flush = time.Since(flushing)
		}
		w.s.cfg.Vitals.Committed(committer, time.Since(began), flush, err != nil && !errors.Is(err, errTooMany))
	}()
	trans, err := w.s.db.begin(ctx)
	if err != nil {
		return err
	}
	t := &tx{transaction: trans, s: w.s, touched: map[push.ID][]push.DeliveryKey{}, many: map[push.ID]bool{}, finals: map[finalKey]int{},
		appEvents: map[string][]push.AppEvent{}, resources: map[resourceKey]*push.Resource{}}
	committing := false
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
		if err != nil && !(committing && errors.Is(err, errUnknown)) {
			trans.rollback()
		}
	}()
	if err := t.doAll(ctx, batch); err != nil {
		return err
	}
	committing, flushing = true, time.Now()
	turn := w.published.next()
	defer close(turn.over)
	if err := trans.commit(ctx); err != nil {
		return err
	}
	<-turn.before
	w.s.watch.publish(t.touched, t.many)
	w.s.appLogs.publish(t.appEvents)
	for f, n := range t.finals {
		w.s.cfg.Vitals.Final(f.state, f.why, n)
	}
	return nil
}

// errUnknown says that nobody knows whether a transaction was committed.
var errUnknown = errors.New("the outcome of the commit is unknown")
