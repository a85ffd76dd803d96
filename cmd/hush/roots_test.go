package main

import (
	"crypto/x509"
	"os"
	"os/exec"
	"testing"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// In an image with only the binary, Apple's and Google's certificates must still be verified: x509 reads the system's
// authorities once per process, so that a process of its own looks where there are none.
func TestWithoutASystemsAuthoritiesThoseInTheBinaryCount(t *testing.T) {
	t.Parallel()
	if os.Getenv("HUSH_TEST_NO_AUTHORITIES") == "" {
		empty := t.TempDir()
		again := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$", "-test.v")
		again.Env = append(os.Environ(), "HUSH_TEST_NO_AUTHORITIES=1", "SSL_CERT_FILE="+empty+"/none", "SSL_CERT_DIR="+empty)
		if out, err := again.CombinedOutput(); err != nil {
			t.Errorf("without authorities of the system: %v\n%s", err, out)
		}
		return
	}
	for root := range bundle.Roots() {
		certificate, err := x509.ParseCertificate(root.Certificate)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := certificate.Verify(x509.VerifyOptions{CurrentTime: certificate.NotBefore, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err != nil {
			t.Errorf("%s is not trusted: %v", certificate.Subject, err)
		}
		return
	}
	t.Error("there are no authorities in the binary")
}
