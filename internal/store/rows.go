package store

import (
	"encoding/json"
	"time"

	"github.com/hushpush/hush/push"
)

// These are the JSON forms of values that no query searches. Their field names are the store's own, so that neither a renamed field
// of push nor a change of the API makes stored values unreadable.

// audienceRow is the audience of a push.
type audienceRow struct {
	Users   []string    `json:"users,omitempty"`
	Devices []string    `json:"devices,omitempty"`
	Tags    *tagRuleRow `json:"tags,omitempty"`
	All     bool        `json:"all,omitempty"`
}

type tagRuleRow struct {
	Any  []string `json:"any,omitempty"`
	All  []string `json:"all,omitempty"`
	None []string `json:"none,omitempty"`
}

func encodeAudience(a push.Audience) string {
	row := audienceRow{Users: a.Users, Devices: a.Devices, All: a.All}
	if a.Tags != nil {
		rule := tagRuleRow(*a.Tags)
		row.Tags = &rule
	}
	return encode(row)
}

func decodeAudience(text string) (push.Audience, error) {
	var row audienceRow
	err := decode(text, &row)
	a := push.Audience{Users: row.Users, Devices: row.Devices, All: row.All}
	if row.Tags != nil {
		rule := push.TagRule(*row.Tags)
		a.Tags = &rule
	}
	return a, err
}

// acceptedRow is the answer to one push. It has no devices, since a repeated request does nothing for them.
type acceptedRow struct {
	ID         push.ID      `json:"id"`
	Deliveries int          `json:"deliveries"`
	Warnings   []warningRow `json:"warnings,omitempty"`
}

type warningRow struct {
	Code push.WarningCode `json:"code"`
	User string           `json:"user,omitempty"`
}

func storedAccepted(a push.Accepted) acceptedRow {
	row := acceptedRow{ID: a.ID, Deliveries: a.Deliveries}
	for _, w := range a.Warnings {
		row.Warnings = append(row.Warnings, warningRow(w))
	}
	return row
}

func (row acceptedRow) accepted() push.Accepted {
	a := push.Accepted{ID: row.ID, Deliveries: row.Deliveries}
	for _, w := range row.Warnings {
		a.Warnings = append(a.Warnings, push.Warning(w))
	}
	return a
}

// credentialRow is a credential, which is sealed before it is stored.
type credentialRow struct {
	APNs *apnsCredentialRow `json:"apns,omitempty"`
	FCM  *fcmCredentialRow  `json:"fcm,omitempty"`
}

type apnsCredentialRow struct {
	Key      push.Secret `json:"key,omitempty"`
	KeyID    string      `json:"key_id,omitempty"`
	TeamID   string      `json:"team_id,omitempty"`
	Topics   []string    `json:"topics,omitempty"`
	P12      []byte      `json:"p12,omitempty"`
	Password push.Secret `json:"password,omitempty"`
}

type fcmCredentialRow struct {
	ServiceAccount json.RawMessage `json:"service_account"`
}

func storedCredential(c push.Credential) (row credentialRow) {
	if c.APNs != nil {
		apns := apnsCredentialRow(*c.APNs)
		row.APNs = &apns
	}
	if c.FCM != nil {
		row.FCM = &fcmCredentialRow{ServiceAccount: c.FCM.ServiceAccount}
	}
	return row
}

func (row credentialRow) credential() (c push.Credential) {
	if row.APNs != nil {
		apns := push.APNsCredential(*row.APNs)
		c.APNs = &apns
	}
	if row.FCM != nil {
		c.FCM = &push.FCMCredential{ServiceAccount: row.FCM.ServiceAccount}
	}
	return c
}

// credentialInfoRow has the fields of a credential that may be read back.
type credentialInfoRow struct {
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
