package sdk

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// reporter sends receipts to the server, over the session if one is open and not in doubt, else by HTTP. Those for pushes that
// have ended come from the disk (dir), those for pushes that were received from the outbox.
type reporter struct {
	*shared
	registrar *registrar
	inbox     *inbox
	outbox    outbox

	more     chan struct{} // capacity 1; there may be something to report
	progress atomic.Bool   // a push came to its end since the inbox was last read
	sending  turnstile     // held for one delivery of receipts, so that answers come in order; taken before mu

	mu      sync.Mutex
	session *session // guarded by mu; the open one; nil: none
}

func newReporter(s *shared, registrar *registrar, in *inbox) *reporter {
	return &reporter{shared: s, registrar: registrar, inbox: in, more: make(chan struct{}, 1), sending: make(turnstile, 1)}
}

// signal makes run look for something to report. It never waits.
func (r *reporter) signal() {
	select {
	case r.more <- struct{}{}:
	default:
	}
}

// received takes the receipt for a push that the device has.
func (r *reporter) received(receipt protocol.Receipt) {
	r.outbox.add(receipt)
	r.signal()
}

// ended takes notice that a push has come to its end. The receipt for that is on disk.
func (r *reporter) ended() {
	r.progress.Store(true)
	r.signal()
}

// use makes receipts go over a session from now on; nil: over none.
func (r *reporter) use(s *session) {
	r.mu.Lock()
	r.session = s
	r.mu.Unlock()
	if s != nil {
		r.signal()
	}
}

func (r *reporter) openSession() *session {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.session
}

// doubtSession asks the session, if one is open, for a sign of life, because a provider has brought a wake: the server found
// no session, or one that did not acknowledge, or was told to wake beside it. Until the answer is there, receipts go by HTTP,
// over new connections: idle ones may be as dead.
func (r *reporter) doubtSession() {
	if s := r.openSession(); s != nil && s.liveness.doubt() {
		r.calls.closeIdleConnections()
	}
}

// unknown is how many deliveries are open where no answer has said.
const unknown = -1

// run reports whatever is new, and keeps trying, until the client closes. When the server says that more is open and nothing
// is left to run in the foreground, it fetches the next page of the inbox.
func (r *reporter) run() {
	try, open := 0, unknown // open: as the last answer had it
	var retry <-chan time.Time
	for {
		select {
		case <-r.more:
		case <-retry:
		case <-r.lifetime.ctx.Done():
			return
		}
		retry = nil
		err := r.round(r.lifetime.ctx, &open)
		switch {
		case errors.Is(err, errNoCredential) || refused(err) == codeRegisterAgain:
			continue // the next registration signals
		case err != nil:
			try++
			r.log.Debug("receipts could not be sent, or the inbox not be read", "try", try, "error", err)
			retry = time.After(backoff(try, jitter()))
			continue
		}
		try = 0
	}
}

// round reports what is new, and then reads the inbox if that may have more. open is how many deliveries are open, according
// to the last answer.
func (r *reporter) round(ctx context.Context, open *int) error {
	// Read before the flush, so that the flush reports each end that it stands for: the inbox must not bring those pushes again.
	progress := r.progress.Swap(false)
	answered, err := r.flush(ctx)
	if answered != unknown {
		*open = answered
	}
	if !progress { // since the last look: the inbox would say the same again
		return err
	}
	if err == nil && *open > 0 && r.app.inForeground() && r.inbox.queue.idle() {
		err = r.inbox.enqueue(ctx)
		if err != nil {
			r.progress.Store(true)
		}
		return err
	}
	if err != nil || *open != 0 {
		r.progress.Store(true) // the look is still to come
	}
	return err
}

// flush reports all that is still to be reported, and returns how many deliveries are open; unknown if there was nothing to
// report.
func (r *reporter) flush(ctx context.Context) (open int, err error) {
	open = unknown
	if !r.sending.within(ctx) {
		return open, context.Cause(ctx)
	}
	defer r.sending.Unlock()
	for {
		ends, err := r.dir.unsent(protocol.MaxReceipts)
		if err != nil {
			return open, err
		}
		batch := batchOf(r.outbox.drain(), ends)
		if len(batch) == 0 {
			return open, nil
		}
		answer, err := r.send(ctx, batch)
		if err != nil {
			return open, err
		}
		open = answer.Open
		if err := r.settle(batch, answer.Receipts); err != nil {
			return open, err
		}
		if len(ends) < protocol.MaxReceipts {
			return open, nil
		}
	}
}

// batchOf returns the receipts to send together. Of a push that has ended, only the end is of interest.
func batchOf(received, ends []protocol.Receipt) []protocol.Receipt {
	batch := slices.DeleteFunc(received, func(r protocol.Receipt) bool {
		return slices.ContainsFunc(ends, func(e protocol.Receipt) bool { return e.PushID == r.PushID })
	})
	batch = append(batch, ends...)
	return batch[:min(len(batch), protocol.MaxReceipts)]
}

// send sends one batch: over the session if it is open and not in doubt, else by HTTP.
func (r *reporter) send(ctx context.Context, batch []protocol.Receipt) (protocol.ReceiptsAnswer, error) {
	if s := r.openSession(); s != nil && !s.liveness.inDoubt() {
		answer, err := s.report(ctx, batch)
		if err == nil && answersAll(batch, answer.Receipts) {
			return answer, nil
		}
	}
	i, err := r.dir.self()
	if err != nil {
		return protocol.ReceiptsAnswer{}, err
	}
	if i.Credential == "" {
		return protocol.ReceiptsAnswer{}, errNoCredential
	}
	answer, err := r.calls.receipts(ctx, who{credential: i.Credential}, batch)
	if refused(err) == codeRegisterAgain {
		return answer, errors.Join(err, r.registrar.forgetCredential(i.Credential))
	}
	if err == nil && !answersAll(batch, answer.Receipts) {
		return answer, errWrongResults
	}
	return answer, err
}

var errWrongResults = errors.New("the answer's results are not those of the receipts that were sent")

// settle records which ends need not be reported again: those that the server accepted, and those that it never will. answers
// are those to the batch.
func (r *reporter) settle(batch []protocol.Receipt, answers []protocol.ReceiptAnswer) error {
	var ids []string
	for n, a := range answers {
		if batch[n].Event == push.ReceiptReceived {
			continue
		}
		if a.Status != push.ReceiptAccepted {
			r.log.Info("the server did not accept a receipt", "push", a.PushID, "status", a.Status)
		}
		ids = append(ids, a.PushID)
	}
	return r.dir.sent(ids)
}
