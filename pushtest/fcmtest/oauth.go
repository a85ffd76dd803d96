package fcmtest

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hushpush/hush/pushtest/internal/h2sim"
	"github.com/hushpush/hush/pushtest/internal/simkit"
	"github.com/hushpush/hush/pushtest/internal/simulator"
)

var ruleOAuth = Rule{
	Name:    "oauth.flow",
	Text:    "POST /token with the form grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer and assertion=<JWT> answers {access_token, expires_in, token_type}; refusals are 400 {error, error_description}.",
	Source:  "developers.google.com/identity/protocols/oauth2/service-account; RFC 7523",
	Certain: simkit.Documented,
}

var ruleTokenLife = Rule{
	Name:    "oauth.expires_in",
	Text:    "How long an access token is good, by real time.",
	Source:  "developers.google.com/identity/protocols/oauth2/service-account: about an hour",
	Certain: simkit.Uncertain,
	Switch:  "oauth.expires_in",
	Default: "3599s",
	Varies:  []string{"3599s", "3600s", "3540s"},
}

var ruleScopes = Rule{
	Name:    "oauth.scopes",
	Text:    "A scope that Google does not know, or none, is refused as invalid_scope. Sending needs firebase.messaging or cloud-platform: a token without either gets 403 PERMISSION_DENIED without an FcmError.",
	Source:  "FCM discovery document v1 (scopes); developers.google.com/identity/protocols/oauth2/scopes; bodies from memory",
	Certain: simkit.Observed,
}

var ruleForeignScopes = Rule{
	Name:    "oauth.foreign_scopes",
	Text:    "A token is issued for scopes of Google's that do not allow to send; false refuses them as invalid_scope.",
	Source:  "Google's scopes are independent of each other",
	Certain: simkit.Inferred,
	Switch:  "oauth.foreign_scopes",
	Default: "true",
	Varies:  []string{"true", "false"},
}

const (
	grantJWT       = "urn:ietf:params:oauth:grant-type:jwt-bearer"
	scopePrefix    = "https://www.googleapis.com/auth/"
	scopeMessaging = scopePrefix + "firebase.messaging"
	scopeCloud     = scopePrefix + "cloud-platform"
)

// oauthError is a refusal of the token endpoint, as RFC 6749 section 5.2 writes it.
type oauthError struct {
	Error       string `json:"error"`
	Description string `json:"error_description,omitempty"`
}

func (e *oauthError) answer() answer {
	return answer{status: http.StatusBadRequest, body: googleJSON(e), reason: e.Error, header: jsonHeader()}
}

// oauth is the token endpoint.
type oauth struct {
	*simulator.Kit
	account *serviceAccount
	access  *accessTokens
	url     string // of the endpoint
	port    string // the same on each of this machine's names
}

// answer answers POST /token. r is the request with a form as its body.
func (o *oauth) answer(r *h2sim.Request) answer {
	if r.Method != http.MethodPost {
		return htmlPage(http.StatusNotFound)
	}
	form, err := url.ParseQuery(string(r.Body))
	if err != nil || r.BodyTooLarge {
		return (&oauthError{"invalid_request", "The body is not a form."}).answer()
	}
	if g := form.Get("grant_type"); g != grantJWT {
		return (&oauthError{"unsupported_grant_type", "Invalid grant_type: " + clip(g)}).answer()
	}
	if form.Get("assertion") == "" {
		return (&oauthError{"invalid_request", "Missing required parameter: assertion"}).answer()
	}
	scopes, no := o.checkAssertion(form.Get("assertion"), r.Authority)
	if no != nil {
		return no.answer()
	}
	life := o.Switches.Duration("oauth.expires_in")
	out := map[string]any{
		"access_token": o.access.issue(scopes, time.Now().Add(life)),
		"expires_in":   int(life / time.Second),
		"token_type":   "Bearer",
	}
	return answer{status: http.StatusOK, body: googleJSON(out), header: jsonHeader()}
}

