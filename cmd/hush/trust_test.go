package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestACertificateThatIsNotTrustedSaysHowToTrustIt(t *testing.T) {
	t.Parallel()
	srv := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(srv.Close)
	file := func(name string, certificate []byte) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	own, other := file("own.pem", srv.Certificate().Raw), file("other.pem", newAuthority(t))
	otherName := strings.Replace(srv.URL, "127.0.0.1", "localhost", 1)
	for _, test := range []struct {
		server, ca string
		says       string // "": nothing of --ca
	}{
		{srv.URL, "", "give the certificate of who signed its own: --ca FILE, or HUSH_CA"},
		{srv.URL, other, "--ca (HUSH_CA) is " + other},
		{srv.URL, own, ""},   // another answer than Hush's
		{otherName, own, ""}, // the certificate has another name
	} {
		got := hush(t, map[string]string{"HUSH_KEY": "k", "HUSH_SERVER": test.server, "HUSH_CA": test.ca}, "", "app", "list")
		if told := strings.Contains(got.errout, "HUSH_CA"); got.code != exitUnreachable || told != (test.says != "") || !strings.Contains(got.errout, test.says) {
			t.Errorf("%s with %q: exit %d, %q; want exit %d and %q", test.server, test.ca, got.code, got.errout, exitUnreachable, test.says)
		}
	}
}

// newAuthority returns a certificate that has signed nobody's.
func newAuthority(t *testing.T) []byte {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "other"}, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}
