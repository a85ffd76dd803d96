package apns_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/hushpush/hush/internal/apns"
	"github.com/hushpush/hush/push"
)

func TestASigningKeyIsCheckedBeforeItIsStored(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	good := *keyCredential(t, w.apple.key).APNs
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sec1, err := x509.MarshalECPrivateKey(w.apple.key)
	if err != nil {
		t.Fatal(err)
	}
	change := func(f func(*push.APNsCredential)) push.APNsCredential { c := good; f(&c); return c }
	key := func(k push.Secret) push.APNsCredential {
		return change(func(c *push.APNsCredential) { c.Key = k })
	}
	cases := []struct {
		name string
		cred push.APNsCredential
		at   string
		code push.Code
		says string
	}{
		{"nothing", push.APNsCredential{}, "key", push.CodeRequired, "missing"},
		{"no PEM", key("MIGHAgEA"), "key", push.CodeBadCredential, "not PEM"},
		{"SEC 1", key(push.Secret(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: sec1}))), "key", push.CodeBadCredential, "want PKCS#8"},
		{"a certificate", key(push.Secret(w.apple.ca())), "key", push.CodeBadCredential, "is a certificate"},
		{"cut short", key(push.Secret(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: sec1[:20]}))), "key", push.CodeBadCredential, "not a readable PKCS#8"},
		{"P-384", key(p8(t, p384)), "key", push.CodeBadCredential, "curve P-384; want P-256"},
		{"RSA", key(p8(t, rsaKey)), "key", push.CodeBadCredential, "want ECDSA on the curve P-256"},
		{"Ed25519", key(p8(t, edKey)), "key", push.CodeBadCredential, "want ECDSA on the curve P-256"},
		{"no key id", change(func(c *push.APNsCredential) { c.KeyID = "" }), "key_id", push.CodeRequired, "missing"},
		{"short key id", change(func(c *push.APNsCredential) { c.KeyID = "ABC" }), "key_id", push.CodeBadCredential, "has 3 characters; want 10"},
		{"odd key id", change(func(c *push.APNsCredential) { c.KeyID = "ABC-123-DE" }), "key_id", push.CodeBadCredential, "letters and digits"},
		{"no team id", change(func(c *push.APNsCredential) { c.TeamID = "" }), "team_id", push.CodeRequired, "missing"},
		{"long team id", change(func(c *push.APNsCredential) { c.TeamID = "ABCDEFGHIJK" }), "team_id", push.CodeBadCredential, "has 11 characters; want 10"},
		{"empty topic", change(func(c *push.APNsCredential) { c.Topics = []string{"a", ""} }), "topics[1]", push.CodeBadValue, "is not a bundle id; want one like"},
		{"topic with a space", change(func(c *push.APNsCredential) { c.Topics = []string{"com.example notes"} }), "topics[0]", push.CodeBadValue, "without spaces"},
		{"topic with a wildcard", change(func(c *push.APNsCredential) { c.Topics = []string{"com.example.*"} }), "topics[0]", push.CodeBadValue, "has a wildcard"},
		{"topic that is too long", change(func(c *push.APNsCredential) { c.Topics = []string{strings.Repeat("a", 256)} }), "topics[0]", push.CodeOutOfRange, "has 256 bytes"},
		{"topic twice", change(func(c *push.APNsCredential) { c.Topics = []string{"a", "b", "a"} }), "topics[2]", push.CodeBadValue, "twice"},
		{"too many topics", change(func(c *push.APNsCredential) { c.Topics = make([]string, 101) }), "topics", push.CodeTooMany, "at most 100"},
		{"a password, which only p12 has", change(func(c *push.APNsCredential) { c.Password = "x" }), "password", push.CodeOneOf, "beside key"},
		{"both kinds", change(func(c *push.APNsCredential) { c.P12 = []byte("x") }), "p12", push.CodeOneOf, "one of them"},
	}
	for _, c := range cases {
		wantFieldError(t, w, c.name, c.cred, c.at, c.code, c.says)
	}
	info, err := w.Check(t.Context(), push.Credential{APNs: &good})
	if err != nil {
		t.Fatal(err)
	}
	if info.Kind != push.KindToken || info.Provider != push.APNs || info.KeyID != keyID || info.TeamID != teamID || !slices.Equal(info.Topics, good.Topics) {
		t.Errorf("got %+v, want kind and ids", info)
	}
	if _, err := w.Check(t.Context(), push.Credential{}); err == nil {
		t.Error("got no error for a credential of another provider, want one")
	}
}

func wantFieldError(t *testing.T, w *world, name string, cred push.APNsCredential, at string, code push.Code, says string) {
	t.Helper()
	_, err := w.Check(t.Context(), push.Credential{APNs: &cred})
	var errs push.FieldErrors
	if !errors.As(err, &errs) || len(errs) != 1 {
		t.Errorf("%s: got %v, want one field error", name, err)
		return
	}
	if e := errs[0]; e.Location != at || e.Code != code || !strings.Contains(e.Message, says) {
		t.Errorf("%s: got %+v, want %s at %s that says %q", name, e, code, at, says)
	}
}

type certOptions struct {
	topics   []string // in Apple's list
	uid      string   // in the subject
	from, to time.Duration
}

