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

// Target is whom a dry run would reach: a device, or a user without one (Device is its zero value).
type Target struct {
	User   string
	Device Device
}
