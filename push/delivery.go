package push

import "time"

// Delivery is one push for one device: its state and what is needed to take it further.
type Delivery struct {
	PushID     ID
	App        string
	DeviceID   string // "" while the user has no device
	User       string
	ResourceID string
	State      State
	Reason     Reason
	Result     Result
	Path       Path
	Since      time.Time // when it was made: accepted, or its deliver_at; the inbox is sorted by it
	AcceptedAt time.Time // of its push
	ExpiresAt  time.Time
	NowOrNever bool      // its TTL is 0
	Deliver    Mode      // of its push
	DueAt      time.Time // when the state is to be looked at again (acknowledgement, result, wake again); zero: only when something happens
	Wakes      int       // wakes made for it that a provider took
	Unreturned int       // times that the handler began and did not return
	Generation int       // the owner generation of the device that it was made for
	FinalAt    time.Time
	EventsKept int       // of those that may repeat, how many its timeline has; see KeepEvents
	WakeUntil  time.Time // when the lease of the wake in flight for it ends; zero: there is none, or it is answered
	Late       []Result  // results of handlers that returned after it had become final, each once

	Row Row

	// Payload is set if it was asked for; PayloadBytes is always its length.
	Payload      []byte
	PayloadBytes int
	Events       []Event // set if they were asked for
}

// Row locates a delivery in the store. It is the store's own: others hand it back with the delivery.
type Row struct {
	Push    int64 // the number of its push
	Holder  int64 // that of its device; below 0 for a user without one
	Counted bool  // the push has a count of its deliveries by state
	Was     State // the state that the row has
}

// DeliveryKey names one delivery of a push.
type DeliveryKey struct {
	Device string // "" for a user without one
	User   string
}

// Path is the way by which a push reached the app.
type Path string

// The paths.
const (
	PathSession Path = "session"
	PathAPNs    Path = "apns"
	PathFCM     Path = "fcm"
	PathInbox   Path = "inbox"
)

// Paths lists the ways by which a push reaches an app.
func Paths() []Path { return []Path{PathSession, PathAPNs, PathFCM, PathInbox} }

// Change takes one delivery to a new state and adds events to its timeline. Only Delivery's methods make one, so that no
// impossible change exists.
type Change struct {
	Delivery Delivery // as it is to be
	Events   []Event  // to be added, oldest first
}

// To returns the change of d to state next, for a reason, at now. A change that the table of states does not allow is no
// change: d is returned as it is, without an event.
func (d Delivery) To(now time.Time, next State, why Reason) Change {
	if !d.State.MayFollow(next) {
		return Change{Delivery: d}
	}
	if d.State == next && d.Reason == why {
		return Change{Delivery: d}
	}
	d.State, d.Reason = next, why
	d.DueAt = time.Time{}
	if next.Final() {
		d.FinalAt = now
	}
	return Change{Delivery: d, Events: []Event{{At: now, Event: EventName(next), Reason: why}}}
}

// WithoutDevice returns the change of d, just made for a user without a device: it waits for the first one that registers,
// unless it is only for devices that are there now.
func (d Delivery) WithoutDevice(now time.Time) Change {
	switch {
	case d.Deliver == SessionOnly:
		return d.To(now, Undeliverable, ReasonNoSession)
	case d.NowOrNever:
		return d.To(now, Expired, ReasonNoDevice)
	}
	return d.To(now, Waiting, ReasonNoDevice)
}

// SentBy returns the change of d to Sent on a path, to be looked at again at due (zero: only when something happens). Each call
// is an event, also from one path to another.
func (d Delivery) SentBy(now time.Time, path Path, due time.Time) Change {
	if !d.State.MayFollow(Sent) {
		return Change{Delivery: d}
	}
	d.State, d.Reason, d.Path, d.DueAt = Sent, ReasonNone, path, due
	return Change{Delivery: d, Events: []Event{{At: now, Event: EventName(Sent), Path: path}}}
}
