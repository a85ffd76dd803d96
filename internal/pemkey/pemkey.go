// Package pemkey reads keys and certificates from PEM texts as people have them: behind other blocks, such as the EC
// PARAMETERS that OpenSSL writes before a key, or beside a certificate. It uses the first block of the wanted kind.
//
// The text of an error follows a field's name ("is encrypted with a password; want …"). It says what is wrong and what would
// be right, and never repeats any of the PEM text.
package pemkey

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// P256 returns the private key of a .p8, as Apple gives it: PKCS#8, ECDSA on the curve P-256.
func P256(text string) (*ecdsa.PrivateKey, error) {
	const want = "want the .p8 file as Apple gives it, -----BEGIN PRIVATE KEY----- and all"
	return find(text, want, func(b *pem.Block) (*ecdsa.PrivateKey, error) {
		if b.Type != "PRIVATE KEY" {
			return nil, notAPrivateKey(b, want)
		}
		parsed, err := x509.ParsePKCS8PrivateKey(b.Bytes)
		if err != nil {
			return nil, errors.New("is not a readable PKCS#8 private key; " + want)
		}
		key, ok := parsed.(*ecdsa.PrivateKey)
		if !ok {
			return nil, fmt.Errorf("is a key of another kind (%T); want ECDSA on the curve P-256", parsed)
		}
		if key.Curve != elliptic.P256() {
			return nil, fmt.Errorf("is on the curve %s; want P-256", key.Curve.Params().Name)
		}
		return key, nil
	})
}

// RSA returns a private RSA key in PKCS#8, as Google gives it, or in PKCS#1.
func RSA(text string) (*rsa.PrivateKey, error) {
	const want = "want the key as Google's file has it, -----BEGIN PRIVATE KEY----- and all"
	return find(text, want, func(b *pem.Block) (*rsa.PrivateKey, error) {
		if b.Type != "PRIVATE KEY" && b.Type != "RSA PRIVATE KEY" || isEncrypted(b) {
			return nil, notAPrivateKey(b, want)
		}
		if key, err := x509.ParsePKCS1PrivateKey(b.Bytes); err == nil {
			return key, nil
		}
		parsed, err := x509.ParsePKCS8PrivateKey(b.Bytes)
		if err != nil {
			return nil, errors.New("is not a readable PKCS#8 key; " + want)
		}
		key, ok := parsed.(*rsa.PrivateKey)
		if !ok {
			return nil, fmt.Errorf("is a key of another kind (%T); want RSA", parsed)
		}
		return key, nil
	})
}

// P256Public returns a public key on P-256, the only curve of ES256 (RFC 7518, section 3.4).
func P256Public(text string) (*ecdsa.PublicKey, error) {
	const want = "want a P-256 public key, in a block BEGIN PUBLIC KEY"
	return find(text, want, func(b *pem.Block) (*ecdsa.PublicKey, error) {
		switch {
		case b.Type == "CERTIFICATE":
			return nil, errors.New("is a certificate; want its public key alone: openssl x509 -pubkey -noout -in FILE")
		case strings.HasSuffix(b.Type, "PRIVATE KEY"):
			return nil, errors.New("is a private key, which is the backend's alone; want its public key: openssl pkey -pubout -in FILE")
		case b.Type != "PUBLIC KEY":
			return nil, errors.New("is a PEM of another kind; " + want)
		}
		parsed, err := x509.ParsePKIXPublicKey(b.Bytes)
		if err != nil {
			return nil, errors.New("is not a readable public key; " + want)
		}
		key, ok := parsed.(*ecdsa.PublicKey)
		if !ok || key.Curve != elliptic.P256() {
			return nil, errors.New("is a key of another kind; " + want)
		}
		return key, nil
	})
}

// Certificates returns all certificates of a PEM text, one or more.
func Certificates(text string) ([]*x509.Certificate, error) {
	var certs []*x509.Certificate
	for block, rest := pem.Decode(linesOf(text)); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d of the PEM is not readable: %w", len(certs)+1, err)
		}
		certs = append(certs, cert)
	}
	if len(certs) == 0 {
		return nil, errors.New("there is no certificate in the PEM; want one or more")
	}
	return certs, nil
}

// find returns the key of the first block that read accepts. Its error is about the first key that read does not accept; only
// if the text has no key is it about another block.
func find[K any](text, want string, read func(*pem.Block) (K, error)) (K, error) {
	var none K
	var wrong error
	ofKey := false
	for block, rest := pem.Decode(linesOf(text)); block != nil; block, rest = pem.Decode(rest) {
		key, err := read(block)
		if err == nil {
			return key, nil
		}
		isKey := strings.HasSuffix(block.Type, "KEY")
		if wrong == nil || isKey && !ofKey {
			wrong, ofKey = err, isKey
		}
	}
	if wrong == nil {
		wrong = notPEM(text, want)
	}
	return none, wrong
}

// linesOf returns a text in the form that pem.Decode reads: without the byte order mark that some editors put before it, and
// with line feeds in place of lone carriage returns.
func linesOf(text string) []byte {
	text = strings.TrimPrefix(text, "\ufeff")
	if !strings.Contains(text, "\n") {
		text = strings.ReplaceAll(text, "\r", "\n")
	}
	return []byte(text)
}

// notPEM says why no block was found.
func notPEM(text, want string) error {
	switch {
	case strings.Contains(text, `\n`):
		return errors.New(`has a backslash and an n where its lines end; want line breaks, which a JSON decoder makes of the \n in the file: do not escape it a second time`)
	case strings.Contains(text, "-----BEGIN"):
		return errors.New("is not PEM as a whole: its lines are cut short or joined; want each line on its own, from -----BEGIN to -----END")
	}
	return errors.New("is not PEM; " + want)
}

// NeedsPassword reports whether a PEM text has an encrypted private key.
func NeedsPassword(text string) bool {
	for block, rest := pem.Decode(linesOf(text)); block != nil; block, rest = pem.Decode(rest) {
		if isEncrypted(block) {
			return true
		}
	}
	return false
}

// isEncrypted reports whether a key needs a password, as PKCS#8 marks it or as OpenSSL used to (RFC 1421 headers).
func isEncrypted(b *pem.Block) bool {
	return b.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(b.Headers["Proc-Type"], "ENCRYPTED")
}

// notAPrivateKey says what a block is instead.
func notAPrivateKey(b *pem.Block, want string) error {
	switch {
	case isEncrypted(b):
		return errors.New("is encrypted with a password; want it without: openssl pkcs8 -topk8 -nocrypt -in FILE")
	case b.Type == "EC PRIVATE KEY":
		return errors.New("is an EC PRIVATE KEY (SEC 1); want PKCS#8: openssl pkcs8 -topk8 -nocrypt -in FILE")
	case b.Type == "RSA PRIVATE KEY":
		return errors.New("is an RSA PRIVATE KEY; " + want)
	case b.Type == "OPENSSH PRIVATE KEY":
		return errors.New("is a key of OpenSSH's own format; " + want)
	case b.Type == "EC PARAMETERS":
		return errors.New("has EC PARAMETERS, but no private key after them; " + want)
	case b.Type == "CERTIFICATE":
		return errors.New("is a certificate; " + want)
	case strings.HasSuffix(b.Type, "PUBLIC KEY"):
		return errors.New("is a public key; " + want)
	}
	return errors.New("is a PEM of another kind; " + want)
}
