package push

import (
	"slices"
	"strings"
)

// State is where a delivery stands. Handled, Expired, Cancelled, Superseded and Undeliverable are final.
type State string

// The states, with who sets them. What may follow what is the table below.
const (
	Scheduled     State = "scheduled"     // its time has not come; set by accept, with deliver_at
	Waiting       State = "waiting"       // nothing is under way; set by accept, decide and time-outs. The reason says what it waits for
	Sent          State = "sent"          // given to a session, or carried by a wake that the provider took
	Received      State = "received"      // the device has it, its handler has not returned; set by a receipt
	Handled       State = "handled"       // the handler returned; set by a receipt
	Expired       State = "expired"       // its TTL ran out; set when due
	Cancelled     State = "cancelled"     // by the sender
	Superseded    State = "superseded"    // by a newer push with the same collapse key; set by accept
	Undeliverable State = "undeliverable" // never possible; set by whoever finds out, with the reason
)

// follows holds every change of state that is possible. Final states have no entry: the first one committed stays.
var follows = map[State][]State{
	Scheduled: {Waiting, Expired, Cancelled, Superseded, Undeliverable},
	Waiting:   {Waiting, Sent, Received, Handled, Expired, Cancelled, Superseded, Undeliverable},
	Sent:      {Waiting, Sent, Received, Handled, Expired, Cancelled, Superseded, Undeliverable},
	Received:  {Waiting, Received, Handled, Expired, Cancelled, Superseded, Undeliverable},
}

// States lists all states, open ones first.
func States() []State {
	return []State{Scheduled, Waiting, Sent, Received, Handled, Expired, Cancelled, Superseded, Undeliverable}
}

// known reports whether the state is one of ours.
func (s State) known() bool { return slices.Contains(States(), s) }

// ParseState reads a state's name; false: it is none.
func ParseState(name string) (State, bool) {
	s := State(name)
	return s, s.known()
}

// StateNames is all states in one line, for people.
func StateNames() string {
	names := make([]string, 0, len(States()))
	for _, s := range States() {
		names = append(names, string(s))
	}
	return strings.Join(names, ", ")
}

// Final tells whether nothing can follow the state.
func (s State) Final() bool { return len(follows[s]) == 0 }

// MayFollow tells whether a delivery in state s may go to state next.
func (s State) MayFollow(next State) bool {
	for _, f := range follows[s] {
		if f == next {
			return true
		}
	}
	return false
}

// Reason says why a delivery is in its state. Logs, metrics and timelines use the same strings.
type Reason string

// The reasons of Waiting.
const (
	ReasonNone          Reason = ""
	ReasonNoStrategy    Reason = "no_strategy"       // the resource has none for the device's provider: session or inbox
	ReasonNoToken       Reason = "no_token"          // the device gave no provider token, or its token is dead: session or inbox
	ReasonNoDevice      Reason = "no_device"         // the user has no device yet; also of Expired, for TTL 0
	ReasonNoCredentials Reason = "no_credentials"    // the app has none stored for the provider
	ReasonBudget        Reason = "budget"            // no wake is left for the device now; also of Expired, for TTL 0
	ReasonRetry         Reason = "retry"             // the provider refused or did not answer clearly; the wake goes out again
	ReasonQuota         Reason = "quota"             // the provider holds all of the app's sends for a while
	ReasonCredentials   Reason = "credentials"       // the provider refuses the app's credentials, or most of its tokens alike
	ReasonTopic         Reason = "topic_not_allowed" // the app's APNs credential is for other bundle ids than the device's: session or inbox
	ReasonRefused       Reason = "refused"           // the provider will never take this wake: session or inbox
	ReasonAckTimeout    Reason = "ack_timeout"       // a session did not acknowledge in time
	ReasonSessionLost   Reason = "session_lost"      // the session went away before it took the push
	ReasonNoResult      Reason = "no_result"         // received, but the handler did not return within the platform's limit
	ReasonWake          Reason = "wake"              // the device's wake is on its way
)

// The reasons of final states.
const (
	ReasonTTL            Reason = "ttl"             // of Expired: the time to live ran out
	ReasonOwnerChanged   Reason = "owner_changed"   // of Undeliverable: the device belongs to someone else now
	ReasonUnregistered   Reason = "unregistered"    // of Undeliverable: the device was unregistered
	ReasonDeviceLimit    Reason = "device_limit"    // of Undeliverable: the device had to make room for another one of its user
	ReasonNoSession      Reason = "no_session"      // of Undeliverable: "deliver": "session", and no session took it
	ReasonHandlerCrashed Reason = "handler_crashed" // of Undeliverable: the handler did not return three times in a row
	ReasonTokenMoved     Reason = "token_moved"     // of the event token_dropped: the token turned up on another device
)

// Result is what the app's handler returned.
type Result string

// The results, as Apple names them (UIBackgroundFetchResult).
const (
	NewData Result = "new_data"
	NoData  Result = "no_data"
	Failed  Result = "failed"
)
