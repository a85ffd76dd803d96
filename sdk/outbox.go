package sdk

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// outbox is what the server is still to be told. That a push was received is in memory only: it makes the timeline truer,
// and nothing is lost with it. Ends are on disk until the server has accepted them.
type outbox struct {
	sending turnstile // held for one delivery of receipts, so that answers come in order

	mu    sync.Mutex
	fresh []protocol.Receipt // guarded by mu; "received", at most protocol.MaxReceipts
	more  chan struct{}      // capacity 1
}

func (o *outbox) init() { o.sending, o.more = make(turnstile, 1), make(chan struct{}, 1) }

func (o *outbox) signal() {
	select {
	case o.more <- struct{}{}:
	default:
	}
}

// received notes that the device has a push. When too many wait, the oldest is forgotten.
func (o *outbox) received(r protocol.Receipt) {
	o.mu.Lock()
	if len(o.fresh) >= protocol.MaxReceipts {
		o.fresh = o.fresh[1:]
	}
	o.fresh = append(o.fresh, r)
	o.mu.Unlock()
	o.signal()
}

// take empties the outbox of what is in memory.
func (o *outbox) take() []protocol.Receipt {
	o.mu.Lock()
	defer o.mu.Unlock()
	fresh := o.fresh
	o.fresh = nil
	return fresh
}

// unknown is how many deliveries are open where no answer has said.
const unknown = -1

// sendReceipts sends what is in the outbox whenever something is new, and keeps trying, until the client closes.
func (c *Client) sendReceipts() {
	defer c.goes.Done()
	try, open := 0, unknown // open: as the last answer had it
	var retry <-chan time.Time
	for {
		select {
		case <-c.outbox.more:
		case <-retry:
		case <-c.base.Done():
			return
		}
		retry = nil
		// Looked at before the flush, which then tells all ends that it stands for: the inbox must not bring them once more.
		progress := c.progress.Swap(false)
		told, err := c.flush(c.base)
		if told != unknown {
			open = told
		}
		catchUp := err == nil && open > 0 && progress && c.inForeground() && c.queue.idle()
		if progress && !catchUp && (err != nil || open != 0) {
			c.progress.Store(true)
		}
		if catchUp { // without progress since the last look, the inbox would say the same again
			if err = c.catchUpQueued(c.base); err != nil {
				c.progress.Store(true)
			}
		}
		switch {
		case errors.Is(err, errNoCredential) || refused(err) == codeRegisterAgain:
			continue // the next registration signals
		case err != nil:
			try++
			c.log.Debug("receipts or the inbox wait", "try", try, "error", err)
			retry = time.After(backoff(try, jitter()))
			continue
		}
		try = 0
	}
}

var errNoCredential = errors.New("the device is not registered")

// flush tells the server all that it is still to be told, and returns how many deliveries are open; unknown if there was
// nothing to tell.
func (c *Client) flush(ctx context.Context) (open int, err error) {
	open = unknown
	if !c.outbox.sending.within(ctx) {
		return open, context.Cause(ctx)
	}
	defer c.outbox.sending.Unlock()
	for {
		ends, err := c.dir.unsent(protocol.MaxReceipts)
		if err != nil {
			return open, err
		}
		fresh := c.outbox.take()
		// Of a push that has ended, only the end is of interest.
		batch := slices.DeleteFunc(fresh, func(r protocol.Receipt) bool {
			return slices.ContainsFunc(ends, func(e protocol.Receipt) bool { return e.PushID == r.PushID })
		})
		batch = append(batch, ends...)
		batch = batch[:min(len(batch), protocol.MaxReceipts)]
		if len(batch) == 0 {
			return open, nil
		}
		answer, err := c.tell(ctx, batch)
		if err != nil {
			return open, err
		}
		open = answer.Open
		if err := c.settle(batch, answer.Receipts); err != nil {
			return open, err
		}
		if len(ends) < protocol.MaxReceipts {
			return open, nil
		}
	}
}

// tell sends one batch: over the session if it is open and not in doubt, else by HTTP.
func (c *Client) tell(ctx context.Context, batch []protocol.Receipt) (protocol.ReceiptsAnswer, error) {
	c.mu.Lock()
	l := c.link
	c.mu.Unlock()
	if l != nil && !l.life.doubtful() {
		answer, err := l.tell(ctx, batch)
		if err == nil && answersAll(batch, answer.Receipts) {
			return answer, nil
		}
	}
	s, err := c.dir.self()
	if err != nil {
		return protocol.ReceiptsAnswer{}, err
	}
	if s.Credential == "" {
		return protocol.ReceiptsAnswer{}, errNoCredential
	}
	answer, err := c.calls.receipts(ctx, who{credential: s.Credential}, batch)
	if refused(err) == codeRegisterAgain {
		return answer, errors.Join(err, c.voidCredential(s.Credential))
	}
	if err == nil && !answersAll(batch, answer.Receipts) {
		return answer, errWrongResults
	}
	return answer, err
}

var errWrongResults = errors.New("the answer's results are not those of the receipts that were sent")

// settle writes down which ends need not be told again: those accepted, and those that the server never will. answers are
// those of the batch.
func (c *Client) settle(batch []protocol.Receipt, answers []protocol.ReceiptAnswer) error {
	var ids []string
	for i, a := range answers {
		if batch[i].Event == push.ReceiptReceived {
			continue
		}
		if a.Status != push.ReceiptAccepted {
			c.log.Info("the server has no use for a receipt", "push", a.PushID, "status", a.Status)
		}
		ids = append(ids, a.PushID)
	}
	return c.dir.sent(ids)
}
