package push

import (
	"crypto/sha256"
	"time"
)

// TokenState says whether a device's provider can wake it.
type TokenState string

// The token states.
const (
	TokenOK      TokenState = "ok"
	TokenMissing TokenState = "missing" // none was given: session and inbox only
	TokenDead    TokenState = "dead"    // the provider said so; a new registration makes it ok again
)

// TokenStates lists the states of a device's provider token.
func TokenStates() []TokenState { return []TokenState{TokenOK, TokenMissing, TokenDead} }

// TokenLoss is why a device's provider token is no longer used.
type TokenLoss struct {
	At       time.Time
	Reason   Reason   // the provider's own, as it spells it, or ReasonTokenMoved
	Provider Provider // who refused it; "" if the token turned up on another device
	Status   int      // HTTP, of the refusal
	WakeID   ID       // the wake that was refused
	PushID   ID       // the oldest push that the wake was for
}

// TokenHash returns the SHA-256 of a provider token, by which former ones are remembered.
func TokenHash(token Secret) []byte {
	sum := sha256.Sum256([]byte(token.Reveal()))
	return sum[:]
}