// checkScopes wants names that Google knows.
func (o *oauth) checkScopes(scope string) ([]string, *oauthError) {
	scopes := strings.Fields(scope)
	if len(scopes) == 0 {
		return nil, &oauthError{"invalid_scope", "Invalid OAuth scope or ID token audience provided."}
	}
	may := false
	for _, sc := range scopes {
		known := strings.HasPrefix(sc, scopePrefix) && len(sc) > len(scopePrefix) || slices.Contains([]string{"openid", "email", "profile"}, sc)
		if !known {
			return nil, &oauthError{"invalid_scope", "Some requested scopes were invalid. {invalid=[" + clip(sc) + "]}"}
		}
		may = may || sc == scopeMessaging || sc == scopeCloud
	}
	if !may && !o.Switches.Bool("oauth.foreign_scopes") {
		return nil, &oauthError{"invalid_scope", "None of the requested scopes allows to send messages."}
	}
	return scopes, nil
}

// grant is what an access token says. Tokens are sealed with a key of the simulator's own, so that it keeps no list of them:
// any number may be issued.
type grant struct {
	Scopes  []string  `json:"s"`
	Expires time.Time `json:"e"`
	Round   int64     `json:"r"` // RevokeAccessTokens makes the tokens of former rounds void
}

// accessTokens issues and checks the access tokens.
type accessTokens struct {
	key   [32]byte     // seals them; never changes
	round atomic.Int64 // those of former rounds are void
}

func newAccessTokens() (*accessTokens, error) {
	t := &accessTokens{}
	if _, err := rand.Read(t.key[:]); err != nil {
		return nil, fmt.Errorf("fcmtest: no random numbers: %w", err)
	}
	return t, nil
}

func (t *accessTokens) issue(scopes []string, expires time.Time) string {
	b, err := json.Marshal(grant{scopes, expires, t.round.Load()})
	if err != nil {
		panic("fcmtest: own grant does not marshal: " + err.Error())
	}
	return "ya29.c." + base64.RawURLEncoding.EncodeToString(b) + "." + base64.RawURLEncoding.EncodeToString(t.seal(b))
}

func (t *accessTokens) seal(b []byte) []byte {
	m := hmac.New(sha256.New, t.key[:])
	m.Write(b)
	return m.Sum(nil)
}

// read returns the grant of an access token, nil if it is not ours, expired (by real time) or revoked.
func (t *accessTokens) read(token string) *grant {
	body, ok := strings.CutPrefix(token, "ya29.c.")
	payload, mac, ok2 := strings.Cut(body, ".")
	b, err := base64.RawURLEncoding.DecodeString(payload)
	sum, err2 := base64.RawURLEncoding.DecodeString(mac)
	if !ok || !ok2 || err != nil || err2 != nil || !hmac.Equal(sum, t.seal(b)) {
		return nil
	}
	var g grant
	if json.Unmarshal(b, &g) != nil || !time.Now().Before(g.Expires) || g.Round != t.round.Load() {
		return nil
	}
	return &g
}

var ruleAccessToken = Rule{
	Name:    "send.auth",
	Text:    "A send needs Authorization: Bearer with a token that the OAuth endpoint has issued and that has not expired; else 401 UNAUTHENTICATED without an FcmError.",
	Source:  "firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode",
	Certain: simkit.Documented,
}

const expected = "Expected OAuth 2 access token, login cookie or other valid authentication credential. " +
	"See https://developers.google.com/identity/sign-in/web/devconsole-project."

func (t *accessTokens) check(r *h2sim.Request) *refusal {
	value := r.Get("authorization")
	scheme, token, _ := strings.Cut(value, " ")
	if value == "" || !strings.EqualFold(scheme, "bearer") {
		return &refusal{status: http.StatusUnauthorized, challenge: true, info: "CREDENTIALS_MISSING",
			message: "Request is missing required authentication credential. " + expected}
	}
	g := t.read(strings.TrimSpace(token))
	if g == nil {
		return &refusal{status: http.StatusUnauthorized, challenge: true, info: "ACCESS_TOKEN_INVALID",
			message: "Request had invalid authentication credentials. " + expected}
	}
	if !slices.Contains(g.Scopes, scopeMessaging) && !slices.Contains(g.Scopes, scopeCloud) {
		return &refusal{status: http.StatusForbidden, info: "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
			message: "Request had insufficient authentication scopes."}
	}
	return nil
}
