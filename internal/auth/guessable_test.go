package auth_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/hushpush/hush/internal/auth"
	"github.com/hushpush/hush/push"
)

func TestSecretsThatCanBeGuessedAreRefused(t *testing.T) {
	t.Parallel()
	steps := make([]byte, 64)
	for i := range steps {
		steps[i] = byte(7 * i)
	}
	a, _ := setup(t)
	for name, secret := range map[string][]byte{
		"zeros":                   make([]byte, 32),
		"all bytes alike":         bytes.Repeat([]byte{'a'}, 512),
		"all but one alike":       append(bytes.Repeat([]byte{'a'}, 63), 'b'),
		"two bytes in turn":       bytes.Repeat([]byte("ab"), 16),
		"a word over and over":    bytes.Repeat([]byte("password"), 4),
		"a word cut off":          bytes.Repeat([]byte("secret"), 6)[:33],
		"bytes in steps":          steps,
		"the letters":             []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`"),
		"few different, shuffled": []byte("aabbabababaabbbaabababbabbaababb"),
	} {
		err := a.CheckSigningKey(push.SigningKey{App: "notes", KID: "k1", Alg: auth.HS256, Secret: push.Secret(secret)})
		var fields push.FieldErrors
		if !errors.As(err, &fields) || len(fields) != 1 || fields[0].Code != push.CodeBadValue || !strings.Contains(fields[0].Message, "openssl rand") {
			t.Errorf("%s: %v; want one bad_value that says what would be right", name, err)
		}
	}
}

func TestSecretsOfChanceAreTaken(t *testing.T) {
	t.Parallel()
	a, _ := setup(t)
	digits := func(b []byte) string {
		out := make([]byte, len(b))
		for i, c := range b {
			out[i] = '0' + c%10
		}
		return string(out)
	}
	for range 2000 {
		b := make([]byte, 32)
		rand.Read(b)
		for name, secret := range map[string]string{
			"bytes": string(b), "base64": base64.StdEncoding.EncodeToString(b), "hex": hex.EncodeToString(b),
			"32 digits of hex": hex.EncodeToString(b[:16]), "32 digits": digits(b),
		} {
			if err := a.CheckSigningKey(hs256("notes", "k1", secret)); err != nil {
				t.Errorf("%s %q: %v; want it taken", name, secret, err)
			}
		}
	}
	for _, secret := range []string{secretOfK1, otherKey, "correct horse battery staple, and more"} {
		if err := a.CheckSigningKey(hs256("notes", "k1", secret)); err != nil {
			t.Errorf("%q: %v; want it taken", secret, err)
		}
	}
}