// newP12 returns a certificate as Apple makes them, with its key and password.
func newP12(t *testing.T, o certOptions) ([]byte, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if o.to == 0 {
		o.from, o.to = -time.Hour, time.Hour
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2),
		Subject:      pkix.Name{CommonName: "Apple Push Services: com.example.notes", OrganizationalUnit: []string{teamID}},
		NotBefore:    time.Now().Add(o.from), NotAfter: time.Now().Add(o.to),
	}
	if o.uid != "" {
		template.Subject.ExtraNames = []pkix.AttributeTypeAndValue{{Type: asn1.ObjectIdentifier{0, 9, 2342, 19200300, 100, 1, 1}, Value: o.uid}}
	}
	if o.topics != nil {
		template.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 840, 113635, 100, 6, 3, 6}, Value: topicList(t, o.topics)}}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	const password = "correct horse battery staple"
	p12, err := pkcs12.Modern.Encode(key, cert, nil, password)
	if err != nil {
		t.Fatal(err)
	}
	return p12, password
}

// topicList returns Apple's extension: each topic, followed by a sequence of its kinds.
func topicList(t *testing.T, topics []string) []byte {
	t.Helper()
	var content []byte
	for _, topic := range topics {
		name, err := asn1.MarshalWithParams(topic, "utf8")
		if err != nil {
			t.Fatal(err)
		}
		kinds, err := asn1.Marshal([]string{"app"})
		if err != nil {
			t.Fatal(err)
		}
		content = append(append(content, name...), kinds...)
	}
	out, err := asn1.Marshal(asn1.RawValue{Class: asn1.ClassUniversal, Tag: asn1.TagSequence, IsCompound: true, Bytes: content})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestACertificateIsCheckedBeforeItIsStored(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	p12 := func(o certOptions) push.APNsCredential {
		b, password := newP12(t, o)
		return push.APNsCredential{P12: b, Password: push.Secret(password)}
	}
	topics := []string{"com.example.notes", "com.example.notes.voip"}
	good := p12(certOptions{topics: topics})
	wrong := good
	wrong.Password = "wrong"
	for _, c := range []struct {
		name string
		cred push.APNsCredential
		at   string
		says string
	}{
		{"wrong password", wrong, "password", "does not open"},
		{"no PKCS#12", push.APNsCredential{P12: []byte("x")}, "p12", "not a readable PKCS#12"},
		{"expired", p12(certOptions{topics: topics, from: -2 * time.Hour, to: -time.Hour}), "p12", "has expired on 20"},
		{"not yet", p12(certOptions{topics: topics, from: time.Hour, to: 2 * time.Hour}), "p12", "is not valid before 20"},
		{"no topics", p12(certOptions{}), "p12", "names no topic"},
		{"empty list", p12(certOptions{topics: []string{}}), "p12", "names no topic"},
	} {
		wantFieldError(t, w, c.name, c.cred, c.at, push.CodeBadCredential, c.says)
	}
	for at, change := range map[string]func(*push.APNsCredential){
		"key_id": func(c *push.APNsCredential) { c.KeyID = keyID }, "team_id": func(c *push.APNsCredential) { c.TeamID = teamID },
		"topics": func(c *push.APNsCredential) { c.Topics = topics },
	} {
		mixed := good
		change(&mixed)
		wantFieldError(t, w, at+" beside p12", mixed, at, push.CodeOneOf, "beside p12")
	}
	info, err := w.Check(t.Context(), push.Credential{APNs: &good})
	if err != nil {
		t.Fatal(err)
	}
	if info.Kind != push.KindCertificate || !slices.Equal(info.Topics, topics) || info.TeamID != teamID || info.ValidUntil == nil || time.Until(*info.ValidUntil) < 30*time.Minute {
		t.Errorf("got %+v, want kind, topics, team and the end of its validity", info)
	}
	old := p12(certOptions{uid: "com.example.old"})
	if info, err := w.Check(t.Context(), push.Credential{APNs: &old}); err != nil || !slices.Equal(info.Topics, []string{"com.example.old"}) {
		t.Errorf("got %+v, %v, want the subject's bundle id as topic", info, err)
	}
}

func TestACertificateAuthenticatesWithoutAToken(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	b, password := newP12(t, certOptions{topics: []string{"com.example.notes"}})
	w.creds.Put("notes", push.Credential{APNs: &push.APNsCredential{P12: b, Password: push.Secret(password)}})
	w.mustSend()
	r := w.apple.requests()[0]
	if r.cert == nil || !strings.HasPrefix(r.cert.Subject.CommonName, "Apple Push Services") || r.header.Get("authorization") != "" {
		t.Errorf("got certificate %v and authorization %q, want the certificate alone", r.cert != nil, r.header.Get("authorization"))
	}
}

func TestTheConfigurationIsChecked(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	for name, cfg := range map[string]apns.Config{
		"no Credentials": {},
		"URL":            {Credentials: w.creds, URL: "api.push.apple.com"},
		"URL with path":  {Credentials: w.creds, URL: "https://x/y"},
		"plain URL":      {Credentials: w.creds, URL: "http://127.0.0.1:2197"},
		"DevelopmentURL": {Credentials: w.creds, DevelopmentURL: "://"},
		"CA":             {Credentials: w.creds, CA: []byte("no PEM")},
		"RetryWait":      {Credentials: w.creds, RetryWait: -1},
	} {
		if _, err := apns.New(cfg); err == nil || !strings.HasPrefix(err.Error(), "apns: ") {
			t.Errorf("%s: got %v, want an error of apns", name, err)
		}
	}
}
