package protocol

import (
	"time"

	"github.com/hushpush/hush/push"
)

// Explanation is why a device gets what it gets, or nothing: in a few sentences, and as facts.
type Explanation struct {
	DeviceID       string              `json:"device_id"`
	User           string              `json:"user,omitempty" doc:"its owner; absent once it is unregistered"`
	Platform       push.Platform       `json:"platform"`
	Text           string              `json:"text" doc:"for people: what keeps it from getting anything, what waits, and when it was last seen"`
	Registered     bool                `json:"registered"`
	UnregisteredAt *time.Time          `json:"unregistered_at,omitempty" doc:"its row is kept for 30 days from then"`
	Token          TokenStanding       `json:"token"`
	Credential     *CredentialStanding `json:"credential,omitempty"`
	LastSeenAt     *time.Time          `json:"last_seen_at,omitempty" doc:"to about an hour; absent for never"`
	SessionSince   *time.Time          `json:"session_since,omitempty" doc:"when its open session was opened; absent if none is open"`
	WakesLastHour  int                 `json:"wakes_last_hour"`
	Wakes          []WakeResult        `json:"wakes" doc:"what became of those, oldest first, as far as open deliveries show"`
	Budget         *BudgetWait         `json:"budget,omitempty" doc:"what delays its next wake; absent if no budget does"`
	Open           int                 `json:"open" doc:"open deliveries in all"`
	Waits          []Wait              `json:"waits" doc:"the 256 oldest of them, by what they wait for"`
}

// TokenStanding is how a device's provider token stands, and how the last one was lost.
type TokenStanding struct {
	State    push.TokenState `json:"state"`
	Since    *time.Time      `json:"since,omitempty" doc:"when it was registered, or lost"`
	Reason   string          `json:"reason,omitempty" doc:"as the provider spells it, or token_moved: it turned up on another device"`
	Provider push.Provider   `json:"provider,omitempty" doc:"who refused it"`
	Status   int             `json:"status,omitempty" doc:"HTTP, of the refusal"`
	WakeID   string          `json:"wake_id,omitempty" doc:"the wake that was refused"`
	PushID   string          `json:"push_id,omitempty" doc:"the oldest push that the wake was for"`
}

// CredentialStanding is how the app's credential for the device's provider stands.
type CredentialStanding struct {
	State  push.CredentialState `json:"state"`
	Reason push.Reason          `json:"reason,omitempty"`
	Until  *time.Time           `json:"until,omitempty" doc:"until when sends are held back"`
}

// WakeResult is what became of one wake.
type WakeResult struct {
	WakeID   string        `json:"wake_id"`
	At       time.Time     `json:"at" doc:"of the last thing known about it"`
	Provider push.Provider `json:"provider"`
	Status   int           `json:"status,omitempty" doc:"HTTP, of the provider's answer; absent if there was none"`
	Reason   string        `json:"reason,omitempty" doc:"as the provider spells it"`
	Error    push.Failure  `json:"error,omitempty"`
	Received bool          `json:"received" doc:"a receipt came for a push that it was for"`
}

// Wait is how many open deliveries are in the same state for the same reason.
type Wait struct {
	State    push.State  `json:"state"`
	Reason   push.Reason `json:"reason"`
	Count    int         `json:"count"`
	OldestAt time.Time   `json:"oldest_at" doc:"when the oldest of their pushes was accepted"`
}
