package fcmtest

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hushpush/hush/pushtest/internal/h2sim"
	"github.com/hushpush/hush/pushtest/internal/simkit"
)

// Server is a running simulator. Its methods may be called from any number of goroutines.
type Server struct {
	set             *simkit.Switches
	seed            uint64
	log             *slog.Logger
	clock           *simkit.Clock
	ledger          *simkit.Ledger
	faults          *simkit.Faults
	post            *post
	ca              *simkit.CA
	account         *serviceAccount
	accountInMemory bool // it stands in no file
	project         string
	number          string // the project's number, which FCM calls the sender id

	ln        net.Listener
	h2        *h2sim.Server
	control   *simkit.Control
	controlLn net.Listener

	tokenKey [32]byte     // seals access tokens; never changes
	round    atomic.Int64 // of access tokens
	sent     atomic.Uint64

	quotaMu       sync.Mutex
	projectWindow window // guarded by quotaMu

	close sync.Once
}

// Start runs a simulator until Close. If it fails, nothing is left running; a port in use is said in words.
func Start(cfg Config) (*Server, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	set, err := simkit.NewSwitches(Rules(), cfg.Set, cfg.Seed)
	if err != nil {
		return nil, fmt.Errorf("fcmtest: %w", err)
	}
	s := &Server{set: set, seed: cfg.Seed, log: cfg.Logger, clock: &simkit.Clock{}, ledger: simkit.NewLedger(cfg.Requests)}
	s.faults = simkit.NewFaults(s.clock, cfg.Seed, endpointSend, endpointOAuth)
	s.faults.Check = checkFault
	if _, err := rand.Read(s.tokenKey[:]); err != nil {
		return nil, fmt.Errorf("fcmtest: no random numbers: %w", err)
	}
	if s.ln, err = simkit.Listen(cfg.Listen, "listen"); err != nil {
		return nil, fmt.Errorf("fcmtest: %w", err)
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

// start does what needs the address: account, certificates, servers.
func (s *Server) start(cfg Config) (err error) {
	if cfg.Control != "" {
		if s.controlLn, err = simkit.Listen(cfg.Control, "control"); err != nil {
			return fmt.Errorf("fcmtest: %w", err)
		}
	}
	if err := s.openAccount(cfg); err != nil {
		return err
	}
	tlsConfig, err := s.openCerts(cfg)
	if err != nil {
		return err
	}
	s.post = newPost(s.set, s.clock, s.ledger, simkit.NewRand(cfg.Seed))
	s.control = s.newControl()
	s.h2 = h2sim.Serve(s.ln, h2sim.Config{TLS: tlsConfig, Handler: s.handle, HTTP1: true,
		MaxBodyBytes: s.set.Int("body.limit"), MaxHeaderListBytes: uint32(s.set.Int("transport.headers")),
		InitialMaxStreams: uint32(s.set.Int("transport.streams")), BodyWait: s.set.Duration("transport.body_wait"),
		IdleWait: s.set.Duration("transport.idle"), IdleDebug: []byte("session_timed_out")})
	if s.controlLn != nil {
		s.control.Serve(s.controlLn)
	}
	return nil
}

func (s *Server) openAccount(cfg Config) (err error) {
	if cfg.ServiceAccount == "" && cfg.CertDir != "" {
		cfg.ServiceAccount = filepath.Join(cfg.CertDir, "service-account.json")
	}
	if cfg.ServiceAccount != "" {
		s.account, err = openServiceAccount(cfg.ServiceAccount, cfg.Project, s.TokenURL())
	} else {
		project := cfg.Project
		if project == "" {
			project = defaultProject
		}
		s.account, err = newServiceAccount(project, s.TokenURL())
		s.accountInMemory = true
	}
	if err != nil {
		return err
	}
	s.project = s.account.ProjectID
	if cfg.Project != "" {
		s.project = cfg.Project
	}
	if s.account.TokenURI != s.TokenURL() {
		s.log.Warn("the service account's token_uri is not this simulator's; clients must be told the token URL",
			"token_uri", s.account.TokenURI, "token_url", s.TokenURL())
	}
	h := fnv.New64a()
	h.Write([]byte(s.project))
	s.number = fmt.Sprintf("%012d", h.Sum64()%1_000_000_000_000)
	return nil
}

func (s *Server) openCerts(cfg Config) (*tls.Config, error) {
	var err error
	if cfg.CertDir != "" {
		s.ca, err = simkit.OpenCA(cfg.CertDir)
	} else {
		s.ca, err = simkit.NewCA()
	}
	if err != nil {
		return nil, fmt.Errorf("fcmtest: %w", err)
	}
	c, err := s.ca.ServerTLS(cfg.Listen, "fcm.googleapis.com", "oauth2.googleapis.com", "www.googleapis.com")
	if err != nil {
		return nil, fmt.Errorf("fcmtest: %w", err)
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

// ReadyLine is what "hush sim fcm" prints first, without the line break.
func (s *Server) ReadyLine() string { return simkit.ReadyLine(s.Addr(), s.ControlAddr()) }

// URL is the base for senders, such as https://127.0.0.1:2198; the path /v1/projects/… comes below it.
func (s *Server) URL() string { return "https://" + s.dialAddr() }

// TokenURL is the OAuth token endpoint.
func (s *Server) TokenURL() string { return s.URL() + "/token" }

// SendURL is where this project's messages are sent.
func (s *Server) SendURL() string { return s.URL() + "/v1/projects/" + s.project + "/messages:send" }

// Project is the project's id.
func (s *Server) Project() string { return s.project }

// ServiceAccountJSON is the key file that a sender is given.
func (s *Server) ServiceAccountJSON() []byte { return append([]byte(nil), s.account.raw...) }

// CAPEM is the certificate to trust.
func (s *Server) CAPEM() []byte { return s.ca.PEM() }

// Pool holds the certificate to trust.
func (s *Server) Pool() *x509.CertPool { return s.ca.Pool() }

// Client is an HTTP/2 client that trusts the simulator. The caller closes its idle connections.
func (s *Server) Client() *http.Client {
	return &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: s.Pool()}, ForceAttemptHTTP2: true}}
}

// AccessToken is a token that the send endpoint accepts, for requests made by hand.
func (s *Server) AccessToken() string {
	return s.issue([]string{scopeMessaging}, time.Now().Add(s.set.Duration("oauth.expires_in")))
}

// RevokeAccessTokens makes all access tokens issued so far void: sends with them get 401 until the sender asks for a new one.
func (s *Server) RevokeAccessTokens() { s.round.Add(1) }

// Now is the simulated time.
func (s *Server) Now() time.Time { return s.clock.Now() }

// Advance moves simulated time ahead: storage, expiry, pacing and quotas have followed when it returns. Access tokens and
// assertions do not age by it.
func (s *Server) Advance(d time.Duration) time.Time { return s.clock.Advance(d) }

// Reset puts tokens, requests, faults, storage, quotas and time back as at the start. Connections and access tokens stay.
func (s *Server) Reset() {
	s.post.reset(s.seed)
	s.faults.Reset()
	s.ledger.Reset()
	s.quotaMu.Lock()
	s.projectWindow = window{}
	s.quotaMu.Unlock()
	s.clock.Reset()
}

// Fault is a rule that spoils requests on purpose; see the control API.
type Fault = simkit.Fault

// FaultMatch says which requests a fault is for.
type FaultMatch = simkit.Match

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
			return errors.Join(errors.New("fcmtest: the requests did not become as wanted"), context.Cause(ctx))
		}
	}
}

// dialAddr is the address to connect to: loopback where the listener takes any.
func (s *Server) dialAddr() string {
	host, port, _ := net.SplitHostPort(s.Addr())
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

func (s *Server) port() string {
	_, port, _ := net.SplitHostPort(s.Addr())
	return port
}
