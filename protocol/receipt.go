package protocol

import (
	"time"

	"github.com/hushpush/hush/push"
)

// MaxTook bounds the time that a handler is said to have run. A phone's clock may leap either way, and no receipt should be
// lost over it.
const MaxTook = 24 * time.Hour

// Parse reads a receipt's values. False: one of them is wrong, and the receipt's status is invalid. Parse does not ask whether
// the push exists: an id that no push can have is not wrong, its push is gone.
func (r Receipt) Parse() (push.Receipt, bool) {
	out := push.Receipt{PushID: push.ID(r.PushID), Event: r.Event, Result: r.Result, Path: r.Path}
	switch r.Event {
	case push.ReceiptHandled:
		if r.Result != push.NewData && r.Result != push.NoData && r.Result != push.Failed {
			return out, false
		}
	case push.ReceiptReceived, push.ReceiptCrashed:
		if r.Result != "" {
			return out, false
		}
	default:
		return out, false
	}
	switch r.Path {
	case push.PathSession, push.PathAPNs, push.PathFCM, push.PathInbox:
	default:
		return out, false
	}
	var err error
	if r.At != "" {
		if out.At, err = time.Parse(time.RFC3339Nano, r.At); err != nil {
			return out, false
		}
		out.At = out.At.UTC()
	}
	if r.Took != "" {
		if out.Took, err = time.ParseDuration(r.Took); err != nil {
			return out, false
		}
		out.Took = min(max(out.Took, 0), MaxTook)
	}
	return out, true
}
