package proxy

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
)

// Equip makes an HTTP transport connect with d. Connections for https go through a tunnel, with t's TLS configuration end to
// end. Requests for http are sent as a whole to a proxy that speaks plain HTTP, as is the custom: many such proxies refuse a
// tunnel to port 80. Through other proxies, http goes through a tunnel too.
func (d Dialer) Equip(t *http.Transport) {
	t.Proxy = func(r *http.Request) (*url.URL, error) {
		if r.URL.Scheme != "http" {
			return nil, nil
		}
		proxy, err := d.Choice.Of("http", r.URL.Host)
		if err != nil || proxy == nil || proxy.Scheme != "http" {
			return nil, err
		}
		return proxy, nil
	}
	t.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		proxy, err := d.Choice.Of("http", addr)
		if err != nil || proxy == nil || proxy.Scheme != "http" {
			return d.Connect(ctx, "http", addr)
		}
		// A target with such a proxy is never dialed: addr is the proxy's own.
		conn, err := d.dial(ctx, network, addr)
		if err != nil {
			return nil, &Error{Proxy: Name(proxy), Target: addr, Err: err}
		}
		return conn, nil
	}
	t.DialTLSContext = func(ctx context.Context, _, addr string) (net.Conn, error) {
		conn, err := d.Connect(ctx, "https", addr)
		if err != nil {
			return nil, err
		}
		secured := tls.Client(conn, clientTLS(t, addr))
		if err := secured.HandshakeContext(ctx); err != nil {
			_ = conn.Close()
			return nil, err
		}
		return secured, nil
	}
}

// clientTLS returns the transport's TLS configuration for one target.
func clientTLS(t *http.Transport, addr string) *tls.Config {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if t.TLSClientConfig != nil {
		cfg = t.TLSClientConfig.Clone()
	}
	if cfg.ServerName == "" {
		cfg.ServerName, _, _ = net.SplitHostPort(addr)
	}
	if len(cfg.NextProtos) == 0 {
		cfg.NextProtos = []string{"http/1.1"}
		if t.ForceAttemptHTTP2 {
			cfg.NextProtos = []string{"h2", "http/1.1"}
		}
	}
	return cfg
}
