package protocol

import (
	"encoding/json"
	"time"

	"github.com/hushpush/hush/push"
)

// Event is one line of a delivery's timeline.
type Event struct {
	At             time.Time      `json:"at"`
	Event          push.EventName `json:"event"`
	Reason         push.Reason    `json:"reason"`
	Path           push.Path      `json:"path,omitempty"`
	Result         push.Result    `json:"result,omitempty"`
	Took           string         `json:"took,omitempty"` // a handler's time, as Go writes durations
	WakeID         push.ID        `json:"wake_id,omitempty"`
	Provider       push.Provider  `json:"provider,omitempty"`
	Status         int            `json:"status,omitempty"`          // HTTP, of whoever answered; 0: no answer
	ProviderReason string         `json:"provider_reason,omitempty"` // as the provider spells it
	ProviderID     string         `json:"provider_id,omitempty"`     // the provider's own id of the request
	Attempt        int            `json:"attempt,omitempty"`         // of the wake, from 1
	Unclear        bool           `json:"unclear,omitempty"`         // the provider may have taken it all the same
	Fault          push.Fault     `json:"fault,omitempty"`
	Error          push.Failure   `json:"error,omitempty"`  // of wake_failed
	Detail         string         `json:"detail,omitempty"` // for people: the provider's own text, or what lies below Error
	Count          int            `json:"count,omitempty"`  // of left_out and missed: how many events
}

// NewEvent returns an event as the API shows it.
func NewEvent(e push.Event) Event { return Event(e) }

// MarshalJSON leaves out what has no value. A provider's answer has all its parts, since the lack of a reason says something
// too.
func (e Event) MarshalJSON() ([]byte, error) {
	type plain Event
	if e.Event != push.EventWakeAnswered {
		return json.Marshal(plain(e))
	}
	return json.Marshal(struct {
		plain
		Status         int    `json:"status"`
		ProviderReason string `json:"provider_reason"`
		ProviderID     string `json:"provider_id"`
	}{plain(e), e.Status, e.ProviderReason, e.ProviderID})
}

// AppEvent is one event of an app, as its followers are told: of a delivery's timeline, or of a push as a whole, which has
// neither device nor user. The events began and missed belong to neither.
type AppEvent struct {
	PushID     push.ID    `json:"push_id,omitempty"`
	ResourceID string     `json:"resource_id,omitempty"`
	DeviceID   string     `json:"device_id,omitempty" doc:"left out while the user has no device, and for the push as a whole"`
	User       string     `json:"user,omitempty"`
	State      push.State `json:"state,omitempty" doc:"the delivery's state after the event"`
	Event
}

// NewAppEvent returns an event of an app as its followers are told.
func NewAppEvent(e push.AppEvent) AppEvent {
	return AppEvent{PushID: e.PushID, ResourceID: e.ResourceID, DeviceID: e.DeviceID, User: e.User, State: e.State, Event: Event(e.Event)}
}

// MarshalJSON writes one object, with the event's members beside the others.
func (e AppEvent) MarshalJSON() ([]byte, error) {
	type of struct {
		PushID     push.ID    `json:"push_id,omitempty"`
		ResourceID string     `json:"resource_id,omitempty"`
		DeviceID   string     `json:"device_id,omitempty"`
		User       string     `json:"user,omitempty"`
		State      push.State `json:"state,omitempty"`
	}
	head, err := json.Marshal(of{e.PushID, e.ResourceID, e.DeviceID, e.User, e.State})
	if err != nil {
		return nil, err
	}
	event, err := json.Marshal(e.Event)
	if err != nil || len(head) == len("{}") {
		return event, err
	}
	return append(append(head[:len(head)-1], ','), event[1:]...), nil
}
