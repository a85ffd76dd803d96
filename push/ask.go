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
	Counts map[State]int // of the deliveries that are made, or are scheduled
}

// Target is whom a dry run would reach: a device, or a user without one (Device is its zero value).
type Target struct {
	User   string
	Device Device
}
