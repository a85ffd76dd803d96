package apnstest

import (
	"crypto/tls"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/hushpush/hush/pushtest/internal/h2sim"
	"github.com/hushpush/hush/pushtest/internal/simkit"
	"github.com/hushpush/hush/pushtest/internal/simulator"
)

// Server is a running simulator. Its methods may be called from any number of goroutines. Those that it has of the Server that
// it embeds are the same for all simulators: addresses and certificates (Addr, URL, CAPEM, Pool, ControlAddr, ControlHandler,
// ReadyLine), time (Now, Advance, StopClock), faults (AddFault, DeleteFault, DeleteFaults), what was asked (Requests, WaitFor,
// WriteTimeline), Reset and Close.
type Server struct {
	*simulator.Server
	kit         *simulator.Kit
	environment Environment
	access      *access
	spool       *spool
}

// Fault is a rule that spoils requests on purpose; see the control API.
type Fault = simkit.Fault

// FaultMatch says which requests a fault is for.
type FaultMatch = simkit.Match

// Wait is a span in a fault.
type Wait = simkit.Duration

// Request is one request as the simulator saw it, with what became of it.
type Request = simkit.Entry

// maxBody is how much of a body is read: more than any payload, so that the ledger can show what was too large.
const maxBody = 16 << 10

// Start runs a simulator until Close. If it fails, nothing is left running; a port in use is said in words.
func Start(cfg Config) (*Server, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	base, kit, err := simulator.Open(simulator.Config{
		Package: "apnstest", Hosts: []string{"api.push.apple.com", "api.sandbox.push.apple.com", "api.development.push.apple.com"},
		Endpoints: []string{endpointSend}, Rules: Rules(), Describe: describe,
		Listen: cfg.Listen, Control: cfg.Control, CertDir: cfg.CertDir, Set: cfg.Set, Seed: cfg.Seed, Requests: cfg.Requests,
	}, cfg.Logger)
	if err != nil {
		return nil, err
	}
	kit.Faults.SameToken, kit.Ledger.SameToken = sameToken, sameToken
	s := &Server{Server: base, kit: kit, environment: cfg.Environment}
	if err := s.start(&cfg); err != nil {
		base.Close()
		return nil, err
	}
	return s, nil
}

// start makes the parts and serves.
func (s *Server) start(cfg *Config) error {
	keys, err := openKeys(cfg)
	if err != nil {
		return err
	}
	conns := &connections{Kit: s.kit}
	s.access = &access{Kit: s.kit, environment: cfg.Environment, keys: keys, topics: slices.Clone(cfg.Topics), connections: conns}
	if cfg.CertDir != "" {
		if err := s.writeClientCertificates(cfg.CertDir); err != nil {
			return err
		}
	}
	s.requestCertificates()
	s.spool = newSpool(s.kit, cfg.Environment)
	h := &handler{Kit: s.kit, environment: cfg.Environment, connections: conns, spool: s.spool, checks: &checks{Kit: s.kit, access: s.access}}
	set := s.kit.Switches
	simulator.Serve(s.Server, simulator.Parts{
		Control: s.newControl(), Reset: s.spool.Reset, Close: s.spool.Close,
		H2: h2sim.Config{
			Handler: h.handle, OnConn: func(c *h2sim.Conn) { conns.greet(c, s.access) },
			InitialMaxStreams: uint32(max(1, set.Int("streams.first"))), MaxBodyBytes: maxBody, MaxHeaderListBytes: 8000,
			BodyWait: set.Duration("connection.body_wait"), IdleWait: set.Duration("connection.idle"), IdleDebug: reasonJSON(IdleTimeout),
		},
	})
	s.kit.Log.Info("the APNs simulator listens", "listen", s.Addr(), "environment", s.environment, "keys", len(keys))
	return nil
}

// requestCertificates has clients asked for a certificate, which they may lack, and which is judged in the handshake if a switch
// says so.
func (s *Server) requestCertificates() {
	s.kit.TLS.ClientAuth = tls.RequestClientCert
	if !s.kit.Switches.Bool("certificate.handshake") {
		return
	}
	s.kit.TLS.VerifyConnection = func(cs tls.ConnectionState) error {
		if len(cs.PeerCertificates) > 0 && !s.access.readSender(cs.PeerCertificates).trusted {
			return errors.New("apnstest: the client's certificate is not good")
		}
		return nil
	}
}

// Environment returns the one that this simulator is.
func (s *Server) Environment() Environment { return s.environment }

// Key returns the first signing key: what a sender is given, with ID, Team and PEM.
func (s *Server) Key() Key { return s.access.keys[0] }

// Keys returns all signing keys.
func (s *Server) Keys() []Key { return slices.Clone(s.access.keys) }

// Client returns an HTTP/2 client that trusts the simulator and shows it these certificates. The caller closes its idle
// connections.
func (s *Server) Client(certs ...tls.Certificate) *http.Client {
	p := new(http.Protocols)
	p.SetHTTP2(true)
	return &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: s.Pool(), Certificates: certs}, Protocols: p}}
}

// GoAway ends all connections that have been used in good order, with this reason in the GOAWAY ("": without debug data). One
// that has just been opened is spared: Go's client gives up a request for good whose fresh connection ends before it.
func (s *Server) GoAway(reason Reason) {
	var debug []byte
	if reason != "" {
		debug = reasonJSON(reason)
	}
	for _, c := range simulator.Conns(s.Server) {
		if state, ok := c.Value.(*connState); ok && state.used.Load() {
			c.GoAway(debug)
		}
	}
}

// Connections returns how many are open now.
func (s *Server) Connections() int { return len(simulator.Conns(s.Server)) }
