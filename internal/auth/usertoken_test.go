package auth_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/hushpush/hush/internal/auth"
	"github.com/hushpush/hush/push"
)

const (
	secretOfK1 = "0123456789abcdef0123456789abcdef"
	otherKey   = "another secret, 32 bytes or more long"
)

func hs256(app, kid, secret string) push.SigningKey {
	return push.SigningKey{App: app, KID: kid, Alg: auth.HS256, Secret: push.Secret(secret)}
}

func claims(aud any, sub string, exp time.Time) jwt.MapClaims {
	return jwt.MapClaims{"aud": aud, "sub": sub, "exp": exp.Unix()}
}

func sign(t *testing.T, kid, secret string, c jwt.MapClaims) string {
	t.Helper()
	return signWith(t, jwt.SigningMethodHS256, map[string]any{"kid": kid}, []byte(secret), c)
}

func signWith(t *testing.T, method jwt.SigningMethod, header map[string]any, key any, c jwt.MapClaims) string {
	t.Helper()
	token := jwt.NewWithClaims(method, c)
	for name, value := range header {
		token.Header[name] = value
	}
	s, err := token.SignedString(key)
	if err != nil {
		t.Fatalf("signing: %v", err)
	}
	return s
}

// signRaw signs header and claims as they stand with the secret of k1.
func signRaw(header, claims string) string {
	signed := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
	mac := hmac.New(sha256.New, []byte(secretOfK1))
	mac.Write([]byte(signed))
	return signed + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func pemOf(t *testing.T, public any) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func newECDSA(t *testing.T, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestGoodUserTokens(t *testing.T) {
	t.Parallel()
	private := newECDSA(t, elliptic.P256())
	later := noon.Add(time.Hour)
	es256 := func(c jwt.MapClaims) string {
		return signWith(t, jwt.SigningMethodES256, map[string]any{"kid": "e1"}, private, c)
	}
	withNBF := claims("notes", "alice", later)
	withNBF["nbf"] = noon.Add(4 * time.Second).Unix()
	tests := []struct {
		name, token, user string
		apps              []string
	}{
		{"HS256", sign(t, "k1", secretOfK1, claims("notes", "alice", later)), "alice", []string{"notes"}},
		{"ES256", es256(claims("notes", "bob 🙂/..", later)), "bob 🙂/..", []string{"notes"}},
		{"aud is a list", sign(t, "k1", secretOfK1, claims([]string{"https://elsewhere", "notes"}, "alice", later)), "alice", []string{"notes"}},
		{"aud names it twice", sign(t, "k1", secretOfK1, claims([]string{"notes", "notes"}, "alice", later)), "alice", []string{"notes"}},
		{"a month long", sign(t, "k1", secretOfK1, claims("notes", "alice", noon.Add(744*time.Hour))), "alice", []string{"notes"}},
		{"as bytes, each name once", signRaw(`{"kid":"k1","alg":"HS256"}`, fmt.Sprintf(`{"sub":"alice","aud":"notes","exp":%d,"sub_2":{"sub":1}}`, later.Unix())), "alice", []string{"notes"}},
		{"within the leeway of exp", sign(t, "k1", secretOfK1, claims("notes", "alice", noon.Add(-4*time.Second))), "alice", []string{"notes"}},
		{"within the leeway of nbf", sign(t, "k1", secretOfK1, withNBF), "alice", []string{"notes"}},
	}
	a, m := setup(t)
	m.signing = []push.SigningKey{
		hs256("notes", "k1", secretOfK1),
		{App: "notes", KID: "e1", Alg: auth.ES256, PublicKey: pemOf(t, private.Public())},
		hs256("other", "k1", otherKey),
	}
	for _, tt := range tests {
		got, err := a.UserToken(t.Context(), tt.token)
		if err != nil || got.User != tt.user || !slices.Equal(got.Apps, tt.apps) {
			t.Errorf("%s: user %q, apps %q, %v; want %q and %q", tt.name, got.User, got.Apps, err, tt.user, tt.apps)
		}
	}
}

func TestBadUserTokens(t *testing.T) {
	t.Parallel()
	private, stranger := newECDSA(t, elliptic.P256()), newECDSA(t, elliptic.P256())
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	later := noon.Add(time.Hour)
	good := claims("notes", "alice", later)
	kid := func(id any) map[string]any { return map[string]any{"kid": id} }
	with := func(name string, value any) jwt.MapClaims {
		c := claims("notes", "alice", later)
		if c[name] = value; value == nil {
			delete(c, name)
		}
		return c
	}
	hs, es := jwt.SigningMethodHS256, jwt.SigningMethodES256
	secret := []byte(secretOfK1)
	public := pemOf(t, private.Public())
	whole := sign(t, "k1", secretOfK1, good)
	exp := fmt.Sprint(later.Unix())
	parts := strings.Split(whole, ".")
	otherUser := base64.RawURLEncoding.EncodeToString([]byte(`{"aud":"notes","sub":"mallory","exp":9999999999}`))
	tests := []struct {
		name, token string
		want        error
	}{
		{"empty", "", push.ErrUnauthenticated},
		{"no JWT", "hush_key_x", push.ErrUnauthenticated},
		{"a server key's form with dots", "a.b.c", push.ErrUnauthenticated},
		{"claims changed after signing", parts[0] + "." + otherUser + "." + parts[2], push.ErrUnauthenticated},
		{"signature cut off", parts[0] + "." + parts[1] + ".", push.ErrUnauthenticated},
		{"without kid", signWith(t, hs, nil, secret, good), push.ErrUnauthenticated},
		{"kid is a number", signWith(t, hs, kid(1), secret, good), push.ErrUnauthenticated},
		{"unknown kid", sign(t, "k9", secretOfK1, good), push.ErrUnauthenticated},
		{"signed with another secret", sign(t, "k1", otherKey, good), push.ErrUnauthenticated},
		{"signed with another private key", signWith(t, es, kid("e1"), stranger, good), push.ErrUnauthenticated},
		{"alg none", signWith(t, jwt.SigningMethodNone, kid("k1"), jwt.UnsafeAllowNoneSignatureType, good), push.ErrUnauthenticated},
		{"alg HS512 with the right secret", signWith(t, jwt.SigningMethodHS512, kid("k1"), secret, good), push.ErrUnauthenticated},
		{"alg RS256", signWith(t, jwt.SigningMethodRS256, kid("k1"), rsaKey, good), push.ErrUnauthenticated},
		{"HS256 with the public key as the secret", signWith(t, hs, kid("e1"), []byte(public), good), push.ErrUnauthenticated},
		{"ES256 under an HS256 kid", signWith(t, es, kid("k1"), private, good), push.ErrUnauthenticated},
		{"crit", signWith(t, hs, map[string]any{"kid": "k1", "crit": []string{"exp"}, "exp": 1}, secret, good), push.ErrUnauthenticated},
		{"another app's key", sign(t, "k1", otherKey, claims("notes", "alice", later)), push.ErrUnauthenticated},
		{"an app without this key", sign(t, "k1", secretOfK1, claims("other", "alice", later)), push.ErrUnauthenticated},
		{"an app that is none", sign(t, "k1", secretOfK1, claims("No App", "alice", later)), push.ErrUnauthenticated},
		{"without aud", sign(t, "k1", secretOfK1, with("aud", nil)), push.ErrUnauthenticated},
		{"aud of many", sign(t, "k1", secretOfK1, with("aud", slices.Repeat([]string{"notes"}, 1000))), push.ErrUnauthenticated},
		{"without sub", sign(t, "k1", secretOfK1, with("sub", nil)), push.ErrUnauthenticated},
		{"sub is two dots", sign(t, "k1", secretOfK1, with("sub", "..")), push.ErrUnauthenticated},
		{"sub is a number", sign(t, "k1", secretOfK1, with("sub", 7)), push.ErrUnauthenticated},
		{"without exp", sign(t, "k1", secretOfK1, with("exp", nil)), push.ErrUnauthenticated},
		{"exp is a string", sign(t, "k1", secretOfK1, with("exp", "tomorrow")), push.ErrUnauthenticated},
		{"exp is a number in a string", sign(t, "k1", secretOfK1, with("exp", fmt.Sprint(later.Unix()))), push.ErrUnauthenticated},
		{"nbf is a number in a string", sign(t, "k1", secretOfK1, with("nbf", fmt.Sprint(noon.Unix()))), push.ErrUnauthenticated},
		{"expired", sign(t, "k1", secretOfK1, claims("notes", "alice", noon.Add(-6*time.Second))), push.ErrTokenExpired},
		{"expired and forged", sign(t, "k1", otherKey, claims("notes", "alice", noon.Add(-time.Hour))), push.ErrUnauthenticated},
		{"nbf in the future", sign(t, "k1", secretOfK1, with("nbf", noon.Add(6*time.Second).Unix())), push.ErrUnauthenticated},
		{"longer than a month", sign(t, "k1", secretOfK1, claims("notes", "alice", noon.Add(744*time.Hour+6*time.Second))), push.ErrUnauthenticated},
		{"forever", sign(t, "k1", secretOfK1, with("exp", 1e15)), push.ErrUnauthenticated},
		{"longer than a month, most of it over", sign(t, "k1", secretOfK1, with("iat", noon.Add(-744*time.Hour).Unix())), push.ErrUnauthenticated},
		{"sub twice", signRaw(`{"kid":"k1","alg":"HS256"}`, `{"sub":"alice","aud":"notes","exp":`+exp+`,"sub":"bob"}`), push.ErrUnauthenticated},
		{"sub twice, once escaped", signRaw(`{"kid":"k1","alg":"HS256"}`, `{"sub":"alice","aud":"notes","exp":`+exp+`,"s\u0075b":"bob"}`), push.ErrUnauthenticated},
		{"sub and SUB", signRaw(`{"kid":"k1","alg":"HS256"}`, `{"sub":"alice","aud":"notes","exp":`+exp+`,"SUB":"bob"}`), push.ErrUnauthenticated},
		{"Aud alone", signRaw(`{"kid":"k1","alg":"HS256"}`, `{"sub":"alice","Aud":"notes","exp":`+exp+`}`), push.ErrUnauthenticated},
		{"sub with a long s", signRaw(`{"kid":"k1","alg":"HS256"}`, `{"sub":"alice","aud":"notes","exp":`+exp+`,"ſub":"bob"}`), push.ErrUnauthenticated},
		{"an unknown claim in two cases", signRaw(`{"kid":"k1","alg":"HS256"}`, `{"sub":"alice","aud":"notes","exp":`+exp+`,"role":1,"Role":2}`), push.ErrUnauthenticated},
		{"kid twice", signRaw(`{"kid":"k1","alg":"HS256","kid":"k1"}`, `{"sub":"alice","aud":"notes","exp":`+exp+`}`), push.ErrUnauthenticated},
		{"KID beside kid", signRaw(`{"kid":"k1","alg":"HS256","KID":"k2"}`, `{"sub":"alice","aud":"notes","exp":`+exp+`}`), push.ErrUnauthenticated},
		{"CRIT", signRaw(`{"kid":"k1","alg":"HS256","CRIT":["x"]}`, `{"sub":"alice","aud":"notes","exp":`+exp+`}`), push.ErrUnauthenticated},
		{"a lone surrogate in sub", signRaw(`{"kid":"k1","alg":"HS256"}`, `{"sub":"\ud800","aud":"notes","exp":`+exp+`}`), push.ErrUnauthenticated},
		{"too long", sign(t, "k1", secretOfK1, with("x", strings.Repeat("x", 9000))), push.ErrUnauthenticated},
	}
	a, m := setup(t)
	m.signing = []push.SigningKey{
		hs256("notes", "k1", secretOfK1),
		{App: "notes", KID: "e1", Alg: auth.ES256, PublicKey: public},
		hs256("other", "k1", otherKey),
	}
	for _, tt := range tests {
		_, err := a.UserToken(t.Context(), tt.token)
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v; want %v", tt.name, err, tt.want)
		}
		if tt.token != "" && err != nil && (strings.Contains(err.Error(), tt.token) || strings.Contains(err.Error(), secretOfK1)) {
			t.Errorf("%s: the error shows the token or the key: %v", tt.name, err)
		}
	}
}

func TestATokenIsGoodOnlyForTheAppsWhoseKeyVerifiesIt(t *testing.T) {
	t.Parallel()
	a, m := setup(t)
	m.signing = []push.SigningKey{hs256("notes", "k1", secretOfK1), hs256("other", "k1", otherKey), hs256("twin", "k1", secretOfK1)}
	token := sign(t, "k1", secretOfK1, claims([]string{"other", "notes", "twin"}, "alice", noon.Add(time.Hour)))
	got, err := a.UserToken(t.Context(), token)
	if want := []string{"notes", "twin"}; err != nil || !slices.Equal(got.Apps, want) {
		t.Errorf("aud of three apps, one with another key: %q, %v; want %q", got.Apps, err, want)
	}
}

func TestMintedTokensAreGoodForTheirAppOnly(t *testing.T) {
	t.Parallel()
	a, m := setup(t)
	token, expires, err := a.MintUserToken(t.Context(), "notes", "alice", time.Hour)
	if err != nil {
		t.Fatalf("MintUserToken: %v", err)
	}
	got, err := a.UserToken(t.Context(), token)
	if err != nil || got.User != "alice" || !got.ForApp("notes") || !got.ExpiresAt.Equal(noon.Add(time.Hour)) || !expires.Equal(got.ExpiresAt) {
		t.Errorf("the minted token: %+v, %v, said to expire at %s; want alice of notes for an hour", got, err, expires)
	}
	if _, _, err := a.MintUserToken(t.Context(), "notes", "bob", time.Hour); err != nil || len(m.signing) != 1 {
		t.Errorf("a second token: %v, %d signing keys; want one key for the app", err, len(m.signing))
	}
	if _, _, err := a.MintUserToken(t.Context(), "notes", "..", time.Hour); err == nil {
		t.Error("a token for the user ..: no error; want one")
	}
	m.signing = nil // as if the app had been deleted
	if _, err := a.UserToken(t.Context(), token); !errors.Is(err, push.ErrUnauthenticated) {
		t.Errorf("the token after its key is gone: %v; want ErrUnauthenticated", err)
	}
}

func TestPublicKeysOfOtherKindsAreRefused(t *testing.T) {
	t.Parallel()
	private := newECDSA(t, elliptic.P256())
	sec1, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"empty": "", "no PEM": "MIIB", "P-384": pemOf(t, newECDSA(t, elliptic.P384()).Public()),
		"a private key": string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: sec1})),
		"rubbish":       string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte("x")})),
	} {
		if _, err := auth.ParsePublicKey(text); err == nil {
			t.Errorf("%s: taken; want an error", name)
		}
	}
	if _, err := auth.ParsePublicKey(pemOf(t, private.Public())); err != nil {
		t.Errorf("a P-256 key: %v; want none", err)
	}
}

func FuzzUserToken(f *testing.F) {
	f.Add("a.b.c")
	f.Add("eyJhbGciOiJIUzI1NiIsImtpZCI6ImsxIn0.eyJhdWQiOiJub3RlcyIsInN1YiI6ImEiLCJleHAiOjk5OTk5OTk5OTl9.AA")
	f.Add("eyJhbGciOiJub25lIiwia2lkIjoiazEifQ.eyJhdWQiOlsibm90ZXMiXX0.")
	m := &memory{signing: []push.SigningKey{hs256("notes", "k1", secretOfK1)}}
	a, err := auth.New(auth.Config{Store: m, RootKey: rootKey, WakeSecret: wakeSecret})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, token string) {
		if got, err := a.UserToken(t.Context(), token); err == nil {
			t.Errorf("UserToken(%q): %+v; nobody signed it", token, got)
		}
	})
}
