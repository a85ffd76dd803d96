package apnstest

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/hushpush/hush/pushtest/internal/simkit"
)

// What Apple writes into a sender's certificate.
var (
	oidTopics      = asn1.ObjectIdentifier{1, 2, 840, 113635, 100, 6, 3, 6} // all topics, each followed by the suffixes it stands for
	oidVoIP        = asn1.ObjectIdentifier{1, 2, 840, 113635, 100, 6, 3, 4} // of a certificate for VoIP pushes
	oidDevelopment = asn1.ObjectIdentifier{1, 2, 840, 113635, 100, 6, 3, 1}
	oidProduction  = asn1.ObjectIdentifier{1, 2, 840, 113635, 100, 6, 3, 2}
	oidUserID      = asn1.ObjectIdentifier{0, 9, 2342, 19200300, 100, 1, 1} // in the subject: the topic of one that lists none
)

// sender is a client certificate as APNs reads it.
type sender struct {
	trusted     bool // signed by our CA, and in its time
	topics      []string
	voIP        bool // for VoIP pushes alone
	production  bool
	development bool
}

var ruleCertificate = Rule{
	Name:    "certificate",
	Text:    "A client certificate of another authority, or out of its time, is 403 BadCertificate. It names its topics in extension 1.2.840.113635.100.6.3.6 or, without that, one as UID of its subject.",
	Source:  `Apple, "Establishing a certificate-based connection to APNs"; "Handling notification responses from APNs"`,
	Certain: simkit.Documented,
}

var ruleCertificateHandshake = Rule{
	Name:    "certificate.handshake",
	Text:    "Whether a bad certificate ends the TLS handshake instead.",
	Source:  "Apple does not say which happens",
	Certain: simkit.Uncertain,
	Switch:  "certificate.handshake",
	Default: "false",
	Varies:  []string{"false", "true"},
}

var ruleCertificateEnvironment = Rule{
	Name:    "certificate.environment",
	Text:    `A certificate with extension …6.3.1 is for development, with …6.3.2 for production, with both or none for both. For the other one it is 403 BadCertificateEnvironment ("answer"), or GOAWAY with that reason ("goaway").`,
	Source:  `@parse/node-apn, lib/credentials; Apple, "Handling notification responses from APNs"; pushy issue 312`,
	Certain: simkit.Observed,
	Switch:  "certificate.environment",
	Default: "answer",
	Words:   []string{"answer", "goaway"},
	Varies:  []string{"answer", "goaway"},
}

var ruleCertificateVoIP = Rule{
	Name:    "certificate.voip",
	Text:    "A certificate with extension …6.3.4 and no list of topics is for VoIP: its topic is the UID of its subject, with .voip if that lacks it, and another topic gets what certificate.topic says. One that lists topics is good for VoIP by that list.",
	Source:  `Apple, "Sending notification requests to APNs": 1.2.840.113635.100.6.3.4 is for VoIP; how such a certificate names its topic is reported from the field`,
	Certain: simkit.Observed,
}

var ruleCertificateSuffixes = Rule{
	Name:    "certificate.suffixes",
	Text:    `Which suffixes a bundle id that a certificate lists stands for as well: "all", or only .voip and .complication ("voip").`,
	Source:  `pushy's mock server: .voip and .complication; Apple says that certificates support the topics listed in them`,
	Certain: simkit.Uncertain,
	Switch:  "certificate.suffixes",
	Default: "all",
	Words:   []string{"all", "voip"},
	Varies:  []string{"all", "voip"},
}

// mayUse reports whether a certificate is good for a topic: fullTopic as the request says it, bundle without its suffix.
func (x *access) mayUse(c *sender, bundle, fullTopic string) bool {
	suffix := strings.TrimPrefix(fullTopic, bundle)
	switch {
	case c.voIP:
		return fullTopic == c.topics[0]
	case slices.Contains(c.topics, fullTopic):
		return true
	case x.Switches.String("certificate.suffixes") == "voip" && suffix != "" && suffix != suffixOf["voip"] && suffix != suffixOf["complication"]:
		return false
	}
	return slices.Contains(c.topics, bundle)
}

