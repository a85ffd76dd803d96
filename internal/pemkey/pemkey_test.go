package pemkey_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/hushpush/hush/internal/pemkey"
)

// texts has the kinds of PEM that people have.
type texts struct {
	p256, p384, rsa, ed25519            string // private keys in PKCS#8
	sec1, pkcs1                         string // private keys in the forms before it
	encrypted, oldEncrypted             string
	parameters, cert, public, rsaPublic string
}

func block(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func newTexts(t testing.TB) texts {
	t.Helper()
	must := func(der []byte, err error) []byte {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(nil, err)
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	must(nil, err)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	must(nil, err)
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	must(nil, err)
	pkcs8 := func(key any) string { return block("PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(key))) }
	pkixOf := func(key any) string { return block("PUBLIC KEY", must(x509.MarshalPKIXPublicKey(key))) }
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "x"}, NotAfter: time.Now().Add(time.Hour)}
	old := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: []byte("x"),
		Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-256-CBC,00"}})
	return texts{
		p256: pkcs8(p256), p384: pkcs8(p384), rsa: pkcs8(rsaKey), ed25519: pkcs8(ed),
		sec1: block("EC PRIVATE KEY", must(x509.MarshalECPrivateKey(p256))), pkcs1: block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey)),
		encrypted: block("ENCRYPTED PRIVATE KEY", []byte("x")), oldEncrypted: string(old),
		parameters: block("EC PARAMETERS", []byte{6, 8, 42, 134, 72, 206, 61, 3, 1, 7}),
		cert:       block("CERTIFICATE", must(x509.CreateCertificate(rand.Reader, template, template, p256.Public(), p256))),
		public:     pkixOf(p256.Public()), rsaPublic: pkixOf(rsaKey.Public()),
	}
}

// escaped returns a text whose \n was escaped once too often on its way through JSON or a shell.
func escaped(text string) string { return strings.ReplaceAll(text, "\n", `\n`) }

func TestAGoodKeyIsFoundBehindOtherBlocks(t *testing.T) {
	t.Parallel()
	k := newTexts(t)
	for name, text := range map[string]string{
		"alone": k.p256, "behind EC PARAMETERS": k.parameters + k.p256, "behind a certificate": k.cert + k.p256,
		"behind a key of another kind": k.rsa + k.p256, "behind an encrypted one": k.encrypted + k.p256,
		"behind words": "Bag Attributes\n    friendlyName: push\n" + k.p256, "with CRLF": strings.ReplaceAll(k.p256, "\n", "\r\n"),
		"with CR alone": strings.ReplaceAll(k.p256, "\n", "\r"), "behind a byte order mark": "\ufeff" + k.p256,
	} {
		if _, err := pemkey.P256(text); err != nil {
			t.Errorf("a .p8 %s: %v", name, err)
		}
	}
	for name, text := range map[string]string{"alone": k.rsa, "PKCS#1": k.pkcs1, "behind a certificate": k.cert + k.rsa, "behind an EC key": k.parameters + k.sec1 + k.rsa} {
		if _, err := pemkey.RSA(text); err != nil {
			t.Errorf("an RSA key %s: %v", name, err)
		}
	}
	for name, text := range map[string]string{"alone": k.public, "behind EC PARAMETERS": k.parameters + k.public, "behind an RSA key": k.rsaPublic + k.public} {
		if _, err := pemkey.P256Public(text); err != nil {
			t.Errorf("a public key %s: %v", name, err)
		}
	}
	certs, err := pemkey.Certificates(k.parameters + k.cert + k.p256 + k.cert)
	if err != nil || len(certs) != 2 {
		t.Errorf("got %d certificates, %v; want 2", len(certs), err)
	}
}

func TestWhatIsWrongIsSaidByItsKind(t *testing.T) {
	t.Parallel()
	k := newTexts(t)
	p256 := func(text string) error { _, err := pemkey.P256(text); return err }
	rsaKey := func(text string) error { _, err := pemkey.RSA(text); return err }
	public := func(text string) error { _, err := pemkey.P256Public(text); return err }
	for _, c := range []struct {
		name, text string
		read       func(string) error
		says       string
	}{
		{"empty", "", p256, "is not PEM; want the .p8 file"},
		{"words", "MIGHAgEA", p256, "is not PEM; want the .p8 file"},
		{"escaped twice", escaped(k.p256), p256, "want line breaks"},
		{"on one line", strings.ReplaceAll(k.p256, "\n", " "), p256, "want each line on its own"},
		{"cut short", k.p256[:60], p256, "want each line on its own"},
		{"no key in it", block("PRIVATE KEY", []byte("x")), p256, "is not a readable PKCS#8"},
		{"encrypted", k.encrypted, p256, "is encrypted with a password; want it without: openssl pkcs8"},
		{"encrypted, behind parameters", k.parameters + k.encrypted, p256, "is encrypted"},
		{"encrypted, before a certificate", k.encrypted + k.cert, p256, "is encrypted"},
		{"SEC 1", k.parameters + k.sec1, p256, "want PKCS#8: openssl pkcs8"},
		{"parameters alone", k.parameters, p256, "no private key after them"},
		{"a certificate", k.cert, p256, "is a certificate"},
		{"a public key", k.public, p256, "is a public key"},
		{"RSA", k.rsa, p256, "want ECDSA on the curve P-256"},
		{"PKCS#1", k.pkcs1, p256, "is an RSA PRIVATE KEY; want the .p8"},
		{"P-384", k.p384, p256, "curve P-384; want P-256"},
		{"Ed25519", k.ed25519, p256, "want ECDSA on the curve P-256"},

		{"escaped twice", escaped(k.rsa), rsaKey, "want line breaks"},
		{"encrypted", k.encrypted, rsaKey, "is encrypted with a password"},
		{"encrypted as OpenSSL did", k.oldEncrypted, rsaKey, "is encrypted with a password"},
		{"EC", k.p256, rsaKey, "want RSA"},
		{"a certificate", k.cert, rsaKey, "is a certificate; want the key as Google's file has it"},

		{"escaped twice", escaped(k.public), public, "want line breaks"},
		{"a private key", k.p256, public, "openssl pkey -pubout"},
		{"a certificate", k.cert, public, "openssl x509 -pubkey"},
		{"RSA", k.rsaPublic, public, "want a P-256 public key"},
	} {
		err := c.read(c.text)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: error %v, want one that says %q", c.name, err, c.says)
		}
	}
	if _, err := pemkey.Certificates(k.p256); err == nil {
		t.Error("got certificates of a key alone, want an error")
	}
}

// No text makes the parser panic, and no error contains any of the text.
func FuzzKeys(f *testing.F) {
	k := newTexts(f)
	for _, text := range []string{k.p256, k.parameters + k.sec1, escaped(k.rsa), k.oldEncrypted, k.cert, k.public} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		_, ofP8 := pemkey.P256(text)
		_, ofRSA := pemkey.RSA(text)
		_, ofPublic := pemkey.P256Public(text)
		for _, err := range []error{ofP8, ofRSA, ofPublic} {
			if err != nil && len(text) > 200 && strings.Contains(err.Error(), text[100:200]) {
				t.Errorf("error %q repeats the text", err)
			}
		}
		_, _ = pemkey.Certificates(text)
	})
}
