package sdk

import (
	"sync"

	"github.com/hushpush/hush/protocol"
)

// outbox is what the server is still to be told and what is in memory only: that pushes were received. It makes the timeline
// truer, and nothing is lost with it. Ends are on disk until the server has accepted them.
type outbox struct {
	mu       sync.Mutex
	received []protocol.Receipt // guarded by mu; at most protocol.MaxReceipts
}

// add takes a receipt in. When too many wait, the oldest is forgotten.
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
