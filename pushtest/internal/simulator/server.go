// Package simulator has what the simulators of all providers offer to those who use them: addresses, certificates, simulated
// time, faults, and the record of requests. A simulator's Server embeds this package's, whose exported methods are therefore
// the simulator's own; its parts work with the Kit.
package simulator

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/hushpush/hush/pushtest/internal/h2sim"
	"github.com/hushpush/hush/pushtest/internal/simkit"
)

// Config is what Open needs of a simulator.
type Config struct {
	Package   string   // of the simulator, for errors
	Hosts     []string // of the provider, for the certificate
	Endpoints []string // for which there may be faults
	Rules     simkit.Rules
	Describe  func(simkit.Entry) string // a request in the words of WriteTimeline, without its answer

	Listen, Control, CertDir string // as the simulator's own Config has them
	Set                      []string
	Seed                     uint64
	Requests                 int
}

// Kit is what a simulator is made of. Its fields never change.
type Kit struct {
	Switches *simkit.Switches
	Clock    *simkit.Clock
	Ledger   *simkit.Ledger
	Faults   *simkit.Faults
	Random   *simkit.Rand
	CA       *simkit.CA
	TLS      *tls.Config // for Serve; the simulator may change it before
	Log      *slog.Logger
}

// Server is what every simulator offers. Its methods may be called from any number of goroutines.
type Server struct {
	cfg       Config // never changes
	kit       Kit
	ln        net.Listener
	controlLn net.Listener // nil without a control API

	h2      *h2sim.Server   // set by Serve
	control *simkit.Control // set by Serve
	parts   Parts           // set by Serve

	close sync.Once
}

// Parts are what a simulator adds to the Server that it embeds.
type Parts struct {
	H2      h2sim.Config // but for TLS
	Control *simkit.Control
	Reset   func() // puts the simulator's own state back as at the start
	Close   func() // ends what the simulator runs, when no request comes any more
}

// CheckConfig checks the fields that all simulators have, and fills in what is missing.
func CheckConfig(pkg string, listen, control *string, usual string, log **slog.Logger) error {
	if *listen == "" {
		*listen = usual
	}
	if *log == nil {
		*log = slog.New(slog.DiscardHandler)
	}
	if err := simkit.CheckAddress("Listen", "listen", *listen); err != nil {
		return fmt.Errorf("%s: %w", pkg, err)
	}
	if *control == "" {
		return nil
	}
	if err := simkit.CheckAddress("Control", "control", *control); err != nil {
		return fmt.Errorf("%s: %w", pkg, err)
	}
	return nil
}

// Open makes the kit and takes the addresses; a port in use is said in words. Nothing is answered before Serve. If it fails,
// nothing is left open.
func Open(cfg Config, log *slog.Logger) (*Server, *Kit, error) {
	s := &Server{cfg: cfg}
	if err := s.open(log); err != nil {
		s.Close()
		return nil, nil, fmt.Errorf("%s: %w", cfg.Package, err)
	}
	return s, &s.kit, nil
}

func (s *Server) open(log *slog.Logger) (err error) {
	k := &s.kit
	k.Log, k.Clock, k.Ledger, k.Random = log, &simkit.Clock{}, simkit.NewLedger(s.cfg.Requests), simkit.NewRand(s.cfg.Seed)
	k.Faults = simkit.NewFaults(k.Clock, s.cfg.Seed, s.cfg.Endpoints...)
	if k.Switches, err = simkit.NewSwitches(s.cfg.Rules, s.cfg.Set, s.cfg.Seed); err != nil {
		return err
	}
	if s.ln, err = simkit.Listen(s.cfg.Listen, "listen"); err != nil {
		return err
	}
	if s.cfg.Control != "" {
		if s.controlLn, err = simkit.Listen(s.cfg.Control, "control"); err != nil {
			return err
		}
	}
	if s.cfg.CertDir != "" {
		k.CA, err = simkit.OpenCA(s.cfg.CertDir)
	} else {
		k.CA, err = simkit.NewCA()
	}
	if err != nil {
		return err
	}
	k.TLS, err = k.CA.ServerTLS(s.cfg.Listen, s.cfg.Hosts...)
	return err
}

