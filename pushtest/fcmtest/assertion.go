package fcmtest

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/hushpush/hush/pushtest/internal/simkit"
)

var ruleAssertion = Rule{
	Name:    "oauth.assertion",
	Text:    "An assertion is a JWT signed with RS256 by the service account's key: iss is its client_email, aud the token endpoint, exp at most an hour after iat, kid (if given) its private_key_id. Else 400 invalid_grant. Times are real time.",
	Source:  "developers.google.com/identity/protocols/oauth2/service-account; wording from httpfixer.dev and from memory",
	Certain: simkit.Documented,
}

var ruleUnknownAccount = Rule{
	Name:    "oauth.unknown_account",
	Text:    "What an assertion of an account that does not exist gets.",
	Source:  "sources differ; from memory",
	Certain: simkit.Uncertain,
	Switch:  "oauth.unknown_account",
	Default: "invalid_client",
	Words:   []string{"invalid_client", "unauthorized_client", "disabled_client", "invalid_grant"},
	Varies:  []string{"invalid_client", "invalid_grant"},
}

var ruleSkew = Rule{
	Name:    "oauth.skew",
	Text:    "How far an assertion's iat may lie ahead, and its exp behind, real time.",
	Source:  "not documented; golang.org/x/oauth2 dates iat 10 s back to be safe",
	Certain: simkit.Inferred,
	Switch:  "oauth.skew",
	Default: "10s",
	Varies:  []string{"10s", "1m", "5m"},
}

const shortLived = "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. " +
	"Check your iat and exp values in the JWT claim."

// assertion is a JWT taken apart, not yet believed.
type assertion struct {
	Alg, Typ, Kid string
	Iss, Scope    string
	Aud           []string
	Iat, Exp      float64 // seconds; 0 if missing
	signed        string  // what the signature is over
	signature     []byte
}

func invalidJWT(why string) *oauthError { return &oauthError{"invalid_grant", "Invalid JWT: " + why} }

// parseAssertion takes a compact JWT apart. Any input is allowed; the error is what the client is told.
func parseAssertion(jwt string) (*assertion, *oauthError) {
	const most = 16 << 10
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 || len(jwt) > most {
		return nil, invalidJWT("it must be a JSON Web Token of three parts.")
	}
	var raw [3][]byte
	for i, p := range parts {
		b, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(p, "="))
		if err != nil {
			return nil, invalidJWT("a part is not base64url.")
		}
		raw[i] = b
	}
	var head struct{ Alg, Typ, Kid string }
	var claims struct {
		Iss, Scope string
		Aud        json.RawMessage
		Iat, Exp   float64
	}
	if json.Unmarshal(raw[0], &head) != nil || json.Unmarshal(raw[1], &claims) != nil {
		return nil, invalidJWT("header or claims cannot be read.")
	}
	a := &assertion{Alg: head.Alg, Typ: head.Typ, Kid: head.Kid, Iss: claims.Iss, Scope: claims.Scope, Iat: claims.Iat, Exp: claims.Exp,
		signed: parts[0] + "." + parts[1], signature: raw[2]}
	var one string
	if json.Unmarshal(claims.Aud, &one) == nil {
		a.Aud = []string{one}
	} else if json.Unmarshal(claims.Aud, &a.Aud) != nil {
		a.Aud = nil
	}
	return a, nil
}

// checkTimes judges iat and exp by now, which is real time.
func (a *assertion) checkTimes(now time.Time, skew time.Duration) *oauthError {
	at := float64(now.UnixNano()) / 1e9
	slack := skew.Seconds()
	switch {
	case a.Iat <= 0, a.Exp <= 0, // missing
		a.Exp <= a.Iat, a.Exp-a.Iat > 3600,
		a.Iat > at+slack, a.Exp < at-slack:
		return &oauthError{"invalid_grant", shortLived}
	}
	return nil
}

func (a *assertion) checkSignature(key *rsa.PublicKey) bool {
	sum := sha256.Sum256([]byte(a.signed))
	return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], a.signature) == nil
}

// checkAssertion checks all of an assertion; authority is the host that the request was made to.
func (o *oauth) checkAssertion(jwt, authority string) (scopes []string, no *oauthError) {
	a, no := parseAssertion(jwt)
	if no != nil {
		return nil, no
	}
	switch {
	case a.Alg != "RS256":
		return nil, invalidJWT("the algorithm must be RS256.")
	case a.Typ != "" && !strings.EqualFold(a.Typ, "JWT"):
		return nil, invalidJWT("typ must be JWT.")
	case a.Iss != o.account.ClientEmail:
		return nil, unknownAccount(o.Switches.String("oauth.unknown_account"))
	case a.Kid != "" && o.account.PrivateKeyID != "" && a.Kid != o.account.PrivateKeyID, !a.checkSignature(o.account.key):
		return nil, &oauthError{"invalid_grant", "Invalid JWT Signature."}
	}
	if no := a.checkTimes(time.Now(), o.Switches.Duration("oauth.skew")); no != nil {
		return nil, no
	}
	if !slices.ContainsFunc(a.Aud, func(aud string) bool { return slices.Contains(o.audiences(authority), aud) }) {
		return nil, invalidJWT("Failed audience check. The right audience is " + o.account.TokenURI)
	}
	return o.checkScopes(a.Scope)
}

func unknownAccount(word string) *oauthError {
	switch word {
	case "invalid_grant":
		return &oauthError{"invalid_grant", "Invalid grant: account not found"}
	case "unauthorized_client":
		return &oauthError{word, "Client is unauthorized to retrieve access tokens using this method."}
	case "disabled_client":
		return &oauthError{word, "The OAuth client was disabled."}
	}
	return &oauthError{"invalid_client", "The OAuth client was not found."}
}

// audiences returns the names of the token endpoint: the account's, this address by each of its names, and Google's own, for a
// client whose connections are led here.
func (o *oauth) audiences(authority string) []string {
	port := o.port
	return []string{
		o.account.TokenURI, o.url, "https://" + authority + "/token",
		"https://localhost:" + port + "/token", "https://127.0.0.1:" + port + "/token", "https://[::1]:" + port + "/token",
		"https://oauth2.googleapis.com/token",
	}
}
