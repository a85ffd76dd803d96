package push

import (
	"slices"
	"time"
)

// Receipt is a device's report of what happened to one push.
type Receipt struct {
	PushID ID
	Event  ReceiptEvent
	Result Result // of ReceiptHandled
	Path   Path
	At     time.Time     // by the phone's clock, which may be wrong; nothing is decided by it
	Took   time.Duration // the handler's time
}

// ReceiptEvent is what a device reports.
type ReceiptEvent string

// The events of receipts.
const (
	ReceiptReceived ReceiptEvent = "received" // the device has it
	ReceiptHandled  ReceiptEvent = "handled"  // the handler returned, with a result
	ReceiptCrashed  ReceiptEvent = "crashed"  // the handler did not return three times in a row
)

// ReceiptEvents lists what a device can report.
func ReceiptEvents() []ReceiptEvent {
	return []ReceiptEvent{ReceiptReceived, ReceiptHandled, ReceiptCrashed}
}

// Result is what the app's handler returned.
type Result string

// The results, as Apple names them (UIBackgroundFetchResult).
const (
	NewData Result = "new_data"
	NoData  Result = "no_data"
	Failed  Result = "failed"
)

// Results lists what a handler can return.
func Results() []Result { return []Result{NewData, NoData, Failed} }

// ReceiptStatus is what became of a receipt.
type ReceiptStatus string

// The statuses.
const (
	ReceiptAccepted ReceiptStatus = "accepted" // also when late or repeated
	ReceiptGone     ReceiptStatus = "gone"     // the push is unknown, or another device's: the SDK forgets it
	ReceiptInvalid  ReceiptStatus = "invalid"  // a value in it is wrong; sending it again does not help
)

// ReceiptStatuses lists what can become of a receipt.
func ReceiptStatuses() []ReceiptStatus {
	return []ReceiptStatus{ReceiptAccepted, ReceiptGone, ReceiptInvalid}
}

// resultGrace is added to the time allowed before a delivery without a result is looked at again: a handler that uses all its
// time still has to get its receipt through.
const resultGrace = 2 * time.Second

// Receive returns the change that a receipt makes to a delivery on a device of the platform. A final delivery stays as it is.
// That its handler ran all the same is recorded once for each result, since a device may repeat its receipts as often as it
// likes.
func (d Delivery) Receive(now time.Time, platform Platform, r Receipt) Change {
	if d.State.Final() {
		if r.Event != ReceiptHandled || d.State == Handled || slices.Contains(d.Late, r.Result) {
			return Change{Delivery: d}
		}
		d.Late = append(slices.Clone(d.Late), r.Result)
		return Change{Delivery: d, Events: []Event{{
			At: now, Event: EventHandledLate, Path: r.Path, Result: r.Result, Took: took(r.Took),
		}}}
	}
	var c Change
	switch r.Event {
	case ReceiptReceived:
		if d.State == Received {
			return Change{Delivery: d}
		}
		c = d.To(now, Received, ReasonNone)
		c.Delivery.DueAt = now.Add(platform.TimeAllowed() + resultGrace)
	case ReceiptHandled:
		c = d.To(now, Handled, ReasonNone)
		c.Delivery.Result = r.Result
	case ReceiptCrashed:
		c = d.To(now, Undeliverable, ReasonHandlerCrashed)
	}
	c.Delivery.Path = r.Path
	for i := range c.Events {
		c.Events[i].Path, c.Events[i].Result, c.Events[i].Took = r.Path, c.Delivery.Result, took(r.Took)
	}
	return c
}

func took(d time.Duration) string {
	if d <= 0 {
		return ""
	}
	return d.Round(time.Millisecond).String()
}
