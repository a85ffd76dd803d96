package apnstest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/hushpush/hush/pushtest/internal/h2sim"
	"github.com/hushpush/hush/pushtest/internal/simkit"
)

// Server is a running simulator. Its methods may be called from any number of goroutines.
type Server struct {
	set         *simkit.Switches
	seed        uint64
	log         *slog.Logger
	environment Environment
	keys        []Key
	topics      []string
	ca          *simkit.CA

	clock  *simkit.Clock
	ledger *simkit.Ledger
	faults *simkit.Faults
	post   *post

	newConns newConnLimit

	ln        net.Listener
	h2        *h2sim.Server
	control   *simkit.Control
	controlLn net.Listener

	close sync.Once
}

// maxBody is how much of a body is read: more than any payload, so that the ledger can show what was too large.
const maxBody = 16 << 10

// Start runs a simulator until Close. If it fails, nothing is left running; a port in use is said in words.
func Start(cfg Config) (*Server, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	set, err := simkit.NewSwitches(Rules(), cfg.Set, cfg.Seed)
	if err != nil {
		return nil, fmt.Errorf("apnstest: %w", err)
	}
	s := &Server{
		set: set, seed: cfg.Seed, log: cfg.Logger, environment: cfg.Environment, topics: slices.Clone(cfg.Topics),
		clock: &simkit.Clock{}, ledger: simkit.NewLedger(cfg.Requests),
	}
	s.faults = simkit.NewFaults(s.clock, cfg.Seed, endpointSend)
	s.faults.SameToken, s.ledger.SameToken = sameToken, sameToken
	if s.ln, err = simkit.Listen(cfg.Listen, "listen"); err != nil {
		return nil, fmt.Errorf("apnstest: %w", err)
	}
	if err := s.start(cfg); err != nil {
		s.ln.Close()
		if s.controlLn != nil {
			s.controlLn.Close()
		}
		return nil, err
	}
	return s, nil
}

// start does what needs the address: keys and certificates, servers.
func (s *Server) start(cfg Config) (err error) {
	if cfg.Control != "" {
		if s.controlLn, err = simkit.Listen(cfg.Control, "control"); err != nil {
			return fmt.Errorf("apnstest: %w", err)
		}
	}
	tlsConfig, err := s.openCertificates(cfg)
	if err != nil {
		return err
	}
	if s.keys, err = openKeys(&cfg); err != nil {
		return err
	}
	s.post = newPost(s.set, s.clock, s.ledger, simkit.NewRand(cfg.Seed))
	s.control = s.newControl()
	s.h2 = h2sim.Serve(s.ln, h2sim.Config{
		TLS: tlsConfig, Handler: s.handle, OnConn: s.greet,
		InitialMaxStreams: uint32(max(1, s.set.Int("streams.first"))), MaxBodyBytes: maxBody, MaxHeaderListBytes: 8000,
		BodyWait: s.set.Duration("connection.body_wait"), IdleWait: s.set.Duration("connection.idle"), IdleDebug: reasonJSON(IdleTimeout),
	})
	if s.controlLn != nil {
		s.control.Serve(s.controlLn)
	}
	s.log.Info("the APNs simulator listens", "listen", s.Addr(), "environment", s.environment, "keys", len(s.keys))
	return nil
}

func (s *Server) openCertificates(cfg Config) (*tls.Config, error) {
	var err error
	if cfg.CertDir != "" {
		s.ca, err = simkit.OpenCA(cfg.CertDir)
	} else {
		s.ca, err = simkit.NewCA()
	}
	if err != nil {
		return nil, fmt.Errorf("apnstest: %w", err)
	}
	c, err := s.ca.ServerTLS(cfg.Listen, "api.push.apple.com", "api.sandbox.push.apple.com", "api.development.push.apple.com")
	if err != nil {
		return nil, fmt.Errorf("apnstest: %w", err)
	}
	if cfg.CertDir != "" {
		if err := s.writeClientCertificates(cfg.CertDir); err != nil {
			return nil, err
		}
	}
	c.ClientAuth = tls.RequestClientCert
	if s.set.Bool("certificate.handshake") {
		c.VerifyConnection = func(cs tls.ConnectionState) error {
			if len(cs.PeerCertificates) > 0 && !s.readSender(cs.PeerCertificates).trusted {
				return errors.New("apnstest: the client's certificate is not good")
			}
			return nil
		}
	}
	return c, nil
}

