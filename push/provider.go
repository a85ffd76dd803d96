package push

import "time"

// Provider is a service that can wake an app on a phone.
type Provider string

// The providers.
const (
	APNs Provider = "apns"
	FCM  Provider = "fcm"
)

// Providers lists the providers.
func Providers() []Provider { return []Provider{APNs, FCM} }

// Environment is the APNs environment that a device token belongs to.
type Environment string

// The environments.
const (
	Production  Environment = "production"
	Development Environment = "development"
)

// Environments lists the environments of APNs.
func Environments() []Environment { return []Environment{Production, Development} }

// ProviderState is how an app's traffic through a provider stands, as far as this process knows.
type ProviderState string

// The states, worst first.
const (
	ProviderUnreachable  ProviderState = "unreachable"        // nobody answers in the provider's place, or somebody else does, or it answers each wake that it cannot
	ProviderNoCredential ProviderState = "no_credential"      // wakes fail for want of one
	ProviderRefused      ProviderState = "credential_refused" // the provider refuses the stored credential
	ProviderHeld         ProviderState = "held"               // the app's quota at the provider is used up
	ProviderOK           ProviderState = "ok"                 // it answered the last wake itself
	ProviderUntried      ProviderState = "untried"            // no wake since this process began or the credential was replaced, or nobody waits any more since wakes failed
)

// ProviderStates lists the states, worst first.
func ProviderStates() []ProviderState {
	return []ProviderState{ProviderUnreachable, ProviderNoCredential, ProviderRefused, ProviderHeld, ProviderOK, ProviderUntried}
}

// ProviderStanding is how an app's traffic through a provider stands.
type ProviderStanding struct {
	State     ProviderState
	Since     time.Time         // of the state; zero: not known
	Troubles  []ProviderTrouble // those that last, worst first, at most MaxProviderTroubles
	LastError *ProviderError    // the last one of this process, also if it is over; nil: none
	Wakes     map[Fault]int     // answered within the last hour, by fault; "": taken
}

// MaxProviderTroubles is how many troubles one app can have with one provider; those beyond are not told apart.
const MaxProviderTroubles = 20

// ProviderTrouble is a trouble that lasts.
type ProviderTrouble struct {
	State       ProviderState
	Environment Environment // "": the provider has but one
	Topic       string      // of a credential that is refused for one bundle id; "": for all in the environment
	Since       time.Time
	Failed      int // wakes
	Devices     int // at least so many
	Pushes      int // that those devices wait for, at least
}

// ProviderError is why the last failed wake failed.
type ProviderError struct {
	At     time.Time
	Status int
	Reason string  // as the provider spells it
	Error  Failure // "": the provider answered
	Fault  Fault
	Detail string // without secrets; a stranger may have written it
}