// Serve answers requests until Close.
func Serve(s *Server, p Parts) {
	s.parts, s.control = p, p.Control
	p.H2.TLS = s.kit.TLS
	s.h2 = h2sim.Serve(s.ln, p.H2)
	if s.controlLn != nil {
		s.control.Serve(s.controlLn)
	}
}

// Conns returns the connections that are open now.
func Conns(s *Server) []*h2sim.Conn { return s.h2.Conns() }

// Close ends the simulator and waits for all that it runs. It may be called twice.
func (s *Server) Close() {
	s.close.Do(func() {
		if s.h2 != nil {
			s.control.Close()
			s.h2.Close()
			s.parts.Close()
			return
		}
		for _, ln := range []net.Listener{s.ln, s.controlLn} {
			if ln != nil {
				ln.Close()
			}
		}
	})
}

// Addr returns where senders connect: "host:port".
func (s *Server) Addr() string { return s.ln.Addr().String() }

// ControlAddr returns the control API's "host:port", "" without one.
func (s *Server) ControlAddr() string {
	if s.controlLn == nil {
		return ""
	}
	return s.controlLn.Addr().String()
}

// ReadyLine returns what "hush sim" prints first, without the line break.
func (s *Server) ReadyLine() string { return simkit.ReadyLine(s.Addr(), s.ControlAddr()) }

// URL returns the base for senders, such as https://127.0.0.1:2197, on loopback where the simulator listens on all addresses.
func (s *Server) URL() string {
	host, port, _ := net.SplitHostPort(s.Addr())
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "https://" + net.JoinHostPort(host, port)
}

// CAPEM returns the certificate to trust.
func (s *Server) CAPEM() []byte { return s.kit.CA.PEM() }

// Pool returns a pool that holds the certificate to trust.
func (s *Server) Pool() *x509.CertPool { return s.kit.CA.Pool() }

// ControlHandler returns the control API as a handler, for tests that mount it on a server of their own.
func (s *Server) ControlHandler() http.Handler { return s.control }

// Now returns the simulated time.
func (s *Server) Now() time.Time { return s.kit.Clock.Now() }

// Advance moves simulated time ahead: storage, expiry, rates and quotas have followed when it returns. What senders sign, and
// the tokens that they were given, do not age by it.
func (s *Server) Advance(d time.Duration) time.Time { return s.kit.Clock.Advance(d) }

// StopClock has simulated time stand still from now on, but for Advance: storage, expiry, rates and quotas then do not depend
// on how fast the machine is, and one client's script has the same effects at each run. Signed tokens are judged by real time
// all the same.
func (s *Server) StopClock() { s.kit.Clock.Stop() }

// Reset puts device tokens, requests, faults, storage, quotas and time back as at the start. Connections stay, and what
// senders were given.
func (s *Server) Reset() {
	s.parts.Reset()
	s.kit.Random.Reset(s.cfg.Seed)
	s.kit.Faults.Reset()
	s.kit.Ledger.Reset()
	s.kit.Clock.Reset()
}

// AddFault sets a fault; its error names the fields at fault.
func (s *Server) AddFault(f simkit.Fault) (id string, err error) { return s.kit.Faults.Add(f) }

// DeleteFault deletes a fault, and reports whether its id was ever given.
func (s *Server) DeleteFault(id string) bool { return s.kit.Faults.Delete(id) }

// DeleteFaults deletes all faults.
func (s *Server) DeleteFaults() { s.kit.Faults.DeleteAll() }

// Requests returns what clients have asked, oldest first, as far as the ledger keeps it.
func (s *Server) Requests() []simkit.Entry { return s.kit.Ledger.All() }

// WaitFor returns once the requests are as wanted, which is asked after every change, or with ctx's cause.
func (s *Server) WaitFor(ctx context.Context, wanted func([]simkit.Entry) bool) error {
	for {
		changed := s.kit.Ledger.Changed()
		if wanted(s.Requests()) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("%s: the requests did not become as wanted", s.cfg.Package), context.Cause(ctx))
		}
	}
}