// Close ends the simulator and waits for all that it runs. It may be called twice.
func (s *Server) Close() {
	s.close.Do(func() {
		s.control.Close()
		s.h2.Close()
		s.post.agenda.Close()
	})
}

// Addr is where senders connect: "host:port".
func (s *Server) Addr() string { return s.ln.Addr().String() }

// ControlAddr is the control API's "host:port", "" without one.
func (s *Server) ControlAddr() string {
	if s.controlLn == nil {
		return ""
	}
	return s.controlLn.Addr().String()
}

// ReadyLine is what "hush sim apns" prints first, without the line break.
func (s *Server) ReadyLine() string { return simkit.ReadyLine(s.Addr(), s.ControlAddr()) }

// URL is the base for senders, such as https://127.0.0.1:2197; the path /3/device/… comes below it.
func (s *Server) URL() string {
	host, port, _ := net.SplitHostPort(s.Addr())
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "https://" + net.JoinHostPort(host, port)
}

// Environment is the one that this simulator is.
func (s *Server) Environment() Environment { return s.environment }

// Key is the first signing key: what a sender is given, with ID, Team and PEM.
func (s *Server) Key() Key { return s.keys[0] }

// Keys are all signing keys.
func (s *Server) Keys() []Key { return slices.Clone(s.keys) }

// CAPEM is the certificate to trust.
func (s *Server) CAPEM() []byte { return s.ca.PEM() }

// Pool holds the certificate to trust.
func (s *Server) Pool() *x509.CertPool { return s.ca.Pool() }

// Client is an HTTP/2 client that trusts the simulator and shows it these certificates. The caller closes its idle
// connections.
func (s *Server) Client(certs ...tls.Certificate) *http.Client {
	p := new(http.Protocols)
	p.SetHTTP2(true)
	return &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: s.Pool(), Certificates: certs}, Protocols: p}}
}

// Now is the simulated time.
func (s *Server) Now() time.Time { return s.clock.Now() }

// Advance moves simulated time ahead: storage, expiry and rates have followed when it returns. Provider tokens do not age
// by it.
func (s *Server) Advance(d time.Duration) time.Time { return s.clock.Advance(d) }

// Reset puts tokens, requests, faults, storage and time back as at the start. Connections stay.
func (s *Server) Reset() {
	s.post.reset(s.seed)
	s.faults.Reset()
	s.ledger.Reset()
	s.clock.Reset()
}

// GoAway ends all connections that have been used in good order, with this reason in the GOAWAY ("": without debug data). One
// that has just been opened is spared: Go's client gives up a request for good whose fresh connection ends before it.
func (s *Server) GoAway(reason Reason) {
	var debug []byte
	if reason != "" {
		debug = reasonJSON(reason)
	}
	for _, c := range s.h2.Conns() {
		if l, ok := c.Value.(*link); ok && l.used.Load() {
			c.GoAway(debug)
		}
	}
}

// Connections is how many are open now.
func (s *Server) Connections() int { return len(s.h2.Conns()) }

// Fault is a rule that spoils requests on purpose; see the control API.
type Fault = simkit.Fault

// FaultMatch says which requests a fault is for.
type FaultMatch = simkit.Match

// Wait is a span in a fault.
type Wait = simkit.Duration

// AddFault sets a fault; its error names the fields at fault.
func (s *Server) AddFault(f Fault) (id string, err error) { return s.faults.Add(f) }

// DeleteFault takes a fault away; it reports whether the id was ever given.
func (s *Server) DeleteFault(id string) bool { return s.faults.Delete(id) }

// DeleteFaults takes all faults away.
func (s *Server) DeleteFaults() { s.faults.DeleteAll() }

// Request is one request as the simulator saw it, with what became of it.
type Request = simkit.Entry

// Requests is what clients have asked, oldest first, as far as the ledger keeps it.
func (s *Server) Requests() []Request { return s.ledger.All() }

// WaitFor returns once the requests are as wanted, which is asked after every change, or with ctx's cause.
func (s *Server) WaitFor(ctx context.Context, wanted func([]Request) bool) error {
	for {
		changed := s.ledger.Changed()
		if wanted(s.Requests()) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return errors.Join(errors.New("apnstest: the requests did not become as wanted"), context.Cause(ctx))
		}
	}
}
