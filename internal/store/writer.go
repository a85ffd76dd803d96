package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/hushpush/hush/push"
)

// op is one piece of work for the writer: exactly one of accept, settle, step and do is set.
//
// An expected failure (an error that package push names) is the op's outcome and spoils nothing: the op has then written
// nothing. Any other error undoes the transaction, and the batch is halved until the op that causes it stands alone. So
// an op may run several times; it begins by forgetting what it found the last time.
type op struct {
	app    string // whose turn it takes
	long   bool   // pushes go before it, and it gets a transaction of its own
	weight int    // rows that it is likely to write; 0 counts as 1

	// What it will touch, for databases on which others write at the same time. All are the app's.
	users   []string
	devices []string

	accept *acceptOp
	settle *settleOp
	step   *stepOp
	do     func(ctx context.Context, t *tx) error

	err       error         // the outcome; owned by the writer until done is closed
	done      chan struct{} // closed when the outcome is there
	abandoned bool          // the caller went away before it was taken; guarded by writer.mu
	started   bool          // the writer has it; guarded by writer.mu
}

// rows is how many rows it is likely to write.
func (o *op) rows() int { return max(o.weight, 1) }

// tx is what an op works with: the transaction, and what is known for its time.
type tx struct {
	transaction
	s         *Store
	touched   map[push.ID][]push.DeliveryKey // what watchers of a push are told of after the commit
	many      map[push.ID]bool               // pushes of which more was touched than touched names
	appEvents map[string][]push.AppEvent     // what followers of an app are, by app
	finals    map[finalKey]int               // deliveries that became final
	counts    map[countKey]countChange       // of large pushes; nil until there are some
	resources map[resourceKey]*push.Resource
	topics    map[string][]string // by app; nil until one is asked for
}

// touch notes that a push was changed, and deliveries of it.
func (t *tx) touch(id push.ID, deliveries ...push.DeliveryKey) {
	t.touched[id] = append(t.touched[id], deliveries...)
}

// changedPush notes that a push was changed as a whole, and where its deliveries will stand, or would have.
func (t *tx) recordPushChange(p push.Push, state push.State, e push.Event) {
	t.touch(p.ID)
	if t.s.appLogs.follows(p.App) {
		t.appEvents[p.App] = append(t.appEvents[p.App], p.AppEvent(state, e))
	}
}

// What bounds a transaction beside Config.BatchOps: everybody else waits for it, and a push may have a thousand deliveries.
const (
	maxBatchRows  = 1024                 // that its ops are likely to write: as much as BatchOps pushes for one device each
	maxRecipients = maxBatchRows * 3 / 2 // of its pushes: the users whom they name may have several devices each
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

// tellings keep followers from hearing of a later commit first. What two transactions do to one row they do one after the other,
// and so ask for their turns, which they do before they commit.
type commitOrder struct {
	mu   sync.Mutex
	last chan struct{} // closed when the last turn is over; guarded by mu
}

// tellingTurn is the turn of one commit.
type publishTurn struct{ before, over chan struct{} }

func (t *commitOrder) next() publishTurn {
	t.mu.Lock()
	defer t.mu.Unlock()
	turn := publishTurn{before: t.last, over: make(chan struct{})}
	if turn.before == nil {
		turn.before = make(chan struct{})
		close(turn.before)
	}
	t.last = turn.over
	return turn
}

// errUnknown says that nobody knows whether a transaction was committed.
var errUnknown = errors.New("the outcome of the commit is unknown")

// doAll runs the ops of a batch: single ones, then all pushes together, then what settles, then all steps together. None of their callers has
// an answer yet, so any order is right.
func (t *tx) doAll(ctx context.Context, batch []*op) error {
	if t.s.db.locksRows() {
		if err := t.lockRows(ctx, batch); err != nil {
			return err
		}
	}
	var accepts, settles, steps []*op
	for _, o := range batch {
		o.err = nil
		switch {
		case o.accept != nil:
			accepts = append(accepts, o)
		case o.settle != nil:
			settles = append(settles, o)
		case o.step != nil:
			steps = append(steps, o)
		default:
			if err := o.do(ctx, t); expected(err) {
				o.err = err
			} else if err != nil {
				return err
			}
		}
	}
	if err := t.acceptAll(ctx, accepts); err != nil {
		return err
	}
	if err := t.settleAll(ctx, settles); err != nil {
		return err
	}
	if err := t.stepAll(ctx, steps); err != nil {
		return err
	}
	return t.run(ctx, t.countsStmt())
}

// expected tells whether an error is an outcome and not a failure.
func expected(err error) bool {
	for _, e := range []error{push.ErrNotFound, push.ErrConflict, push.ErrDeviceTaken, push.ErrRegisterAgain,
		push.ErrUnauthenticated, push.ErrForbidden, push.ErrTooManyDevices} {
		if errors.Is(err, e) {
			return true
		}
	}
	var fields push.FieldErrors
	return errors.As(err, &fields)
}
