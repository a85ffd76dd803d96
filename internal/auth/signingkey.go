package auth

import (
	"fmt"

	"github.com/hushpush/hush/push"
)

// minSigningSecret is the length that HS256 requires of its key: as many bytes as the hash has (RFC 7518, section 3.2).
const minSigningSecret = 32

// CheckSigningKey returns all that is wrong with an app's signing key, as push.FieldErrors by the names of the API (alg,
// secret, public_key, and kid for an id that Hush reserves for its own keys); nil if nothing is.
func (a *Auth) CheckSigningKey(key push.SigningKey) error {
	var errs push.FieldErrors
	if key.Own() {
		errs.Add("kid", push.CodeBadID, fmt.Sprintf("begins with %s, which Hush keeps for its own keys; want another id", push.OwnKeyPrefix))
	}
	switch key.Alg {
	case HS256:
		checkSecret(key, &errs)
	case ES256:
		checkPublicKey(key, &errs)
	case "":
		errs.Add("alg", push.CodeRequired, "is missing; want HS256 or ES256")
	default:
		errs.Add("alg", push.CodeBadValue, fmt.Sprintf("is %q; want HS256 or ES256", key.Alg))
	}
	return errs.Err()
}

func checkSecret(key push.SigningKey, errs *push.FieldErrors) {
	switch n := len(key.Secret); {
	case n == 0:
		errs.Add("secret", push.CodeRequired, fmt.Sprintf("is missing; want %d bytes or more, in base64", minSigningSecret))
	case n < minSigningSecret:
		errs.Add("secret", push.CodeOutOfRange, fmt.Sprintf("has %d bytes; want %d or more, as HS256 asks", n, minSigningSecret))
	case guessable([]byte(key.Secret.Reveal())):
		errs.Add("secret", push.CodeBadValue, "follows a pattern, or has too few different bytes, so that it can be guessed; want chance, such as openssl rand -base64 32 makes")
	}
	if key.PublicKey != "" {
		errs.Add("public_key", push.CodeOneOf, "is for ES256; an HS256 key has a secret")
	}
}

func checkPublicKey(key push.SigningKey, errs *push.FieldErrors) {
	if key.PublicKey == "" {
		errs.Add("public_key", push.CodeRequired, "is missing; want the PEM of a P-256 public key")
	} else if _, err := ParsePublicKey(key.PublicKey); err != nil {
		errs.Add("public_key", push.CodeBadValue, err.Error())
	}
	if key.Secret != "" {
		errs.Add("secret", push.CodeOneOf, "is for HS256; an ES256 key has a public_key")
	}
}
