package push

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

// Reasons lists all reasons, ReasonNone first.
func Reasons() []Reason {
	return []Reason{
		ReasonNone, ReasonNoStrategy, ReasonNoToken, ReasonNoDevice, ReasonNoCredentials, ReasonBudget, ReasonRetry, ReasonQuota,
		ReasonCredentials, ReasonTopic, ReasonRefused, ReasonAckTimeout, ReasonSessionLost, ReasonNoResult, ReasonWake,
		ReasonTTL, ReasonOwnerChanged, ReasonUnregistered, ReasonDeviceLimit, ReasonNoSession, ReasonHandlerCrashed, ReasonTokenMoved,
	}
}
