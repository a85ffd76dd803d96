package push

import (
	"slices"
	"time"
)

// EventName is a state's name, or one of the names below.
type EventName string

// The events that are no states.
const (
	EventWakeSent     EventName = "wake_sent"     // a wake that carries or announces the push is on its way
	EventWakeAnswered EventName = "wake_answered" // what the provider answered to it
	EventWakeFailed   EventName = "wake_failed"   // nobody answered it, or somebody who is not the provider
	EventTokenDropped EventName = "token_dropped" // the device's provider token is used no more
	EventHandledLate  EventName = "handled_late"  // a handler returned after the delivery had become final; once per result
	EventLeftOut      EventName = "left_out"      // stands for the Count events that a full timeline did not keep
)

// MaxEvents bounds a delivery's timeline: what repeats (retries, wakes, sessions that come and go) is kept up to here, and
// then only counted. What comes once is kept always: the final state and handled_late.
const MaxEvents = 200

// comesOnce reports whether a timeline can have the event only once, however long the delivery lives.
func (e Event) comesOnce() bool {
	return e.Event == EventHandledLate || State(e.Event).known() && State(e.Event).Final()
}

// Keep returns those of the events that a timeline that has kept so many already takes, and how many it leaves out. Where it takes
// all, it returns events itself.
func Keep(kept int, events []Event) (keep []Event, leftOut int) {
	if kept+len(events) <= MaxEvents {
		return events, 0
	}
	for _, e := range events {
		switch {
		case e.comesOnce():
			keep = append(keep, e)
		case kept < MaxEvents:
			kept++
			keep = append(keep, e)
		default:
			leftOut++
		}
	}
	return keep, leftOut
}

// WithLeftOut puts the event that counts what was left out, the last time at at, into a timeline.
func WithLeftOut(timeline []Event, count int, at time.Time) []Event {
	if count == 0 {
		return timeline
	}
	i := len(timeline)
	for i > 0 && timeline[i-1].At.After(at) {
		i--
	}
	return slices.Insert(timeline, i, Event{At: at, Event: EventLeftOut, Count: count})
}

// Event is one line of a delivery's timeline.
type Event struct {
	At             time.Time
	Event          EventName
	Reason         Reason
	Path           Path
	Result         Result
	Took           string // a handler's time, as Go writes durations
	WakeID         ID
	Provider       Provider
	Status         int    // HTTP, of whoever answered; 0: no answer
	ProviderReason string // as the provider spells it
	ProviderID     string // the provider's own id of the request
	Attempt        int    // of the wake, from 1
	Unclear        bool   // the provider may have taken it all the same
	Fault          Fault
	Error          Failure // of wake_failed
	Detail         string  // for people: the provider's own text, or what lies below Error
	Count          int     // of left_out and missed: how many events
}

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
	Kept       int       // events that its timeline has kept of those that may repeat; see Keep
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
