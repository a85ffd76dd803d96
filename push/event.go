package push

import (
	"slices"
	"time"
)

// EventName is a state's name, or one of the names below.
type EventName string

// The events that are not states.
const (
	EventWakeSent     EventName = "wake_sent"     // a wake that carries or announces the push is on its way
	EventWakeAnswered EventName = "wake_answered" // what the provider answered to it
	EventWakeFailed   EventName = "wake_failed"   // nobody answered it, or somebody who is not the provider
	EventTokenDropped EventName = "token_dropped" // the device's provider token is used no more
	EventHandledLate  EventName = "handled_late"  // a handler returned after the delivery had become final; once per result
	EventLeftOut      EventName = "left_out"      // stands for the Count events that a full timeline did not keep
)

// EventNames lists the events: the states, the others of a timeline, and those that only followers of an app are told.
func EventNames() []EventName {
	var names []EventName
	for _, s := range States() {
		names = append(names, EventName(s))
	}
	return append(names, EventWakeSent, EventWakeAnswered, EventWakeFailed, EventTokenDropped, EventHandledLate, EventLeftOut,
		EventAccepted, EventNobody, EventBegan, EventMissed)
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

// MaxEvents bounds a delivery's timeline: events that repeat (retries, wakes, sessions that come and go) are kept up to here,
// and then only counted. Events that come once are always kept: the final state, and handled_late.
const MaxEvents = 200

// comesOnce reports whether a timeline can have the event only once, however long the delivery lives.
func (e Event) comesOnce() bool {
	return e.Event == EventHandledLate || State(e.Event).known() && State(e.Event).Final()
}

// KeepEvents returns those of the events that go onto a timeline which has kept some already, and how many are left out. If all
// go, it returns events itself.
func KeepEvents(kept int, events []Event) (keep []Event, leftOut int) {
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

// WithLeftOut inserts into a timeline the event that counts what was left out, the last of it at a given time.
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