// readSender reads the certificate that a client has shown.
func (x *access) readSender(certs []*x509.Certificate) *sender {
	cert := certs[0]
	pool := x509.NewCertPool()
	for _, c := range certs[1:] {
		pool.AddCert(c)
	}
	_, err := cert.Verify(x509.VerifyOptions{Roots: x.CA.Pool(), Intermediates: pool, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	se := &sender{trusted: err == nil}
	for _, e := range cert.Extensions {
		switch {
		case e.Id.Equal(oidTopics):
			se.topics = topicsIn(e.Value)
		case e.Id.Equal(oidVoIP):
			se.voIP = true
		case e.Id.Equal(oidProduction):
			se.production = true
		case e.Id.Equal(oidDevelopment):
			se.development = true
		}
	}
	for _, n := range cert.Subject.Names {
		if v, ok := n.Value.(string); ok && n.Type.Equal(oidUserID) && len(se.topics) == 0 {
			se.topics = []string{v}
		}
	}
	if slices.ContainsFunc(cert.Extensions, func(e pkix.Extension) bool { return e.Id.Equal(oidTopics) }) {
		se.voIP = false // it says itself what it is for
	}
	if se.voIP && len(se.topics) > 0 {
		se.topics[0] = strings.TrimSuffix(se.topics[0], suffixOf["voip"]) + suffixOf["voip"]
	}
	return se
}

// checkCertificate reports whether its holder may send here at all.
func (x *access) checkCertificate(c *sender) *refusal {
	if !c.trusted || len(c.topics) == 0 {
		return refuse(BadCertificate)
	}
	if x.otherEnvironment(c) {
		return refuse(BadCertificateEnvironment)
	}
	return nil
}

func (x *access) otherEnvironment(c *sender) bool {
	if c.production == c.development {
		return false
	}
	return c.production != (x.environment == Production)
}

// topicsIn reads the extension: a sequence of UTF8String (a topic) and SEQUENCE OF UTF8String (what kinds it stands for).
func topicsIn(der []byte) (topics []string) {
	var seq []asn1.RawValue
	if rest, err := asn1.Unmarshal(der, &seq); err != nil || len(rest) > 0 {
		return nil
	}
	for _, v := range seq {
		var s string
		if v.Tag == asn1.TagUTF8String && v.Class == asn1.ClassUniversal {
			if _, err := asn1.Unmarshal(v.FullBytes, &s); err == nil {
				topics = append(topics, s)
			}
		}
	}
	return topics
}

// topicsExtension writes what topicsIn reads.
func topicsExtension(topics []string) (pkix.Extension, error) {
	var seq []asn1.RawValue
	for _, t := range topics {
		name, err := asn1.MarshalWithParams(t, "utf8")
		if err != nil {
			return pkix.Extension{}, err
		}
		kind, err := asn1.MarshalWithParams("app", "utf8")
		if err != nil {
			return pkix.Extension{}, err
		}
		kinds, err := asn1.Marshal([]asn1.RawValue{{FullBytes: kind}})
		if err != nil {
			return pkix.Extension{}, err
		}
		seq = append(seq, asn1.RawValue{FullBytes: name}, asn1.RawValue{FullBytes: kinds})
	}
	der, err := asn1.Marshal(seq)
	return pkix.Extension{Id: oidTopics, Value: der}, err
}

// ClientCertificate makes a sender's certificate for these topics, good in these environments (none: in both, as Apple
// issues them today).
func (s *Server) ClientCertificate(topics []string, environments ...Environment) (tls.Certificate, error) {
	if len(topics) == 0 {
		return tls.Certificate{}, fmt.Errorf("apnstest: a client certificate needs a topic")
	}
	list, err := topicsExtension(topics)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("apnstest: making a client certificate: %w", err)
	}
	tmpl := &x509.Certificate{
		Subject: pkix.Name{CommonName: "Apple Push Services: " + topics[0],
			ExtraNames: []pkix.AttributeTypeAndValue{{Type: oidUserID, Value: topics[0]}}},
		ExtKeyUsage:     []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		ExtraExtensions: []pkix.Extension{list},
	}
	for env, oid := range map[Environment]asn1.ObjectIdentifier{Development: oidDevelopment, Production: oidProduction} {
		if len(environments) == 0 || slices.Contains(environments, env) {
			tmpl.ExtraExtensions = append(tmpl.ExtraExtensions, pkix.Extension{Id: oid, Value: asn1.NullBytes})
		}
	}
	return s.kit.CA.Issue(tmpl)
}

// VoIPCertificate makes a sender's certificate for VoIP pushes to the app with this bundle id, and nothing else.
func (s *Server) VoIPCertificate(bundleID string) (tls.Certificate, error) {
	return s.kit.CA.Issue(&x509.Certificate{
		Subject: pkix.Name{CommonName: "VoIP Services: " + bundleID,
			ExtraNames: []pkix.AttributeTypeAndValue{{Type: oidUserID, Value: bundleID + suffixOf["voip"]}}},
		ExtKeyUsage:     []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		ExtraExtensions: []pkix.Extension{{Id: oidVoIP, Value: asn1.NullBytes}},
	})
}

// ClientP12 is ClientCertificate as a PKCS#12 file with an empty password, in the ciphers that every reader knows.
func (s *Server) ClientP12(topics []string, environments ...Environment) ([]byte, error) {
	cert, err := s.ClientCertificate(topics, environments...)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		return nil, fmt.Errorf("apnstest: reading a client certificate back: %w", err)
	}
	return pkcs12.LegacyDES.Encode(cert.PrivateKey, leaf, nil, "")
}

// writeClientCertificates puts a .p12 per topic into dir: client-TOPIC.p12, and client.p12 for the first.
func (s *Server) writeClientCertificates(dir string) error {
	for i, topic := range s.access.topics {
		names := []string{"client-" + topic + ".p12"}
		if i == 0 {
			names = append(names, "client.p12")
		}
		var made []byte
		for _, name := range names {
			path := filepath.Join(dir, name)
			if s.goodP12(path, topic) {
				continue
			}
			if made == nil {
				var err error
				if made, err = s.ClientP12([]string{topic}); err != nil {
					return err
				}
			}
			if err := simkit.WriteFile(path, made, 0o600); err != nil {
				return fmt.Errorf("apnstest: writing a client certificate: %w", err)
			}
		}
	}
	return nil
}

// goodP12 reports whether an earlier start has written the file, for this authority and topic.
func (s *Server) goodP12(path, topic string) bool {
	p12, err := os.ReadFile(path)
	if err != nil {
		return false
	}
	_, cert, err := pkcs12.Decode(p12, "")
	if err != nil {
		return false
	}
	se := s.access.readSender([]*x509.Certificate{cert})
	return se.trusted && slices.Equal(se.topics, []string{topic})
}
