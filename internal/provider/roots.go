package provider

import (
	"crypto/x509"

	"github.com/hushpush/hush/internal/pemkey"
)

// Roots returns the system's certificate authorities and those of a PEM file, one or more; nil, the system's alone, for none.
func Roots(extra []byte) (*x509.CertPool, error) {
	if len(extra) == 0 {
		return nil, nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	certs, err := pemkey.Certificates(string(extra))
	if err != nil {
		return nil, err
	}
	for _, cert := range certs {
		pool.AddCert(cert)
	}
	return pool, nil
}
