package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"syscall"

	"github.com/hushpush/hush/internal/api"
)

// warnOfPlainText says that secrets and payloads can be read on their way: the listener is open beyond this machine, without
// TLS, and nobody has said that a proxy does that.
func (s *Server) warnOfPlainText(addr net.Addr) {
	set := s.cfg.Settings
	tcp, ok := addr.(*net.TCPAddr)
	if set.TLSCert != "" || set.TLSByProxy || ok && tcp.IP.IsLoopback() {
		return
	}
	s.log.Warn("listening without TLS beyond this machine: keys and payloads can be read on their way; "+
		"set tls_cert and tls_key, or tls_by_proxy where a proxy does TLS", "listen", addr.String())
}

// listenError says which setting names the address, and what to do where that is known. The system's words have the address.
func listenError(setting string, err error) error {
	advice := ""
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		advice = "; stop what listens there, or give another port"
	case errors.Is(err, syscall.EACCES):
		advice = "; ports below 1024 need root or the capability CAP_NET_BIND_SERVICE: want a higher port"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		advice = "; want an address that this machine has"
	}
	return fmt.Errorf("server: %s: %w%s", setting, err, advice)
}

// listenMetrics serves /metrics, and nothing else, on an address of its own, if there is one.
func (s *Server) listenMetrics(ctx context.Context) error {
	if s.cfg.Settings.Metrics.Listen == "" {
		return nil
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.cfg.Settings.Metrics.Listen)
	if err != nil {
		return listenError("metrics.listen", err)
	}
	s.metricsAddr = ln.Addr()
	s.log.Info("serving the metrics", "listen", ln.Addr().String())
	srv := api.NewHTTPServer(api.MetricsHandler(s.metrics), s.cfg.Logger)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			s.fail(err)
		}
	}()
	s.closers.add("metrics", func(ctx context.Context) error {
		defer func() { <-done }()
		return stopHTTP(ctx, srv)
	})
	return nil
}

// fail reports to the owner that a listener has ended by itself; one reason is enough.
func (s *Server) fail(err error) {
	select {
	case s.failed <- err:
	default:
	}
}
