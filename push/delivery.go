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
	WakeUntil  time.Time // the end of the lease of the wake in flight that is for it; zero: there is none, or it is answered
	Late       []Result  // the results of handlers that returned after it had become final, each once

	Row Row // where the store has it

	// Payload is there where the question asks for it; PayloadBytes always tells how long it is.
	Payload      []byte
	PayloadBytes int
	Events       []Event // where the question asks for it
}

// Row is where the store has a delivery: its own affair, which others hand back with the delivery.
type Row struct {
	Push    int64 // the number of its push
	Holder  int64 // that of its device; below 0 for a user without one
	Counted bool  // beside the push it stands how many of its deliveries are in which state
	Was     State // the state that the row has
}

// DeliveryKey names a delivery among those of its push.
type DeliveryKey struct {
	Device string // "" for a user without one
	User   string
}

// Path is the way on which a push reached the app.
type Path string

// The paths.
const (
	PathSession Path = "session"
	PathAPNs    Path = "apns"
	PathFCM     Path = "fcm"
	PathInbox   Path = "inbox"
)

// Paths lists the ways on which a push reaches an app.
func Paths() []Path { return []Path{PathSession, PathAPNs, PathFCM, PathInbox} }

// Change takes one delivery to a new standing and adds events to its timeline. It is made by the methods of Delivery, so
// that no impossible change exists.
type Change struct {
	Delivery Delivery // as it is to be
	Events   []Event  // to be added, oldest first
}

// To is the change of d to state next, for a reason, at a time. A change that the table of states does not know is no
// change: the delivery is returned as it is, without an event.
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

// WithoutDevice is the change of d, just made for a user who has no device: it waits for the first one that registers,
// unless it is for those that are there now.
func (d Delivery) WithoutDevice(now time.Time) Change {
	switch {
	case d.Deliver == SessionOnly:
		return d.To(now, Undeliverable, ReasonNoSession)
	case d.NowOrNever:
		return d.To(now, Expired, ReasonNoDevice)
	}
	return d.To(now, Waiting, ReasonNoDevice)
}

// SentBy is the change of d to Sent on a path, to be looked at again at due (zero: only when something happens). It is an
// event each time, also from one path to another.
func (d Delivery) SentBy(now time.Time, path Path, due time.Time) Change {
	if !d.State.MayFollow(Sent) {
		return Change{Delivery: d}
	}
	d.State, d.Reason, d.Path, d.DueAt = Sent, ReasonNone, path, due
	return Change{Delivery: d, Events: []Event{{At: now, Event: EventName(Sent), Path: path}}}
}
