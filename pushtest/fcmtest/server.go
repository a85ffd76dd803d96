package fcmtest

import (
	"crypto/tls"
	"fmt"
	"hash/fnv"
	"net"
	"net/http"
	"path/filepath"
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
	kit     *simulator.Kit
	project *project
	account *serviceAccount
	access  *accessTokens
	spool   *spool
}

// project is the one that this simulator knows. It never changes.
type project struct {
	id     string
	number string // which FCM calls the sender id
}

func newProject(id string) *project {
	h := fnv.New64a()
	h.Write([]byte(id))
	return &project{id: id, number: fmt.Sprintf("%012d", h.Sum64()%1_000_000_000_000)}
}

// is reports whether a name is the project's, its id or its number.
func (p *project) is(name string) bool { return name == p.id || name == p.number }

// Fault is a rule that spoils requests on purpose; see the control API.
type Fault = simkit.Fault

// FaultMatch says which requests a fault is for.
type FaultMatch = simkit.Match

// Request is one request as the simulator saw it, with what became of it.
type Request = simkit.Entry

// Start runs a simulator until Close. If it fails, nothing is left running; a port in use is said in words.
func Start(cfg Config) (*Server, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	base, kit, err := simulator.Open(simulator.Config{
		Package: "fcmtest", Hosts: []string{"fcm.googleapis.com", "oauth2.googleapis.com", "www.googleapis.com"},
		Endpoints: []string{endpointSend, endpointOAuth}, Rules: Rules(), Describe: describe,
		Listen: cfg.Listen, Control: cfg.Control, CertDir: cfg.CertDir, Set: cfg.Set, Seed: cfg.Seed, Requests: cfg.Requests,
	}, cfg.Logger)
	if err != nil {
		return nil, err
	}
	kit.Faults.Check = checkFault
	s := &Server{Server: base, kit: kit}
	if err := s.start(cfg); err != nil {
		base.Close()
		return nil, err
	}
	return s, nil
}

// start makes the parts and serves.
func (s *Server) start(cfg Config) (err error) {
	if err := s.openAccount(cfg); err != nil {
		return err
	}
	if s.access, err = newAccessTokens(); err != nil {
		return err
	}
	s.spool = newSpool(s.kit, s.project)
	quota := &quota{Kit: s.kit, project: s.project}
	_, port, _ := net.SplitHostPort(s.Addr())
	h := &handler{
		Kit:   s.kit,
		oauth: &oauth{Kit: s.kit, account: s.account, access: s.access, url: s.TokenURL(), port: port},
		sends: &sends{Kit: s.kit, project: s.project, access: s.access, quota: quota, spool: s.spool},
	}
	set := s.kit.Switches
	simulator.Serve(s.Server, simulator.Parts{
		Control: s.newControl(), Reset: func() { s.spool.Reset(); quota.reset() }, Close: s.spool.Close,
		H2: h2sim.Config{
			Handler: h.handle, HTTP1: true,
			MaxBodyBytes: set.Int("body.limit"), MaxHeaderListBytes: uint32(set.Int("transport.headers")),
			InitialMaxStreams: uint32(set.Int("transport.streams")), BodyWait: set.Duration("transport.body_wait"),
			IdleWait: set.Duration("transport.idle"), IdleDebug: []byte("session_timed_out"),
		},
	})
	return nil
}

func (s *Server) openAccount(cfg Config) (err error) {
	if cfg.ServiceAccount == "" && cfg.CertDir != "" {
		cfg.ServiceAccount = filepath.Join(cfg.CertDir, "service-account.json")
	}
	if cfg.ServiceAccount != "" {
		s.account, err = openServiceAccount(cfg.ServiceAccount, cfg.Project, s.TokenURL())
	} else {
		id := cfg.Project
		if id == "" {
			id = defaultProject
		}
		s.account, err = newServiceAccount(id, s.TokenURL())
	}
	if err != nil {
		return err
	}
	s.account.inMemory = cfg.ServiceAccount == ""
	id := s.account.ProjectID
	if cfg.Project != "" {
		id = cfg.Project
	}
	s.project = newProject(id)
	if s.account.TokenURI != s.TokenURL() {
		s.kit.Log.Warn("the service account's token_uri is not this simulator's; clients must be told the token URL",
			"token_uri", s.account.TokenURI, "token_url", s.TokenURL())
	}
	return nil
}

// TokenURL returns the address of the OAuth token endpoint.
func (s *Server) TokenURL() string { return s.URL() + "/token" }

// SendURL returns where this project's messages are sent.
func (s *Server) SendURL() string { return s.URL() + "/v1/projects/" + s.project.id + "/messages:send" }

// Project returns the project's id.
func (s *Server) Project() string { return s.project.id }

// ServiceAccountJSON returns the key file that a sender is given.
func (s *Server) ServiceAccountJSON() []byte { return append([]byte(nil), s.account.raw...) }

// Client returns an HTTP/2 client that trusts the simulator. The caller closes its idle connections.
func (s *Server) Client() *http.Client {
	return &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: s.Pool()}, ForceAttemptHTTP2: true}}
}

// AccessToken returns a token that the send endpoint accepts, for requests made by hand.
func (s *Server) AccessToken() string {
	return s.access.issue([]string{scopeMessaging}, time.Now().Add(s.kit.Switches.Duration("oauth.expires_in")))
}

// RevokeAccessTokens makes all access tokens issued so far void: sends with them get 401 until the sender asks for a new one.
func (s *Server) RevokeAccessTokens() { s.access.round.Add(1) }
