package push

import "time"

// Fault says whose fault a provider's refusal is. Delivery branches on it, never on a provider's strings.
type Fault string

// The faults.
const (
	FaultToken       Fault = "token"       // the token is dead
	FaultSuspect     Fault = "suspect"     // the token is wrong, or our credential or environment is
	FaultCredentials Fault = "credentials" // ours are wrong, missing or too old; the device is fine
	FaultPush        Fault = "push"        // this request can never be taken
	FaultPace        Fault = "pace"        // too much for this device
	FaultQuota       Fault = "quota"       // too much for the whole app
	FaultProvider    Fault = "provider"    // the provider's own
)

// Faults lists whose fault a provider's refusal can be.
func Faults() []Fault {
	return []Fault{FaultToken, FaultSuspect, FaultCredentials, FaultPush, FaultPace, FaultQuota, FaultProvider}
}

// Reach says how much of an app's traffic through a provider a refusal of our credentials affects.
type Reach string

// The reaches. None exceeds the environment that the wake went to: a key may be valid for one of the two only.
const (
	ReachEnvironment Reach = ""       // all of the app's devices in it
	ReachTopic       Reach = "topic"  // those with the same bundle id
	ReachDevice      Reach = "device" // this one
)

// WakeError is a provider's refusal, or the lack of an answer, in terms that delivery can act on.
type WakeError struct {
	Fault      Fault
	Reach      Reach         // of FaultCredentials
	Reason     string        // as the provider spells it, such as "Unregistered"
	RetryAfter time.Duration // when to try again: what Retry-After asked for, else the fact sheets' wait; 0: at once, if at all
	DeadSince  time.Time     // of FaultToken, where the provider says since when (APNs 410)
	Unclear    bool          // the provider may have taken it all the same
	Err        error         // what lies below, for Unwrap; it carries no secret
}

// Error names the fault and the reason.
func (e *WakeError) Error() string {
	s := "wake refused: " + string(e.Fault)
	if e.Reason != "" {
		s += ": " + e.Reason
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the error below.
func (e *WakeError) Unwrap() error { return e.Err }
