package apnstest

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/hushpush/hush/pushtest/internal/simkit"
)

// claims is what a provider token says, before anyone has checked that it is true.
type claims struct {
	alg, kid, iss string
	issuedAt      time.Time
	signed        string // what the signature is of
	signature     []byte
}

// maxJWT bounds what is looked at; a token of APNs' has about 200 bytes. The header limit is the first bound.
const maxJWT = 4096

var errNoJWT = errors.New("apnstest: not a provider token")

// parseJWT takes a token apart. It wants what Apple describes: three parts in base64url without padding, kid and iss strings,
// iat a number of seconds. Other members do no harm: some clients add typ.
func parseJWT(token string) (c claims, err error) {
	parts := strings.Split(token, ".")
	if len(token) > maxJWT || len(parts) != 3 {
		return c, errNoJWT
	}
	var head, body *simkit.Node
	for i, n := range []**simkit.Node{&head, &body} {
		raw, err := base64.RawURLEncoding.Strict().DecodeString(parts[i])
		if err != nil {
			return c, errNoJWT
		}
		if *n, err = simkit.ParseJSON(raw, 8); err != nil || (*n).Kind != simkit.Object {
			return c, errNoJWT
		}
	}
	if c.signature, err = base64.RawURLEncoding.Strict().DecodeString(parts[2]); err != nil {
		return c, errNoJWT
	}
	text := func(n *simkit.Node, name string) string {
		if v := n.Get(name); v != nil && v.Kind == simkit.String {
			return v.Text
		}
		return ""
	}
	c.alg, c.kid, c.iss = text(head, "alg"), text(head, "kid"), text(body, "iss")
	c.signed = parts[0] + "." + parts[1]
	iat := body.Get("iat")
	if iat == nil || iat.Kind != simkit.Number {
		return c, errNoJWT
	}
	seconds, err := strconv.ParseFloat(iat.Text, 64) // some libraries write fractions, or 1.7e9
	if err != nil || seconds < 0 || seconds > 1<<40 {
		return c, errNoJWT
	}
	c.issuedAt = time.Unix(int64(seconds), 0)
	return c, nil
}

// verify reports whether key has signed the token: raw R and S, 32 bytes each (RFC 7518, section 3.4).
func (c *claims) verify(key *ecdsa.PublicKey) bool {
	if len(c.signature) != 64 {
		return false
	}
	sum := sha256.Sum256([]byte(c.signed))
	r, s := new(big.Int).SetBytes(c.signature[:32]), new(big.Int).SetBytes(c.signature[32:])
	return ecdsa.Verify(key, sum[:], r, s)
}

// SignToken makes a provider token with this key as a sender would, issued at the given time; for requests made by hand. The
// key is one of Server.Keys.
func (k Key) SignToken(issuedAt time.Time) (string, error) {
	if k.private == nil {
		if err := k.open(); err != nil {
			return "", err
		}
	}
	head, _ := json.Marshal(map[string]string{"alg": "ES256", "kid": k.ID})
	body, _ := json.Marshal(map[string]any{"iss": k.Team, "iat": issuedAt.Unix()})
	signed := base64.RawURLEncoding.EncodeToString(head) + "." + base64.RawURLEncoding.EncodeToString(body)
	sum := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, k.private, sum[:])
	if err != nil {
		return "", fmt.Errorf("apnstest: signing a provider token: %w", err)
	}
	var sig [64]byte
	r.FillBytes(sig[:32])
	s.FillBytes(sig[32:])
	return signed + "." + base64.RawURLEncoding.EncodeToString(sig[:]), nil
}
