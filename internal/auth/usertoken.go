package auth

import (
	"context"
	"crypto/ecdsa"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/hushpush/hush/internal/pemkey"
	"github.com/hushpush/hush/internal/rest"
	"github.com/hushpush/hush/push"
)

// The algorithms of user tokens.
const (
	HS256 = push.HS256
	ES256 = push.ES256
)

const (
	leeway        = 5 * time.Second // between the clocks of the app's backend and ours
	maxTokenBytes = 8 << 10         // of a user token
	maxAudiences  = 16              // of one token; each costs a look into the store
)

// UserToken verifies a user token (a JWT, RFC 7519): HS256 or ES256, with kid, sub, aud and exp.
//
// The claims name those apps of aud whose signing key kid verified the signature, so a token means nothing to any other app
// that its signer wrote into aud. The errors are push.ErrTokenExpired, for a token that is valid except for its exp, and
// push.ErrUnauthenticated with what is wrong. Neither shows the token.
func (a *Auth) UserToken(ctx context.Context, token string) (push.UserClaims, error) {
	if token == "" || len(token) > maxTokenBytes {
		return push.UserClaims{}, unauthenticated("no user token, or one of more than %d bytes", maxTokenBytes)
	}
	var claims jwt.RegisteredClaims
	parsed, parts, err := jwt.NewParser().ParseUnverified(token, &claims)
	if err != nil {
		return push.UserClaims{}, unauthenticated("the bearer is no JWT")
	}
	if err := checkNames(parts); err != nil {
		return push.UserClaims{}, err
	}
	if !numericDates(parts[1]) {
		return push.UserClaims{}, unauthenticated("the token's exp, nbf or iat is no number; want seconds since 1970")
	}
	kid, err := checkHeader(parsed.Header)
	if err != nil {
		return push.UserClaims{}, err
	}
	if len(claims.Audience) == 0 || len(claims.Audience) > maxAudiences {
		return push.UserClaims{}, unauthenticated("aud names %d apps; want 1 to %d", len(claims.Audience), maxAudiences)
	}
	out := push.UserClaims{User: claims.Subject}
	signed := token[:len(parts[0])+1+len(parts[1])]
	for _, app := range claims.Audience {
		key, err := a.verifyingKey(ctx, app, kid, parsed.Method, signed, parts[2])
		if err != nil {
			return push.UserClaims{}, err
		}
		if key != nil && !out.ForApp(app) {
			out.Apps, out.Keys = append(out.Apps, app), append(out.Keys, key.Ground())
		}
	}
	if len(out.Apps) == 0 {
		return push.UserClaims{}, unauthenticated("no app in aud has a signing key of this kid and alg that verifies the token and has not reached its end")
	}
	if out.ExpiresAt, err = a.checkClaims(claims); err != nil {
		return push.UserClaims{}, err
	}
	for _, app := range out.Apps {
		a.uses.record(push.KeyUse{App: app, ID: kid, Signing: true}, a.now())
	}
	return out, nil
}

// The names that are read from a token.
var (
	headerNames = []string{"alg", "kid", "crit", "typ", "cty", "b64"}
	claimNames  = []string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti"}
)

// checkNames refuses a token that two readers could read differently (RFC 7519, section 4, and RFC 7515, section 4, require
// each name once): the backend that signed it may have checked another sub than the one that is read here.
func checkNames(parts []string) error {
	for i, part := range []struct {
		what  string
		known []string
	}{{"header", headerNames}, {"claims", claimNames}} {
		raw, err := jwt.NewParser().DecodeSegment(parts[i])
		if err != nil {
			return unauthenticated("the bearer is no JWT")
		}
		if err := rest.CheckNames(raw, part.known...); err != nil {
			return unauthenticated("the token's %s: it %v; want each name once, as RFC 7519 spells it", part.what, err)
		}
	}
	return nil
}

// numericDates reports whether the times among the claims are numbers (RFC 7519, section 2, "NumericDate"). The library also
// takes strings with a number in them. A claim that is null counts as missing.
func numericDates(claims string) bool {
	raw, err := jwt.NewParser().DecodeSegment(claims)
	if err != nil {
		return false
	}
	var times struct{ Exp, NBF, IAT any }
	if json.Unmarshal(raw, &times) != nil {
		return false
	}
	for _, at := range []any{times.Exp, times.NBF, times.IAT} {
		if _, number := at.(float64); at != nil && !number {
			return false
		}
	}
	return true
}

