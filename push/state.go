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

// follows lists every possible change of state. Final states have no entry: the first one committed stays.
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

// known reports whether there is such a state.
func (s State) known() bool { return slices.Contains(States(), s) }

// ParseState reads a state's name; false if there is no such state.
func ParseState(name string) (State, bool) {
	s := State(name)
	return s, s.known()
}

// StateNames returns all states in one line, for people.
func StateNames() string {
	names := make([]string, 0, len(States()))
	for _, s := range States() {
		names = append(names, string(s))
	}
	return strings.Join(names, ", ")
}

// Final reports whether nothing can follow the state.
func (s State) Final() bool { return len(follows[s]) == 0 }

// MayFollow reports whether a delivery in state s may go to state next.
func (s State) MayFollow(next State) bool {
	for _, f := range follows[s] {
		if f == next {
			return true
		}
	}
	return false
}
