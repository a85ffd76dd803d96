package push

import "time"

// Idempotency lets a sender repeat a request without making a second push.
type Idempotency struct {
	Key      string
	BodyHash []byte // of the body that came with it; another body under the same key is a conflict
}

// AcceptResult is the outcome of one push of a batch.
type AcceptResult struct {
	Accepted Accepted
	Err      error
}

// Action is what happens next to a push on a device.
type Action string

// The actions.
const (
	DoSession Action = "session"
	DoWake    Action = "wake"
	DoWait    Action = "wait"
	DoStop    Action = "stop"
)

// Decision is what a dry run says of one device.
type Decision struct {
	DeviceID string // "" for a user without a device
	Do       Action
	Budget   *BudgetWait // what it waits for, where Reason is ReasonBudget
	Reason   Reason
	Provider Provider
}

// UserClaims is what a user token says, once it is verified.
type UserClaims struct {
	Apps      []string // aud; the app of a call is the only one, or the credential's
	User      string
	ExpiresAt time.Time
	Keys      []Ground // for each app, the signing key that verified the token
}

// Ground is the signing key of app that verified the token; its zero value if none did.
func (c UserClaims) Ground(app string) Ground {
	for _, g := range c.Keys {
		if g.App == app {
			return g
		}
	}
	return Ground{}
}

// ForApp tells whether the token is good for an app.
func (c UserClaims) ForApp(app string) bool {
	for _, a := range c.Apps {
		if a == app {
			return true
		}
	}
	return false
}
