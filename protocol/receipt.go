package protocol

import (
	"time"

	"github.com/hushpush/hush/push"
)

// Parse reads a receipt's values; false: one of them is wrong, and the receipt's status is invalid. Whether there is such a
// push is not asked here.
func (r Receipt) Parse() (push.Receipt, bool) {
	out := push.Receipt{PushID: push.ID(r.PushID), Event: r.Event, Result: r.Result, Path: r.Path}
	if push.CheckID(r.PushID) != nil {
		return out, false
	}
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
	}
	if r.Took != "" {
		if out.Took, err = time.ParseDuration(r.Took); err != nil || out.Took < 0 {
			return out, false
		}
	}
	return out, true
}