// checkHeader returns the key id of a token's header. It refuses every extension that must be understood (crit; RFC 7515,
// section 4.1.11), since none is known here.
func checkHeader(header map[string]any) (kid string, err error) {
	if _, critical := header["crit"]; critical {
		return "", unauthenticated("the token has crit; no extension is known here")
	}
	if alg := header["alg"]; alg != string(HS256) && alg != string(ES256) {
		return "", unauthenticated("the token's alg is neither HS256 nor ES256")
	}
	kid, _ = header["kid"].(string)
	if push.CheckName(kid) != nil {
		return "", unauthenticated("the token's kid is missing or no name of a signing key")
	}
	return kid, nil
}

// verifyingKey returns the app's signing key of this id if its algorithm is the token's and it verifies the token; else nil.
func (a *Auth) verifyingKey(ctx context.Context, app, kid string, method jwt.SigningMethod, signed, signature string) (*push.SigningKey, error) {
	if push.CheckName(app) != nil {
		return nil, nil
	}
	key, err := a.store.SigningKey(ctx, app, kid)
	if errors.Is(err, push.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("auth: looking a signing key up: %w", err)
	}
	if string(key.Alg) != method.Alg() || key.Expired(a.now()) {
		return nil, nil
	}
	verifier, err := verifierOf(key)
	if err != nil {
		return nil, fmt.Errorf("auth: signing key %s of app %s: %w", kid, app, err)
	}
	raw, err := jwt.NewParser().DecodeSegment(signature)
	if err != nil || method.Verify(signed, raw, verifier) != nil {
		return nil, nil
	}
	return &key, nil
}

// checkClaims checks a verified token's times and user.
func (a *Auth) checkClaims(claims jwt.RegisteredClaims) (expires time.Time, err error) {
	validator := jwt.NewValidator(jwt.WithExpirationRequired(), jwt.WithLeeway(leeway), jwt.WithTimeFunc(a.now))
	switch err := validator.Validate(claims); {
	case errors.Is(err, jwt.ErrTokenNotValidYet):
		return time.Time{}, unauthenticated("the token's nbf has not come")
	case errors.Is(err, jwt.ErrTokenExpired):
		return time.Time{}, push.ErrTokenExpired
	case err != nil:
		return time.Time{}, unauthenticated("the token's exp is missing or no number")
	}
	if life := a.lifeOf(claims); life > a.tokenMax+leeway {
		return time.Time{}, unauthenticated("the token lives %s; want at most %s from its iat (or, without one, from now) to its exp",
			life.Round(time.Second), a.tokenMax)
	}
	if err := push.CheckID(claims.Subject); err != nil {
		return time.Time{}, unauthenticated("the token's sub %v", err)
	}
	return claims.ExpiresAt.Time, nil
}

// lifeOf returns how long a token lives: from its iat to its exp, or from now if it has no iat or one in the future.
func (a *Auth) lifeOf(claims jwt.RegisteredClaims) time.Duration {
	from := a.now()
	if claims.IssuedAt != nil && claims.IssuedAt.Before(from) {
		from = claims.IssuedAt.Time
	}
	return claims.ExpiresAt.Sub(from)
}

// badSecret is a push.ErrUnauthenticated whose sender may read what is wrong with the secret.
type badSecret struct{ wrong string }

// Error says what is wrong, for logs.
func (b *badSecret) Error() string { return push.ErrUnauthenticated.Error() + ": " + b.wrong }

// Wrong says what is wrong, for the sender of the secret. It does not show the secret.
func (b *badSecret) Wrong() string { return b.wrong }

// Unwrap returns push.ErrUnauthenticated.
func (*badSecret) Unwrap() error { return push.ErrUnauthenticated }

func unauthenticated(format string, args ...any) error {
	return &badSecret{fmt.Sprintf(format, args...)}
}

// verifierOf returns the key in the form that jwt verifies with.
func verifierOf(key push.SigningKey) (any, error) {
	if key.Alg == HS256 {
		return []byte(key.Secret.Reveal()), nil
	}
	return ParsePublicKey(key.PublicKey)
}

// ParsePublicKey reads the PEM of a P-256 public key, the only curve of ES256 (RFC 7518, section 3.4).
func ParsePublicKey(text string) (*ecdsa.PublicKey, error) {
	return pemkey.P256Public(text)
}
