package push

import "time"

// DeviceKey names a device: ids are the app's own, so two apps may use the same one.
type DeviceKey struct {
	App    string
	Device string
}

// TokenState says whether a device can be woken by its provider.
type TokenState string

// The token states.
const (
	TokenOK      TokenState = "ok"
	TokenMissing TokenState = "missing" // none was given: session and inbox only
	TokenDead    TokenState = "dead"    // the provider said so; a new registration makes it ok again
)

// AppState is what the app last said of itself.
type AppState string

// The app states that an app can report.
const (
	AppForeground AppState = "foreground"
	AppBackground AppState = "background"
)

// Device is one app installation.
type Device struct {
	Number          int64 // the store's own; 0 for a device that has no row
	App             string
	ID              string
	User            string // its owner; "" once it is unregistered
	Platform        Platform
	BundleID        string      // iOS
	Environment     Environment // iOS; "" where there is no provider token
	Package         string      // Android
	ProviderToken   Secret
	Token           TokenState
	AppState        AppState
	Facts           map[string]any // what it reported of itself, such as os_version
	OwnerGeneration int            // raised when the owner changes; 1 for the first
	TokenGeneration int            // raised when the provider token changes; 1 for the first
	FormerTokens    [][]byte       // hashes of provider tokens that were replaced, oldest first; see TokenHash
	TokenAt         time.Time      // when the provider token was last registered; a 410 older than this does not count
	TokenLoss       TokenLoss      // how its last provider token was lost; its zero value while it has one, or had none
	CredentialHash  []byte         // SHA-256 of its credential; nil once void
	WakeKeyID       string         // its newest wake key, which a registration gives it
	WakeKeyAt       time.Time      // when that was made
	SealKeyID       string         // the wake key that its wakes are sealed with: the newest that it has named back, or its first
	CreatedAt       time.Time
	RegisteredAt    time.Time // when it last registered
	UpdatedAt       time.Time
	HeardAt         time.Time // about when it last called with its own credential, registered or was imported; see HeardLater

	Wake      Wake        // the wake in flight; its State is WakeNone if there is none
	WakeTimes []time.Time // when its wakes left, oldest first, as far back as any budget looks
	DueAt     time.Time   // when delivery is to look at the device again; zero: only when something happens
}

// TokenLoss is why a device's provider token is used no more.
type TokenLoss struct {
	At       time.Time
	Reason   Reason   // the provider's own, as it spells it, or ReasonTokenMoved
	Provider Provider // who refused it; "" if the token turned up on another device
	Status   int      // HTTP, of the refusal
	WakeID   ID       // the wake that was refused
	PushID   ID       // the oldest push that the wake was for
}

// How often it is noted that a device was heard: with its receipts, whose commit it shares, and by itself.
const (
	heardWithReceipts = 5 * time.Minute
	heardAlone        = time.Hour
)

// HeardLater reports whether it is worth noting that the device was heard at a time, which costs a write of its row; alone
// tells whether that is all that is written.
func (d Device) HeardLater(at time.Time, alone bool) bool {
	every := heardWithReceipts
	if alone {
		every = heardAlone
	}
	return at.Sub(d.HeardAt) >= every || Day(at) > Day(d.HeardAt)
}

// Registered tells whether the device has an owner.
func (d Device) Registered() bool { return d.User != "" }

// Key is the device's name in the whole installation.
func (d Device) Key() DeviceKey { return DeviceKey{App: d.App, Device: d.ID} }

// WakeState says where the wake of a device stands.
type WakeState string

// The states of a wake.
const (
	WakeNone    WakeState = ""        // there is none
	WakeSending WakeState = "sending" // counted and committed; the request may have left. DueAt is the end of its lease
	WakeRetry   WakeState = "retry"   // refused or unclear; the same id goes out again at DueAt
	WakeSuspect WakeState = "suspect" // refused in a way that may mean the token, or our credentials; judged at DueAt
)

// Wake is one request made of a provider to start the app's handler on one device. It belongs to the device, not to a
// push; one is in flight per device at most, with one id through all its tries.
type Wake struct {
	ID         ID
	State      WakeState
	Provider   Provider
	Attempt    int       // tries so far, from 1
	DueAt      time.Time // see WakeState
	ExpiresAt  time.Time // until when the provider may store it; zero: not at all, now or never
	Generation int       // the owner generation it is made for
	TokenGen   int       // the token generation it is sent to
	Priority   Priority  // FCM's
	Reason     Reason    // of WakeRetry
	Refusal    string    // of WakeSuspect: the provider's reason
	// RefusalStatus is the HTTP status of that refusal.
	RefusalStatus int
	Pushes        []ID // the deliveries that it is for, oldest first; kept so that the answer finds them
	Perhaps       []ID // now or never, and perhaps brought by an earlier try, whose answer was unclear or never came

	// EndsAt is when the last delivery that it is for ends, also where the provider must not store it: the app drops what
	// comes later. It is not stored.
	EndsAt time.Time

	// Items is what the request carries, oldest first: as many as fit the provider's limit. It is not stored.
	Items []Item

	// Key is what the request is sealed with. It is not stored.
	Key WakeKey
}

// Answer is what came back of a wake: the provider's answer, or how the wake failed to get one.
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

// Failure is the class of what kept a wake from getting its provider's answer. Logs and timelines use the same strings.
type Failure string

// The classes of failures. A wake that was refused, could not be connected or was not sent has certainly not been taken.
// For the others the event tells whether that is unclear.
const (
	FailureNone        Failure = ""
	FailureNoSuchHost  Failure = "no_such_host"          // the provider's name was not resolved
	FailureRefused     Failure = "refused"               // the host refused the connection
	FailureUnreachable Failure = "unreachable"           // there is no way to the host
	FailureProxy       Failure = "proxy"                 // the proxy on the way did not make the connection
	FailureUntrusted   Failure = "untrusted_certificate" // the host's certificate is not one that we trust for its name
	FailureTLS         Failure = "tls"                   // TLS came to nothing for another reason: an alert, or no TLS at all
	FailureProtocol    Failure = "protocol"              // the peer does not speak HTTP as the provider does
	FailureTimeout     Failure = "timeout"               // no answer in time; the detail says which clock ran out
	FailureReset       Failure = "reset"                 // the peer reset the connection or the request
	FailureLost        Failure = "lost"                  // the connection ended before the answer
	FailureStopping    Failure = "stopping"              // the server was stopping
	FailureNotSent     Failure = "not_sent"              // nothing was sent: no credential, or none that can be used
	FailureStranger    Failure = "not_the_provider"      // somebody answered who is not the provider, such as a proxy
	FailureOther       Failure = "other"                 // the detail has all that is known
)

// Fault is whose a provider's refusal is. Delivery branches on it, never on a provider's strings.
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

// Reach says how much of an app's traffic through a provider a refusal of our credentials is about.
type Reach string

// The reaches. None is more than the environment that the wake went to: a key may be good for one of the two only.
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

// Unwrap is what lies below.
func (e *WakeError) Unwrap() error { return e.Err }
