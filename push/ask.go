package push

import "time"

// What delivery and api ask of the store, in types that both sides know.

// AcceptRequest is one push to be made durable.
type AcceptRequest struct {
	Push        Push
	Idempotency *Idempotency // nil: a repeated request makes a second push
}

// StepRequest says which device to look at, and how much of it to read.
type StepRequest struct {
	Key       DeviceKey
	OpenLimit int    // how many open deliveries, oldest first; 0: none, only their number
	Named     []ID   // deliveries to be read whatever their state
	NamedOf   string // whose they are; "": the device's owner's
}

// PushRef names a push.
type PushRef struct {
	App string
	ID  ID
}

// Standing is where a push stands as a whole.
type Standing struct {
	Final     bool // all its deliveries are made and final
	Expanded  bool // all its deliveries are made
	ExpiresAt time.Time

	CancelledEarly bool // it was cancelled before all its deliveries were made; the rest of a list is made cancelled
}

// Warnings returns what the sender should know of a push once it is clear that nobody gets it, by how it stands and how many
// deliveries it has in which state.
func (p Push) Warnings(s Standing, counts map[State]int) []Warning {
	deliveries := 0
	for _, n := range counts {
		deliveries += n
	}
	switch {
	case s.CancelledEarly && (deliveries == 0 || !p.To.Deferred()): // those who are named are counted without a delivery
		return []Warning{{Code: CancelledBeforeItBegan}}
	case !s.Expanded || deliveries > 0:
		return nil
	case p.To.Tags != nil:
		return []Warning{{Code: NobodyHasTheTags}}
	case p.To.All:
		return []Warning{{Code: NoDevices}}
	}
	return []Warning{{Code: DevicesGone}}
}

// PushFilter chooses pushes of an app. Its zero value chooses all.
type PushFilter struct {
	State    State     // of any delivery; with User, of any delivery of that user
	Resource string    // the resource's id
	User     string    // whom a delivery is for, or will be
	After    time.Time // accepted at that time or later
	Before   time.Time // accepted before that time
}

// Listed is a push in a list of them.
type Listed struct {
	ID         ID
	ResourceID string
	AcceptedAt time.Time
	DeliverAt  time.Time // zero: at once
	Standing
	Counts   map[State]int // of the deliveries that are made, or are scheduled
	Warnings []Warning     // why nobody gets it
}

// Target is whom a dry run would reach: a device, or a user without one (Device is its zero value).
type Target struct {
	User   string
	Device Device
}
