package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/hushpush/hush/push"
)

// How a batch is repeated that failed with verdictRepeat or verdictLost.
const (
	maxRepeats = 20
	repeatWait = 5 * time.Millisecond
	maxWait    = time.Second
)

// execute runs the batch until each of its ops has an outcome.
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
			w.s.cfg.Fatal(fmt.Errorf("store: the disk failed, and its contents are unknown: %w", err))
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

// halve runs the two halves of a batch separately, so that in the end only the op at fault fails.
func (w *writer) halve(committer int, batch []*op, err error) {
	if len(batch) == 1 || w.s.db.classify(err) == verdictLost {
		w.fail(batch, err)
		return
	}
	w.execute(committer, batch[:len(batch)/2])
	w.execute(committer, batch[len(batch)/2:])
}

// fail makes err the outcome of all ops of a batch.
func (w *writer) fail(batch []*op, err error) {
	err = nameError(w.s.db, err)
	for _, o := range batch {
		o.err = err
	}
}

// attempt runs the batch in one transaction. If it returns nil, the transaction is committed and the ops have their outcomes.
func (w *writer) attempt(committer int, batch []*op) (err error) {
	ctx := context.Background() // a caller that gives up must not end the other callers' operations
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

// errUnknown means that it could not be found out whether a transaction was committed.
var errUnknown = errors.New("the outcome of the commit is unknown")
