package fcmtest

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestAssertionsAreJudged(t *testing.T) {
	t.Parallel()
	w := setup(t)
	now := time.Now().Unix()
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*jwt)
		want   string // "" is success
	}{
		"as Google's libraries sign it": {func(*jwt) {}, ""},
		"iat ten seconds back":          {func(j *jwt) { j.claims["iat"], j.claims["exp"] = now-10, now+3590 }, ""},
		"no kid and no typ, as node":    {func(j *jwt) { j.head = map[string]any{"alg": "RS256"} }, ""},
		"cloud-platform":                {func(j *jwt) { j.claims["scope"] = scopeCloud + " " + scopePrefix + "datastore" }, ""},
		"aud is a list":                 {func(j *jwt) { j.claims["aud"] = []any{j.claims["aud"]} }, ""},
		"another key":                   {func(j *jwt) { j.key = other }, "invalid_grant"},
		"another kid":                   {func(j *jwt) { j.head["kid"] = "x" }, "invalid_grant"},
		"HS256":                         {func(j *jwt) { j.head["alg"] = "HS256" }, "invalid_grant"},
		"alg none":                      {func(j *jwt) { j.head["alg"] = "none" }, "invalid_grant"},
		"longer than an hour":           {func(j *jwt) { j.claims["exp"] = now + 3700 }, "invalid_grant"},
		"expired":                       {func(j *jwt) { j.claims["iat"], j.claims["exp"] = now-3660, now-60 }, "invalid_grant"},
		"from tomorrow":                 {func(j *jwt) { j.claims["iat"], j.claims["exp"] = now+86400, now+90000 }, "invalid_grant"},
		"no exp":                        {func(j *jwt) { delete(j.claims, "exp") }, "invalid_grant"},
		"no iat":                        {func(j *jwt) { delete(j.claims, "iat") }, "invalid_grant"},
		"exp before iat":                {func(j *jwt) { j.claims["exp"] = now - 1 }, "invalid_grant"},
		"another audience":              {func(j *jwt) { j.claims["aud"] = "https://example.com/token" }, "invalid_grant"},
		"no audience":                   {func(j *jwt) { delete(j.claims, "aud") }, "invalid_grant"},
		"iat is text":                   {func(j *jwt) { j.claims["iat"] = "now" }, "invalid_grant"},
		"unknown account":               {func(j *jwt) { j.claims["iss"] = "nobody@example.com" }, "invalid_client"},
		"no scope":                      {func(j *jwt) { delete(j.claims, "scope") }, "invalid_scope"},
		"unknown scope":                 {func(j *jwt) { j.claims["scope"] = scopeMessaging + " push" }, "invalid_scope"},
	} {
		j := w.jwt()
		c.change(&j)
		got := w.oauth(assertionForm(j.String()))
		if got.Error != c.want || (got.status == 200) != (c.want == "") || c.want == "" && (got.TokenType != "Bearer" || got.ExpiresIn != 3599) {
			t.Errorf("%s: got %d %+v, want error %q", name, got.status, got, c.want)
		}
	}
}

func TestMalformedTokenRequestsAreRefused(t *testing.T) {
	t.Parallel()
	w := setup(t)
	good := w.jwt().String()
	for name, c := range map[string]struct {
		form url.Values
		want string
	}{
		"no grant type":      {url.Values{"assertion": {good}}, "unsupported_grant_type"},
		"another grant type": {url.Values{"grant_type": {"password"}, "assertion": {good}}, "unsupported_grant_type"},
		"no assertion":       {url.Values{"grant_type": {grantJWT}}, "invalid_request"},
		"no JWT":             {assertionForm("abc"), "invalid_grant"},
		"two parts":          {assertionForm("a.b"), "invalid_grant"},
		"no base64":          {assertionForm("!.!.!"), "invalid_grant"},
		"no JSON":            {assertionForm("YQ.YQ.YQ"), "invalid_grant"},
	} {
		if got := w.oauth(c.form); got.status != 400 || got.Error != c.want {
			t.Errorf("%s: got %d %q, want 400 %q", name, got.status, got.Error, c.want)
		}
	}
}

func TestAccessTokensAreJudgedByRealTime(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.phone("a:1", true)
	w.bearer = "Bearer " + w.oauth(assertionForm(w.jwt().String())).AccessToken
	w.Advance(48 * time.Hour)
	if got := w.to("a:1", ""); got.status != 200 {
		t.Errorf("two simulated days later: got %d %s, want 200", got.status, got.raw)
	}
	if got := w.oauth(assertionForm(w.jwt().String())); got.status != 200 {
		t.Errorf("an assertion of real now, two simulated days later: got %+v", got)
	}
	expired := "Bearer " + w.access.issue([]string{scopeMessaging}, time.Now().Add(-time.Second))
	foreign := "Bearer " + w.access.issue([]string{scopePrefix + "drive"}, time.Now().Add(time.Hour))
	for name, c := range map[string]struct {
		bearer string
		want   int
	}{
		"none": {"", 401}, "expired": {expired, 401}, "made up": {"Bearer ya29.x", 401}, "tampered": {w.bearer + "x", 401},
		"basic": {"Basic abc", 401}, "no scope to send": {foreign, 403}, "lower case": {strings.Replace(w.bearer, "Bearer", "bearer", 1), 200},
	} {
		got := w.post(w.client, w.SendURL(), c.bearer, `{"message":{"token":"a:1"}}`)
		if got.status != c.want || got.code != "" {
			t.Errorf("%s: got %d, FcmError %q; want %d without one", name, got.status, got.code, c.want)
		}
	}
	w.RevokeAccessTokens()
	if got := w.to("a:1", ""); got.status != 401 || got.grpc != "UNAUTHENTICATED" {
		t.Errorf("a revoked token: got %d %s, want 401 UNAUTHENTICATED", got.status, got.grpc)
	}
}

