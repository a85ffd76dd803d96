package protocol

import (
	"encoding/json"
	"time"

	"github.com/hushpush/hush/push"
)

// APNsProvider stores a key (.p8) or a certificate (.p12).
type APNsProvider struct {
	Key      string   `json:"key,omitempty" doc:"PEM of the .p8"`
	KeyID    string   `json:"key_id,omitempty"`
	TeamID   string   `json:"team_id,omitempty"`
	Topics   []string `json:"topics,omitempty" doc:"bundle ids; if given, devices with any other are not woken"`
	P12      string   `json:"p12,omitempty" doc:"base64 of the .p12"`
	Password string   `json:"password,omitempty"`
}

// FCMProvider stores a service account.
type FCMProvider struct {
	ServiceAccount json.RawMessage `json:"service_account" doc:"the JSON as Google issues it"`
}

// Providers is an app's credentials, as far as they may be read back.
type Providers struct {
	Providers []CredentialInfo `json:"providers"`
	Cursor    string           `json:"cursor"`
}

// CredentialInfo is the part of a credential that may be read back: kind, ids, validity.
type CredentialInfo struct {
	Provider    push.Provider       `json:"provider"`
	Kind        push.CredentialKind `json:"kind"`
	KeyID       string              `json:"key_id,omitempty"`
	TeamID      string              `json:"team_id,omitempty"`
	Topics      []string            `json:"topics,omitempty"`
	ProjectID   string              `json:"project_id,omitempty"`
	ClientEmail string              `json:"client_email,omitempty"`
	ValidUntil  *time.Time          `json:"valid_until,omitempty"`
	UpdatedAt   time.Time           `json:"updated_at"`
}

// NewCredentialInfo returns that part as the API shows it.
func NewCredentialInfo(i push.CredentialInfo) CredentialInfo { return CredentialInfo(i) }

// CredentialCheck is the result of trying a stored credential with its provider, in sentences for people.
type CredentialCheck struct {
	OK   bool   `json:"ok"`
	What string `json:"what"` // what works, or what does not
	Do   string `json:"do"`   // what to change; "" if there is nothing
}

// NewCredentialCheck returns the result of a check as the API shows it.
func NewCredentialCheck(c push.CredentialCheck) CredentialCheck { return CredentialCheck(c) }
