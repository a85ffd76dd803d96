package sdk

import (
	"sync"

	"github.com/hushpush/hush/protocol"
)

// outbox holds the receipts for pushes that were received, in memory only: they make the timeline truer, and nothing is lost
// with them. Receipts for pushes that have ended are on disk until the server has accepted them.
type outbox struct {
	mu       sync.Mutex
	received []protocol.Receipt // guarded by mu; at most protocol.MaxReceipts
}

// add adds a receipt. When too many wait, the oldest is forgotten.
func (o *outbox) add(r protocol.Receipt) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.received) >= protocol.MaxReceipts {
		o.received = o.received[1:]
	}
	o.received = append(o.received, r)
}

// drain returns what is in the outbox, and empties it.
func (o *outbox) drain() []protocol.Receipt {
	o.mu.Lock()
	defer o.mu.Unlock()
	received := o.received
	o.received = nil
	return received
}
