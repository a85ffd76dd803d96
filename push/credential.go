package push

import "time"

// Credential is what an app is known by at a provider. Exactly one part is set.
type Credential struct {
	APNs *APNsCredential
	FCM  *FCMCredential
}

// APNsCredential is a signing key (.p8), or a certificate (.p12).
type APNsCredential struct {
	Key      Secret // PEM of the .p8
	KeyID    string
	TeamID   string
	Topics   []string // bundle ids; with a certificate, those that it lists
	P12      []byte
	Password Secret
}

// FCMCredential is a service account.
type FCMCredential struct {
	ServiceAccount []byte // JSON, as Google gives it
}

// CredentialKind says what an app is known by at its provider.
type CredentialKind string

// The kinds.
const (
	KindToken          CredentialKind = "token"           // APNs: a signing key, .p8
	KindCertificate    CredentialKind = "certificate"     // APNs: a .p12
	KindServiceAccount CredentialKind = "service_account" // FCM
)

// CredentialKinds lists what an app can be known by at its provider.
func CredentialKinds() []CredentialKind {
	return []CredentialKind{KindToken, KindCertificate, KindServiceAccount}
}

// CredentialInfo is what may be read back of a credential: kind, ids, validity.
type CredentialInfo struct {
	Provider    Provider
	Kind        CredentialKind
	KeyID       string
	TeamID      string
	Topics      []string
	ProjectID   string
	ClientEmail string
	ValidUntil  *time.Time
	UpdatedAt   time.Time
}

// CredentialCheck is what came of trying a stored credential against its provider, in sentences for people.
type CredentialCheck struct {
	OK   bool
	What string // what works, or what does not
	Do   string // what to change; "" if there is nothing
}
