package push

import "time"

// WakeState says where the wake of a device stands.
type WakeState string

// The states of a wake.
const (
	WakeNone    WakeState = ""        // there is none
	WakeSending WakeState = "sending" // counted and committed; the request may have left. DueAt is the end of its lease
	WakeRetry   WakeState = "retry"   // refused or unclear; the same id goes out again at DueAt
	WakeSuspect WakeState = "suspect" // refused in a way that may be the fault of the token or of our credentials; decided at DueAt
)

// Wake is one request to a provider to start the app's handler on one device. It belongs to the device, not to a push. At most
// one is in flight per device, with one id through all its tries.
type Wake struct {
	ID         ID
	State      WakeState
	Provider   Provider
	Attempt    int       // tries so far, from 1
	DueAt      time.Time // see WakeState
	ExpiresAt  time.Time // until when the provider may store it; zero: not at all (now or never)
	Generation int       // the owner generation it is made for
	TokenGen   int       // the token generation it is sent to
	Priority   Priority  // FCM's
	Reason     Reason    // of WakeRetry
	Refusal    string    // of WakeSuspect: the provider's reason
	// RefusalStatus is the HTTP status of that refusal.
	RefusalStatus  int
	Pushes         []ID // the deliveries that it is for, oldest first, by which its answer finds them
	MaybeDelivered []ID // now or never, and maybe delivered by an earlier try, whose answer was unclear or never came

	// EndsAt is when the last delivery that it is for ends, also where the provider must not store it: the app drops what
	// comes later. It is not stored.
	EndsAt time.Time

	// Items is what the request carries, oldest first: as many as fit the provider's limit. It is not stored.
	Items []Item

	// Key is what the request is sealed with. It is not stored.
	Key WakeKey
}

// Answer is the outcome of a wake: the provider's answer, or why none came.
type Answer struct {
	Provider   Provider
	Status     int     // HTTP; 0: none came
	Reason     string  // as the provider spells it; "" when it took the request
	ProviderID string  // apns-id, or FCM's message name
	Error      Failure // FailureNone: the provider answered, or its token endpoint did
	Detail     string  // for people: the provider's own text, or what lies below Error; at most MaxDetailBytes, without secrets

	// Mended are refusals of our credentials that were mended and the request sent again at once, oldest first: an expired
	// provider or access token.
	Mended []Answer
}

// MaxDetailBytes bounds Answer.Detail.
const MaxDetailBytes = 400
