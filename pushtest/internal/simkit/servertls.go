package simkit

import (
	"crypto/tls"
	"net"
	"os"
	"sync"
)

// ServerTLS returns how a simulator that listens on listen ("host:port") shows itself: with a certificate for that host, for
// localhost, 127.0.0.1 and ::1, and for names. One that listens on all addresses cannot know by which name clients find it
// (that of a service in a network of containers, say): it makes certificates for the names that they ask for, and for the
// addresses that they reach it by.
func (c *CA) ServerTLS(listen string, names ...string) (*tls.Config, error) {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return nil, err
	}
	ip := net.ParseIP(host)
	anywhere := host == "" || ip != nil && ip.IsUnspecified()
	if anywhere {
		host, _ = os.Hostname()
	}
	hosts := append([]string{host, "localhost", "127.0.0.1", "::1"}, names...)
	usual, err := c.Server(hosts...)
	if err != nil {
		return nil, err
	}
	cfg := &tls.Config{Certificates: []tls.Certificate{usual}, MinVersion: tls.VersionTLS12}
	if anywhere {
		more := &asked{ca: c, usual: &usual, made: map[string]*tls.Certificate{}}
		cfg.Certificates, cfg.GetCertificate = nil, more.certificate // with Certificates, it is not asked where there is no name
	}
	return cfg, nil
}

// asked makes certificates for names that clients ask for.
type asked struct {
	ca    *CA
	usual *tls.Certificate

	mu   sync.Mutex
	made map[string]*tls.Certificate // guarded by mu; at most maxAsked
}

// maxAsked bounds how many are remembered: a client that asks for ever new names has them made each time.
const maxAsked = 64

func (a *asked) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	name := hello.ServerName
	if name == "" { // RFC 6066: none is sent for an address
		name, _, _ = net.SplitHostPort(hello.Conn.LocalAddr().String())
	}
	if name == "" || a.usual.Leaf.VerifyHostname(name) == nil {
		return a.usual, nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if cert := a.made[name]; cert != nil {
		return cert, nil
	}
	cert, err := a.ca.Server(name)
	if err != nil {
		return a.usual, nil // a name that no certificate can hold: the client will say what it thinks of this one
	}
	if len(a.made) >= maxAsked {
		clear(a.made)
	}
	a.made[name] = &cert
	return &cert, nil
}
