package fcm_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/hushpush/hush/internal/fcm"
	"github.com/hushpush/hush/push"
)

func TestAServiceAccountIsCheckedBeforeItIsStored(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	good := w.sim.ServiceAccountJSON()
	const ecKey = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgevZzL1gdAFr88hb2\nOF/2NxApJCzGCEDdfSp6VQO30hyhRANCAAQRWz+jn65BtOMvdyHKcvjBeBSDZH2r\n1RTwjmYSi9R/zpBnuQ4EiMnCqfMPWiZqB4QdbAd0E7oH50VpuZ1P087G\n-----END PRIVATE KEY-----\n"
	cases := []struct {
		name    string
		account string
		code    push.Code
		says    string
	}{
		{"nothing", "", push.CodeRequired, "is missing"},
		{"null", "null", push.CodeRequired, "is missing"},
		{"no JSON", "{", push.CodeBadCredential, "is not the JSON of a service account"},
		{"an array", "[]", push.CodeBadCredential, "is not the JSON of a service account"},
		{"a user's credential", string(with(good, "type", "authorized_user")), push.CodeBadCredential, "another type than service_account"},
		{"a web client", `{"web":{"client_id":"x"}}`, push.CodeBadCredential, "another type than service_account"},
		{"no project", string(with(good, "project_id", "")), push.CodeBadCredential, "has no project_id"},
		{"a project that is a path", string(with(good, "project_id", "demo/messages")), push.CodeBadCredential, "has an invalid project_id"},
		{"no email", string(with(good, "client_email", "")), push.CodeBadCredential, "has no client_email"},
		{"no key", string(with(good, "private_key", "")), push.CodeBadCredential, "has no private_key"},
		{"a key that is no PEM", string(with(good, "private_key", "secret")), push.CodeBadCredential, "private_key is not PEM"},
		{"a key cut short", string(with(good, "private_key", "-----BEGIN PRIVATE KEY-----\nMIGH\n-----END PRIVATE KEY-----\n")), push.CodeBadCredential, "not a readable PKCS#8 key"},
		{"a key of another kind", string(with(good, "private_key", ecKey)), push.CodeBadCredential, "want RSA"},
		{"an encrypted key", string(with(good, "private_key", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIGH\n-----END ENCRYPTED PRIVATE KEY-----\n")), push.CodeBadCredential, "its private_key is encrypted"},
		{"a key escaped twice", string(with(good, "private_key", strings.ReplaceAll(ecKey, "\n", `\n`))), push.CodeBadCredential, "want line breaks"},
	}
	for _, c := range cases {
		_, err := w.Check(t.Context(), credential([]byte(c.account)))
		var errs push.FieldErrors
		if !errors.As(err, &errs) || len(errs) != 1 {
			t.Errorf("%s: got %v, want one field error", c.name, err)
			continue
		}
		if e := errs[0]; e.Location != "service_account" || e.Code != c.code || !strings.Contains(e.Message, c.says) {
			t.Errorf("%s: got %+v, want %s at service_account that says %q", c.name, e, c.code, c.says)
		}
	}
	if _, err := w.Check(t.Context(), push.Credential{}); err == nil {
		t.Error("got no error for a credential of another provider, want one")
	}
	info, err := w.Check(t.Context(), credential(good))
	if err != nil {
		t.Fatal(err)
	}
	if info.Kind != push.KindServiceAccount || info.Provider != push.FCM || info.ProjectID != "demo" || !strings.Contains(info.ClientEmail, "@demo.") || info.KeyID == "" {
		t.Errorf("got %+v, want kind, project, email and key id", info)
	}
	var account map[string]string
	if err := json.Unmarshal(good, &account); err != nil {
		t.Fatal(err)
	}
	shown, err := json.Marshal(info)
	if err != nil || strings.Contains(string(shown), account["private_key"][40:80]) {
		t.Errorf("got %s, %v, want nothing of the key", shown, err)
	}
}

func TestTheConfigurationIsChecked(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	for name, cfg := range map[string]fcm.Config{
		"no Credentials": {},
		"URL":            {Credentials: w.creds, URL: "fcm.googleapis.com"},
		"URL with path":  {Credentials: w.creds, URL: "https://fcm.googleapis.com/v1"},
		"TokenURL":       {Credentials: w.creds, TokenURL: "ftp://x"},
		"TokenHosts":     {Credentials: w.creds, TokenHosts: []string{"https://x"}},
		"CA":             {Credentials: w.creds, CA: []byte("no PEM")},
		"RetryWait":      {Credentials: w.creds, RetryWait: -1},
	} {
		if _, err := fcm.New(cfg); err == nil || !strings.HasPrefix(err.Error(), "fcm: ") {
			t.Errorf("%s: got %v, want an error of fcm", name, err)
		}
	}
}
