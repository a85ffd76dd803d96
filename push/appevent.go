package push

// The events that followers of an app are told in addition to those of timelines.
const (
	EventAccepted EventName = "accepted" // a push was accepted; of the push, not of a delivery
	EventNobody   EventName = "nobody"   // the push's time has come, and there was nobody to deliver it to; of the push
	EventBegan    EventName = "began"    // what is committed from now on is told
	EventMissed   EventName = "missed"   // Count events of the app were not told: they came faster than the follower read
)

// AppEvent is one event of an app, as its followers are told: of a delivery's timeline, or of a push as a whole, which has
// neither device nor user. The events began and missed belong to neither.
type AppEvent struct {
	PushID     ID
	ResourceID string
	DeviceID   string // "" while the user has no device, and of the push as a whole
	User       string
	State      State // where the delivery stands with the event
	Event
}

// AppEvents returns events of the delivery as followers of its app are told. The delivery is as it stands after the last of
// them.
func (d Delivery) AppEvents(events []Event) []AppEvent {
	list := make([]AppEvent, len(events))
	for i, e := range events {
		list[i] = AppEvent{PushID: d.PushID, ResourceID: d.ResourceID, DeviceID: d.DeviceID, User: d.User, State: d.State, Event: e}
		if state := State(e.Event); state.known() {
			list[i].State = state
		}
	}
	return list
}

// AppEvent returns an event of the push as a whole; state is where its deliveries will stand, or would have stood.
func (p Push) AppEvent(state State, e Event) AppEvent {
	return AppEvent{PushID: p.ID, ResourceID: p.ResourceID, State: state, Event: e}
}
