package h2push

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"

	"github.com/hushpush/hush/internal/proxy"
)

// ProxyError says that the proxy, and not the provider, kept a connection from being made. It lies below an Error.
type ProxyError = proxy.Error

var errNoHTTP2 = errors.New("the peer does not speak HTTP/2")

// connect dials, makes the connection ready and puts it into the pool. The host's name is looked up each time, by the proxy
// where there is one.
func (p *Pool) connect(ctx context.Context, s *slot) error {
	nc, err := p.dialer.Connect(ctx, p.host.scheme, p.host.addr)
	var refused *ProxyError
	switch {
	case errors.As(err, &refused):
		return err // with its own cause
	case err != nil:
		return causeOr(ctx, err)
	}
	if p.host.plain {
		return p.connectHTTP1(ctx, s, nc)
	}
	tc := tls.Client(nc, p.tlsConfig())
	if err := tc.HandshakeContext(ctx); err != nil {
		_ = nc.Close()
		return fmt.Errorf("TLS: %w", causeOr(ctx, err))
	}
	switch proto := tc.ConnectionState().NegotiatedProtocol; {
	case proto == "h2":
		return p.connectHTTP2(ctx, s, tc)
	case p.cfg.HTTP1:
		return p.connectHTTP1(ctx, s, tc)
	}
	_ = tc.Close()
	return errNoHTTP2
}

func (p *Pool) tlsConfig() *tls.Config {
	cfg := &tls.Config{}
	if p.cfg.TLS != nil {
		cfg = p.cfg.TLS.Clone()
	}
	cfg.MinVersion = tls.VersionTLS12
	cfg.NextProtos = []string{"h2"}
	if p.cfg.HTTP1 {
		cfg.NextProtos = append(cfg.NextProtos, "http/1.1")
	}
	if cfg.ServerName == "" {
		cfg.ServerName = p.host.name
	}
	return cfg
}

// causeOr says which clock ran out, where it was one of ours.
func causeOr(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
