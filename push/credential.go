package push

import "time"

// Credential is what identifies an app to a provider. Exactly one part is set.
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

// CredentialKind says what identifies an app to its provider.
type CredentialKind string

// The kinds.
const (
	KindToken          CredentialKind = "token"           // APNs: a signing key, .p8
	KindCertificate    CredentialKind = "certificate"     // APNs: a .p12
	KindServiceAccount CredentialKind = "service_account" // FCM
)

// CredentialKinds lists the kinds of credentials.
func CredentialKinds() []CredentialKind {
	return []CredentialKind{KindToken, KindCertificate, KindServiceAccount}
}

// CredentialInfo is the part of a credential that may be read back: kind, ids, validity.
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

// CredentialCheck is the result of trying a stored credential with its provider, in sentences for people.
type CredentialCheck struct {
	OK   bool
	What string // what works, or what does not
	Do   string // what to change; "" if there is nothing
}
