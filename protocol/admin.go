// Package protocol holds the JSON bodies and socket frames that server, SDK and client share. Durations are written as Go
// writes them ("90s", "24h"), times as RFC 3339 in UTC. Version 1 is the /v1 of the routes and hush.v1 of the socket.
//
// What push has a word for has a form of its own here, with New… to make it of the word and Parse to read it: neither a change
// of the API changes what the store keeps, nor the other way round.
package protocol

import (
	"time"

	"github.com/hushpush/hush/push"
)

// App is a tenant.
type App struct {
	App       string    `json:"app" doc:"name, 1 to 64 of [a-z0-9-]"`
	CreatedAt time.Time `json:"created_at"`
}

// AppRequest makes an app. It has no fields yet.
type AppRequest struct{}

// Apps is a page of apps.
type Apps struct {
	Apps   []App  `json:"apps"`
	Cursor string `json:"cursor" doc:"of the next page; empty on the last"`
}

// KeyRequest asks for a server key.
type KeyRequest struct {
	Role      push.Role `json:"role"`
	Name      string    `json:"name,omitempty" doc:"for people, at most 128 bytes"`
	ExpiresAt string    `json:"expires_at,omitempty" minLength:"1" format:"date-time" doc:"RFC 3339, in the future: the key is void from then on; without it, the key has no end"`
}

// Key is a server key. Secret is set once, in the answer that made the key.
type Key struct {
	KeyID  string    `json:"key_id"`
	Role   push.Role `json:"role"`
	Secret string    `json:"secret,omitempty"`
	KeyFacts
}

// KeyFacts is what the listing of every key has.
type KeyFacts struct {
	Name       string     `json:"name" required:"false" doc:"for people; empty for none"`
	CreatedAt  time.Time  `json:"created_at"`
	LastUsedAt *time.Time `json:"last_used_at,omitempty" doc:"to about a minute; absent for never"`
	ExpiresAt  *time.Time `json:"expires_at,omitempty" doc:"the key is void from then on; absent if it has no end"`
}

// Keys is a page of server keys.
type Keys struct {
	Keys   []Key  `json:"keys"`
	Cursor string `json:"cursor"`
}

// SigningKeyRequest stores a key that verifies user tokens: HS256 with a secret, or ES256 with a public key.
type SigningKeyRequest struct {
	Alg       push.Alg `json:"alg"`
	Secret    string   `json:"secret,omitempty" doc:"HS256: base64, 32 bytes or more"`
	PublicKey string   `json:"public_key,omitempty" doc:"ES256: PEM of a P-256 public key"`
	Name      string   `json:"name,omitempty" doc:"for people, at most 128 bytes"`
	ExpiresAt string   `json:"expires_at,omitempty" minLength:"1" format:"date-time" doc:"RFC 3339, in the future: the key is void from then on; without it, the key has no end"`
}

// SigningKey is the part of a signing key that may be read back.
type SigningKey struct {
	KID       string   `json:"kid"`
	Alg       push.Alg `json:"alg"`
	PublicKey string   `json:"public_key,omitempty"`
	MadeBy    Maker    `json:"made_by"`
	KeyFacts
}

// Maker says who made a signing key.
type Maker string

// The makers.
const (
	MadeByApp  Maker = "app"
	MadeByHush Maker = "hush" // to sign the tokens that it is asked for
)

// Makers lists who makes signing keys.
func Makers() []Maker { return []Maker{MadeByApp, MadeByHush} }

// SigningKeys is a page of signing keys.
type SigningKeys struct {
	SigningKeys []SigningKey `json:"signing_keys"`
	Cursor      string       `json:"cursor"`
}

// UserTokenRequest asks for a user's token.
type UserTokenRequest struct {
	User string `json:"user"`
	TTL  string `json:"ttl,omitempty" minLength:"1" doc:"how long it is valid; default 1h, at most 744h (or the server's auth.user_token_max)"`
}

// UserToken is a user's token.
type UserToken struct {
	Token     string    `json:"token"`
	ExpiresAt time.Time `json:"expires_at"`
}

// Resource is a named push policy.
type Resource struct {
	ResourceID string    `json:"resource_id,omitempty"`
	APNs       *Strategy `json:"apns,omitempty"`
	FCM        *Strategy `json:"fcm,omitempty"`
	ClientSend bool      `json:"client_send" required:"false" doc:"whether apps may send under it"`
	Applies    *Applies  `json:"applies,omitempty" doc:"in answers: every setting as it applies, and which of them are defaults; ignored in a PUT, so that an answer can be put back"`
}

// Applies is a resource with its defaults filled in.
type Applies struct {
	APNs     *Strategy `json:"apns,omitempty"`
	FCM      *Strategy `json:"fcm,omitempty"`
	Defaults []string  `json:"defaults" doc:"the settings that are defaults, such as apns.ttl or fcm.budget.burst"`
}

// Strategy is the policy for one provider. Priority is for FCM only.
type Strategy struct {
	TTL         string        `json:"ttl,omitempty" minLength:"1" doc:"0s (now or never) to 672h"`
	Priority    push.Priority `json:"priority,omitempty" doc:"FCM only; default normal"`
	Budget      *Budget       `json:"budget,omitempty"`
	Rewake      *Rewake       `json:"rewake,omitempty"`
	CollapseKey string        `json:"collapse_key,omitempty"`
}

// Budget bounds how many wakes a device may get in a time.
type Budget struct {
	Wakes int    `json:"wakes"`
	Per   string `json:"per"`
	Burst int    `json:"burst,omitempty"`
}

// Rewake says when to wake again for a push without a receipt.
type Rewake struct {
	Times int    `json:"times"`
	After string `json:"after"`
}

// Resources is a page of resources.
type Resources struct {
	Resources []Resource `json:"resources"`
	Cursor    string     `json:"cursor"`
}

// Tags are a user's tags.
type Tags struct {
	Tags []string `json:"tags"`
}

// Status is the answer of /healthz and /readyz.
type Status struct {
	Status Health `json:"status"`
}

// Health is what /healthz and /readyz say.
type Health string

// OK is the only health: anything else is a problem.
const OK Health = "ok"

// Healths lists the healths.
func Healths() []Health { return []Health{OK} }
