package fcm

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/hushpush/hush/internal/pemkey"
	"github.com/hushpush/hush/internal/rest"
	"github.com/hushpush/hush/push"
)

// googleTokenURI is where Google's service accounts get their access tokens, unless they say otherwise.
const googleTokenURI = "https://oauth2.googleapis.com/token"

// account is a service account, read.
type account struct {
	project  string
	email    string
	keyID    string
	key      *rsa.PrivateKey
	tokenURI string
}

// parseAccount reads a service account's JSON. Errors name the invalid member, never its value.
func parseAccount(raw json.RawMessage) (*account, error) {
	var m struct {
		Type         string      `json:"type"`
		ProjectID    string      `json:"project_id"`
		PrivateKeyID string      `json:"private_key_id"`
		PrivateKey   push.Secret `json:"private_key"`
		ClientEmail  string      `json:"client_email"`
		TokenURI     string      `json:"token_uri"`
	}
	if err := rest.CheckNames(raw, "type", "project_id", "private_key_id", "private_key", "client_email", "token_uri"); err != nil {
		return nil, fmt.Errorf("is not the JSON of a service account: it %w", err)
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, errors.New("is not the JSON of a service account: want an object whose members are strings, as Google gives it")
	}
	if m.Type != "service_account" {
		return nil, errors.New("has another type than service_account; want a service account's key file")
	}
	for _, need := range []struct {
		name  string
		given bool
	}{{"project_id", m.ProjectID != ""}, {"client_email", m.ClientEmail != ""}, {"private_key", m.PrivateKey != ""}} {
		if !need.given {
			return nil, fmt.Errorf("has no %s", need.name)
		}
	}
	if strings.IndexFunc(m.ProjectID, notOfProjectID) >= 0 {
		return nil, errors.New("has an invalid project_id; want letters, digits and hyphens, as the Firebase console shows it")
	}
	key, err := pemkey.RSA(m.PrivateKey.Reveal())
	if err != nil {
		return nil, fmt.Errorf("its private_key %w", err)
	}
	if m.TokenURI == "" {
		m.TokenURI = googleTokenURI
	}
	return &account{project: m.ProjectID, email: m.ClientEmail, keyID: m.PrivateKeyID, key: key, tokenURI: m.TokenURI}, nil
}

// notOfProjectID reports whether no project's id contains a character. Old ids begin with a domain, such as example.com:demo.
func notOfProjectID(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-_.:", r)
}

// checkTokenURI wants a host that accounts may name. Where the operator has named the token URL, the account's is not asked.
func (c *Client) checkTokenURI(a *account) error {
	if c.cfg.TokenURL != "" {
		return nil
	}
	return c.tokenHosts.check(a.tokenURI)
}

// read reads a service account and checks that this server may use it. Its errors are push.FieldErrors.
func (c *Client) read(raw json.RawMessage) (*account, error) {
	var errs push.FieldErrors
	a, err := parseAccount(raw)
	if err != nil {
		errs.Add("service_account", push.CodeBadCredential, err.Error())
		return nil, errs.Err()
	}
	if err := c.checkTokenURI(a); err != nil {
		errs.Add("service_account.token_uri", push.CodeBadCredential, err.Error())
		return nil, errs.Err()
	}
	return a, nil
}

// Check checks a credential before it is stored, without asking Google, and returns what may be read back of it. Its errors are
// push.FieldErrors, with locations relative to the body. UpdatedAt is the time of the check.
func (c *Client) Check(_ context.Context, cred push.Credential) (push.CredentialInfo, error) {
	var errs push.FieldErrors
	if cred.FCM == nil || len(cred.FCM.ServiceAccount) == 0 || string(cred.FCM.ServiceAccount) == "null" {
		errs.Add("service_account", push.CodeRequired, "is missing; want the service account's JSON, as Google gives it")
		return push.CredentialInfo{}, errs.Err()
	}
	a, err := c.read(cred.FCM.ServiceAccount)
	if err != nil {
		return push.CredentialInfo{}, err
	}
	if _, err := a.assertion(c.cfg.Now(), a.tokenURI); err != nil {
		errs.Add("service_account", push.CodeBadCredential, err.Error())
		return push.CredentialInfo{}, errs.Err()
	}
	return push.CredentialInfo{
		Provider: push.FCM, Kind: push.KindServiceAccount, KeyID: a.keyID,
		ProjectID: a.project, ClientEmail: a.email, UpdatedAt: c.cfg.Now(),
	}, nil
}
