package push

import (
	"encoding/json"
	"time"
)

// Credential is what an app is known by at a provider. Exactly one part is set.
type Credential struct {
	APNs *APNsCredential `json:"apns,omitempty"`
	FCM  *FCMCredential  `json:"fcm,omitempty"`
}

// APNsCredential is a signing key (.p8), or a certificate (.p12).
type APNsCredential struct {
	Key      Secret   `json:"key,omitempty"` // PEM of the .p8
	KeyID    string   `json:"key_id,omitempty"`
	TeamID   string   `json:"team_id,omitempty"`
	Topics   []string `json:"topics,omitempty"` // bundle ids; with a certificate, those that it lists
	P12      []byte   `json:"p12,omitempty"`
	Password Secret   `json:"password,omitempty"`
}

// FCMCredential is a service account's JSON, as Google gives it.
type FCMCredential struct {
	ServiceAccount json.RawMessage `json:"service_account"`
}

// CredentialInfo is what may be read back of a credential: kind, ids, validity.
type CredentialInfo struct {
	Provider    Provider   `json:"provider"`
	Kind        string     `json:"kind"` // token, certificate or service_account
	KeyID       string     `json:"key_id,omitempty"`
	TeamID      string     `json:"team_id,omitempty"`
	Topics      []string   `json:"topics,omitempty"`
	ProjectID   string     `json:"project_id,omitempty"`
	ClientEmail string     `json:"client_email,omitempty"`
	ValidUntil  *time.Time `json:"valid_until,omitempty"`
	UpdatedAt   time.Time  `json:"updated_at"`
}

// Role is what a server key may do. RoleAdmin includes RoleSend, which includes RoleRead; RoleRoot may do everything.
type Role string

// The roles.
const (
	RoleRoot  Role = "root"
	RoleAdmin Role = "admin"
	RoleSend  Role = "send"
	RoleRead  Role = "read"
)

// Includes tells whether a key of role r may do what needs role need.
func (r Role) Includes(need Role) bool { return rank[r] >= rank[need] && rank[r] > 0 }

var rank = map[Role]int{RoleRead: 1, RoleSend: 2, RoleAdmin: 3, RoleRoot: 4}

// App is a tenant.
type App struct {
	Name      string
	CreatedAt time.Time
}

// ServerKey is a backend's key. Its secret is shown once and stored as a hash.
type ServerKey struct {
	ID        string
	App       string // "" for root
	Role      Role
	CreatedAt time.Time
}

// SigningKey verifies user tokens that an app's backend signs.
type SigningKey struct {
	App       string
	KID       string
	Alg       string // HS256 or ES256
	Secret    Secret // HS256: the raw bytes; encrypted at rest, never read back
	PublicKey string // ES256: PEM
	CreatedAt time.Time
}
