package apns

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	cryptoasn1 "golang.org/x/crypto/cryptobyte/asn1"
	"software.sslmate.com/src/go-pkcs12"

	"github.com/hushpush/hush/push"
)

// What is wrong with a .p12. The library's own errors are not passed on: what they quote is not ours to know.
var (
	errPassword = errors.New("does not open the .p12")
	errP12      = errors.New("is not a readable PKCS#12 file; want a .p12 with one certificate and its private key")
	errP12Key   = errors.New("has a private key that is neither RSA nor ECDSA")
)

// The object ids in Apple's push certificates.
var (
	oidTopics = asn1.ObjectIdentifier{1, 2, 840, 113635, 100, 6, 3, 6} // lists all topics
	oidUserID = asn1.ObjectIdentifier{0, 9, 2342, 19200300, 100, 1, 1} // UID of the subject: the bundle id
)

func locationOf(err error) string {
	if errors.Is(err, errPassword) {
		return "password"
	}
	return "p12"
}

// parseP12 opens a .p12.
func parseP12(p12 []byte, password push.Secret) (tls.Certificate, error) {
	key, leaf, chain, err := pkcs12.DecodeChain(p12, password.Reveal())
	switch {
	case errors.Is(err, pkcs12.ErrIncorrectPassword):
		return tls.Certificate{}, errPassword
	case err != nil:
		return tls.Certificate{}, errP12
	}
	switch key.(type) {
	case *rsa.PrivateKey, *ecdsa.PrivateKey:
	default:
		return tls.Certificate{}, errP12Key
	}
	cert := tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}
	for _, c := range chain {
		cert.Certificate = append(cert.Certificate, c.Raw)
	}
	return cert, nil
}

// topicsOf returns the topics that a certificate may push to: Apple's list, or else the bundle id in its subject. The list is
// a sequence in which each topic's name is followed by a sequence of its kinds.
func topicsOf(cert *x509.Certificate) []string {
	for _, ext := range cert.Extensions {
		if ext.Id.Equal(oidTopics) {
			return topicList(ext.Value)
		}
	}
	for _, name := range cert.Subject.Names {
		if id, ok := name.Value.(string); ok && name.Type.Equal(oidUserID) && id != "" {
			return []string{id}
		}
	}
	return nil
}

func topicList(der []byte) []string {
	var topics []string
	in := cryptobyte.String(der)
	var list cryptobyte.String
	if !in.ReadASN1(&list, cryptoasn1.SEQUENCE) {
		return nil
	}
	for !list.Empty() {
		var element cryptobyte.String
		var tag cryptoasn1.Tag
		if !list.ReadAnyASN1(&element, &tag) {
			return topics
		}
		if tag == cryptoasn1.UTF8String {
			topics = append(topics, string(element))
		}
	}
	return topics
}

// teamOf returns the team that Apple writes into the subject's organizational unit; "" if there is none.
func teamOf(cert *x509.Certificate) string {
	for _, unit := range cert.Subject.OrganizationalUnit {
		if unit = strings.TrimSpace(unit); appleID(unit) {
			return unit
		}
	}
	return ""
}