func TestTokenLifeIsASwitch(t *testing.T) {
	t.Parallel()
	w := setup(t, Set("oauth.expires_in", "90s"))
	if got := w.oauth(assertionForm(w.jwt().String())); got.ExpiresIn != 90 {
		t.Errorf("expires_in: got %d, want 90", got.ExpiresIn)
	}
}

func TestSecretsAreNotInTheLedger(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.phone("a:1", true)
	j := w.jwt().String()
	token := w.oauth(assertionForm(j)).AccessToken
	w.bearer = "Bearer " + token
	w.to("a:1", "")
	b, err := json.Marshal(w.Requests())
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{token, j, base64.StdEncoding.EncodeToString([]byte(assertionForm(j).Encode()))} {
		if strings.Contains(string(b), secret) {
			t.Errorf("the ledger holds a secret: %s", secret)
		}
	}
	if got := w.last().Headers["authorization"]; got != "Bearer ***" {
		t.Errorf("authorization in the ledger: %q", got)
	}
}

func TestServiceAccountIsWrittenOnceAndReadAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "service-account.json")
	first := setup(t, Project("notes-1"), Files(dir))
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	info, _ := os.Stat(file)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode is %v, want 0600", info.Mode().Perm())
	}
	var a serviceAccount
	if err := json.Unmarshal(b, &a); err != nil || a.ProjectID != "notes-1" || a.TokenURI != first.TokenURL() || a.Type != "service_account" {
		t.Errorf("the file says %q %q %q (%v)", a.ProjectID, a.TokenURI, a.Type, err)
	}
	second := setup(t, Files(dir))
	want := strings.Replace(string(b), first.TokenURL(), second.TokenURL(), 1)
	if second.Project() != "notes-1" || string(second.ServiceAccountJSON()) != want {
		t.Errorf("a second simulator has project %q, or more than the token_uri is new in its account", second.Project())
	}
	if b, err := os.ReadFile(file); err != nil || string(b) != want {
		t.Errorf("the file still leads to the former port (%v)", err)
	}
	if got := second.oauth(assertionForm(second.jwt().String())); got.status != 200 {
		t.Errorf("the account's own audience: %+v", got)
	}
}

func TestAForeignServiceAccountIsLeftAsItIs(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "account.json")
	ours := setup(t)
	foreign := strings.NewReplacer("hush-simulator@", "sender@", ours.TokenURL(), "https://oauth2.googleapis.com/token").
		Replace(string(ours.ServiceAccountJSON()))
	if err := os.WriteFile(file, []byte(foreign), 0o600); err != nil {
		t.Fatal(err)
	}
	w := setup(t, func(c *Config) { c.ServiceAccount = file })
	if b, err := os.ReadFile(file); err != nil || string(b) != foreign || string(w.ServiceAccountJSON()) != foreign {
		t.Errorf("a foreign account was rewritten (%v)", err)
	}
}

func TestBadServiceAccountsAreRefusedWithoutQuotingThem(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{`:               "JSON",
		`{"type":"user"}`: "type",
		`{"type":"service_account","client_email":"a@b"}`:                                             "project_id",
		`{"type":"service_account","project_id":"p"}`:                                                 "client_email",
		`{"type":"service_account","project_id":"p","client_email":"a@b","private_key":"SECRET-abc"}`: "private_key",
	} {
		file := filepath.Join(t.TempDir(), "sa.json")
		if err := os.WriteFile(file, []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Start(Config{Listen: "127.0.0.1:0", ServiceAccount: file})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%s: got %v, want an error about %s that quotes nothing", body, err, want)
		}
	}
}

func TestTwoSimulatorsOnOnePortIsSaidInWords(t *testing.T) {
	t.Parallel()
	w := setup(t, Control())
	_, err := Start(Config{Listen: w.Addr()})
	if err == nil || !strings.Contains(err.Error(), "in use") || !strings.Contains(err.Error(), w.Addr()) {
		t.Errorf("second on %s: %v", w.Addr(), err)
	}
	_, err = Start(Config{Listen: "127.0.0.1:0", Control: w.ControlAddr()})
	if err == nil || !strings.Contains(err.Error(), "--control") {
		t.Errorf("second control API on %s: %v", w.ControlAddr(), err)
	}
}
