package push

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"
)

// Role is what a server key may do. RoleAdmin includes RoleSend, which includes RoleRead; RoleRoot may do everything.
type Role string

// The roles.
const (
	RoleRoot  Role = "root"
	RoleAdmin Role = "admin"
	RoleSend  Role = "send"
	RoleRead  Role = "read"
)

// KeyRoles lists the roles that a server key can have. RoleRoot is the root key's alone.
func KeyRoles() []Role { return []Role{RoleAdmin, RoleSend, RoleRead} }

// Includes reports whether a key of role r may do what needs role need.
func (r Role) Includes(need Role) bool { return rank[r] >= rank[need] && rank[r] > 0 }

var rank = map[Role]int{RoleRead: 1, RoleSend: 2, RoleAdmin: 3, RoleRoot: 4}

// ServerKey is a backend's key. Its secret is shown once and stored as a hash.
type ServerKey struct {
	ID        string
	App       string // "" for root
	Role      Role
	CreatedAt time.Time
	KeyFacts
}

// KeyFacts is how people recognise a key, and until when it is valid.
type KeyFacts struct {
	Name      string    // for people; "" for none
	UsedAt    time.Time // when it last let somebody in, to about a minute; zero for never
	ExpiresAt time.Time // it is void from then on; zero for no end
}

// Expired reports whether the key has reached its end.
func (f KeyFacts) Expired(now time.Time) bool {
	return !f.ExpiresAt.IsZero() && !now.Before(f.ExpiresAt)
}

// KeyUse records that a key let a caller in.
type KeyUse struct {
	App     string
	ID      string // the key's id, or its kid
	Signing bool   // a signing key; else a server key
	At      time.Time
}

// Alg is how user tokens are signed (RFC 7518, section 3.1).
type Alg string

// The algorithms.
const (
	HS256 Alg = "HS256"
	ES256 Alg = "ES256"
)

// Algs lists the algorithms that can sign user tokens.
func Algs() []Alg { return []Alg{HS256, ES256} }

// SigningKey verifies user tokens that an app's backend signs.
type SigningKey struct {
	App       string
	KID       string
	Alg       Alg
	Secret    Secret // HS256: the raw bytes; encrypted at rest, never read back
	PublicKey string // ES256: PEM
	CreatedAt time.Time
	KeyFacts
}

// OwnKeyPrefix begins the kids of the signing keys that Hush makes for itself, one or a few per app. Each node that finds none
// makes one of its own, so that two nodes at their first token never replace each other's key.
const OwnKeyPrefix = "hush-own-"

// Own reports whether Hush made the key, to sign the user tokens that backends ask it for.
func (k SigningKey) Own() bool { return strings.HasPrefix(k.KID, OwnKeyPrefix) }

// Print returns a fingerprint of the key: one that was replaced under its kid has another. It reveals nothing of a secret.
func (k SigningKey) Print() string {
	sum := sha256.Sum256([]byte(string(k.Alg) + "\x00" + k.Secret.Reveal() + "\x00" + k.PublicKey))
	return hex.EncodeToString(sum[:16])
}
