package push

import "time"

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
