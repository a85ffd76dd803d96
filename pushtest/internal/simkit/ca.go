package simkit

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

const (
	caFile    = "ca.pem"     // the certificate, for clients to trust
	caKeyFile = "ca-key.pem" // certificate and key; mode 0600
	caLife    = 10 * 365 * 24 * time.Hour
	leafLife  = 397 * 24 * time.Hour // what clients accept at most (CA/Browser Forum)
)

// CA is a certificate authority of a simulator's own. It signs by real time: certificates do not age with the Clock.
type CA struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// NewCA makes an authority that lives in memory.
func NewCA() (*CA, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("simkit: making the CA's key: %w", err)
	}
	tmpl := &x509.Certificate{
		SerialNumber:          serial(),
		Subject:               pkix.Name{CommonName: "Hush simulator CA", Organization: []string{"Hush"}},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(caLife),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("simkit: signing the CA: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("simkit: reading the CA back: %w", err)
	}
	return &CA{cert: cert, key: key}, nil
}

// OpenCA takes the authority of dir, or makes one there: ca.pem is what clients trust, ca-key.pem (mode 0600) lets later
// simulators on the same directory, and a restart, go on with the same authority, so that clients need not be told again.
// Simulators that start at the same moment agree on one.
func OpenCA(dir string) (*CA, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("simkit: making the certificate directory (--cert-dir) %s: %w", dir, err)
	}
	keyPath := filepath.Join(dir, caKeyFile)
	ca, err := readCA(keyPath)
	if errors.Is(err, fs.ErrNotExist) {
		if ca, err = NewCA(); err != nil {
			return nil, err
		}
		err = ca.createFile(dir, keyPath)
		if errors.Is(err, fs.ErrExist) { // another simulator was first
			ca, err = readCA(keyPath)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("simkit: the CA in %s (--cert-dir): %w", keyPath, err)
	}
	if err := WriteFile(filepath.Join(dir, caFile), ca.PEM(), 0o644); err != nil {
		return nil, fmt.Errorf("simkit: the certificate directory (--cert-dir): %w", err)
	}
	return ca, nil
}

// PEM returns the authority's certificate.
func (c *CA) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.cert.Raw})
}

// Pool holds the authority alone: what a client trusts, or a server asks client certificates of.
func (c *CA) Pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(c.cert)
	return p
}

// Certificate returns the authority's own certificate, as a chain needs it.
func (c *CA) Certificate() *x509.Certificate { return c.cert }

// Server issues a server's certificate for the names and addresses in hosts; empty ones are left out, and the wildcard
// addresses stand for none in particular.
func (c *CA) Server(hosts ...string) (tls.Certificate, error) {
	tmpl := &x509.Certificate{
		Subject:     pkix.Name{CommonName: "Hush simulator"},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	seen := map[string]bool{"": true}
	for _, h := range hosts {
		if seen[h] {
			continue
		}
		seen[h] = true
		if ip := net.ParseIP(h); ip != nil {
			tmpl.IPAddresses = append(tmpl.IPAddresses, ip)
		} else {
			tmpl.DNSNames = append(tmpl.DNSNames, h)
		}
	}
	return c.Issue(tmpl)
}

// Issue signs a leaf of the caller's design with a fresh P-256 key. Serial number, validity (unless NotAfter is set) and key
// usage are filled in.
func (c *CA) Issue(tmpl *x509.Certificate) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("simkit: making a certificate's key: %w", err)
	}
	return c.issueFor(tmpl, key)
}

// issueFor issues a certificate, as Issue does, for a key that the caller has, for instance RSA.
func (c *CA) issueFor(tmpl *x509.Certificate, key crypto.Signer) (tls.Certificate, error) {
	tmpl.SerialNumber = serial()
	if tmpl.NotAfter.IsZero() {
		tmpl.NotBefore, tmpl.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(leafLife)
	}
	tmpl.KeyUsage |= x509.KeyUsageDigitalSignature
	tmpl.BasicConstraintsValid = true
	der, err := x509.CreateCertificate(rand.Reader, tmpl, c.cert, key.Public(), c.key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("simkit: signing a certificate: %w", err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("simkit: reading a certificate back: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, nil
}

func (c *CA) createFile(dir, path string) error {
	der, err := x509.MarshalPKCS8PrivateKey(c.key)
	if err != nil {
		return err
	}
	both := append(c.PEM(), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})...)
	tmp, err := os.CreateTemp(dir, ".ca-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	if _, err := tmp.Write(both); err != nil {
		return errors.Join(err, tmp.Close())
	}
	if err := tmp.Close(); err != nil {
		return err
	}
	return os.Link(tmp.Name(), path) // whole or not at all, and never over another's
}

func readCA(path string) (*CA, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(b, b)
	if err != nil {
		return nil, err
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok || !pair.Leaf.IsCA {
		return nil, errors.New("not a CA that a simulator wrote; remove the file to have a new one made")
	}
	if time.Now().After(pair.Leaf.NotAfter) {
		return nil, errors.New("the CA is past its last day; remove the file to have a new one made")
	}
	return &CA{cert: pair.Leaf, key: key}, nil
}

func serial() *big.Int {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		panic("simkit: no random numbers: " + err.Error())
	}
	return n.Add(n, big.NewInt(1))
}

// WriteFile writes path whole or not at all, so that a reader who waits for the file never sees half of it. A file that
// holds these very bytes is left alone.
func WriteFile(path string, data []byte, mode fs.FileMode) error {
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, data) {
		return nil
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".tmp-*")
	if err != nil {
		return fmt.Errorf("simkit: writing %s: %w", path, err)
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(data)
	err = errors.Join(err, tmp.Chmod(mode), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("simkit: writing %s: %w", path, err)
	}
	return nil
}
