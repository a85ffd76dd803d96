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

// reporter tells the server what became of the pushes, over the session if one is open and not in doubt, else by HTTP. The
// ends that are to be told are on disk (dir), what was received in the outbox.
type reporter struct {
	*shared
	registrar *registrar
	inbox     *inbox
	outbox    outbox

	more     chan struct{} // capacity 1; there is something to tell
	progress atomic.Bool   // a push came to its end since the inbox was last read
	sending  turnstile     // held for one delivery of receipts, so that answers come in order; taken before mu

	mu      sync.Mutex
	session *session // guarded by mu; the open one; nil: none
}

func newReporter(s *shared, registrar *registrar, in *inbox) *reporter {
	return &reporter{shared: s, registrar: registrar, inbox: in, more: make(chan struct{}, 1), sending: make(turnstile, 1)}
}

// signal has run look for something to tell. It never waits.
func (r *reporter) signal() {
	select {
	case r.more <- struct{}{}:
	default:
	}
}

// received reports that the device has a push.
func (r *reporter) received(receipt protocol.Receipt) {
	r.outbox.add(receipt)
	r.signal()
}

// ended reports that a push came to its end, which is on disk.
func (r *reporter) ended() {
	r.progress.Store(true)
	r.signal()
}

// use has receipts go over a session from now on; nil: over none.
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

// run tells the server whatever is new, and keeps trying, until the client closes. When the server says that more is open
// and nothing is left to run in the foreground, it fetches the next page of the inbox.
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
			r.log.Debug("receipts or the inbox wait", "try", try, "error", err)
			retry = time.After(backoff(try, jitter()))
			continue
		}
		try = 0
	}
}

// round tells the server what is new, and then fetches from the inbox if that may have more. open is how many deliveries are
// open, as the last answer had it.
func (r *reporter) round(ctx context.Context, open *int) error {
	// Looked at before the flush, which then tells all ends that it stands for: the inbox must not bring them once more.
	progress := r.progress.Swap(false)
	told, err := r.flush(ctx)
	if told != unknown {
		*open = told
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

// flush tells the server all that it is still to be told, and returns how many deliveries are open; unknown if there was
// nothing to tell.
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

// batchOf returns what is sent at once: of a push that has ended, only the end.
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

// settle writes down which ends need not be told again: those accepted, and those that the server never will. answers are
// those of the batch.
func (r *reporter) settle(batch []protocol.Receipt, answers []protocol.ReceiptAnswer) error {
	var ids []string
	for n, a := range answers {
		if batch[n].Event == push.ReceiptReceived {
			continue
		}
		if a.Status != push.ReceiptAccepted {
			r.log.Info("the server has no use for a receipt", "push", a.PushID, "status", a.Status)
		}
		ids = append(ids, a.PushID)
	}
	return r.dir.sent(ids)
}
