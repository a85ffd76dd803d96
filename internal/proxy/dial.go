package proxy

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	socks "golang.org/x/net/proxy"
)

// Error says that the proxy, and not the host behind it, prevented a connection.
type Error struct {
	Proxy  string // as Name has it
	Target string // host:port
	Status int    // of the proxy's answer to CONNECT; 0: there was no answer
	Err    error  // the cause; nil if Status is set
}

// Error names the proxy, the target and the cause.
func (e *Error) Error() string {
	s := fmt.Sprintf("the proxy %s, asked to connect to %s", e.Proxy, e.Target)
	switch {
	case e.Status == http.StatusProxyAuthRequired:
		return s + ", answered 407 Proxy Authentication Required: want a user and password that it takes in its URL"
	case e.Status != 0:
		return fmt.Sprintf("%s, answered %d %s", s, e.Status, http.StatusText(e.Status))
	}
	return s + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Dialer makes connections, through a proxy where Choice returns one.
type Dialer struct {
	Choice Choice
	Dial   func(ctx context.Context, network, addr string) (net.Conn, error) // to a target or a proxy; nil: net.Dialer
	Roots  *x509.CertPool                                                    // for a proxy with https; nil: the system's
}

// Connect connects to addr, host:port. scheme is the scheme that the caller will use there, http or https; the choice of the
// proxy depends on it. The connection is plain: the caller does TLS with the target, and a proxy sees none of it. A proxy's
// refusal is an *Error.
func (d Dialer) Connect(ctx context.Context, scheme, addr string) (net.Conn, error) {
	proxy, err := d.Choice.Of(scheme, addr)
	if err != nil {
		return nil, err
	}
	if proxy == nil {
		return d.dial(ctx, "tcp", addr)
	}
	conn, err := d.through(ctx, proxy, addr)
	if err == nil {
		return conn, nil
	}
	var refused *Error
	if errors.As(err, &refused) {
		return nil, err
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return nil, &Error{Proxy: Name(proxy), Target: addr, Err: err}
}

func (d Dialer) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if d.Dial == nil {
		return new(net.Dialer).DialContext(ctx, network, addr)
	}
	return d.Dial(ctx, network, addr)
}

func (d Dialer) through(ctx context.Context, proxy *url.URL, addr string) (net.Conn, error) {
	if proxy.Scheme == "socks5" || proxy.Scheme == "socks5h" {
		return d.socks5(ctx, proxy, addr)
	}
	conn, err := d.dial(ctx, "tcp", address(proxy))
	if err != nil {
		return nil, err
	}
	if proxy.Scheme == "https" {
		secured := tls.Client(conn, &tls.Config{
			ServerName: proxy.Hostname(), RootCAs: d.Roots, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
		})
		if err := secured.HandshakeContext(ctx); err != nil {
			_ = conn.Close()
			return nil, fmt.Errorf("TLS: %w", err)
		}
		conn = secured
	}
	release := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	err = tunnel(conn, proxy, addr)
	if !release() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

// maxHead bounds a proxy's answer to CONNECT, in bytes.
const maxHead = 64 << 10

// tunnel asks the proxy at the other end of conn for a tunnel (RFC 9110, section 9.3.6).
func tunnel(conn net.Conn, proxy *url.URL, addr string) error {
	req := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: addr}, Host: addr, Header: http.Header{"User-Agent": {"hush"}}}
	if credentials := Authorization(proxy); credentials != "" {
		req.Header.Set("Proxy-Authorization", credentials)
	}
	if err := req.Write(conn); err != nil {
		return err
	}
	in := bufio.NewReader(io.LimitReader(conn, maxHead))
	resp, err := http.ReadResponse(in, req)
	if err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return errors.New("it closed the connection without an answer")
		}
		return fmt.Errorf("its answer: %w", err)
	}
	switch {
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		return &Error{Proxy: Name(proxy), Target: addr, Status: resp.StatusCode}
	case in.Buffered() > 0:
		return errors.New("it sent bytes of its own into the tunnel")
	}
	return nil
}

// Authorization returns the value of Proxy-Authorization for a proxy whose URL has credentials (RFC 7617), or "" if it has
// none.
func Authorization(proxy *url.URL) string {
	if proxy.User == nil {
		return ""
	}
	password, _ := proxy.User.Password()
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(proxy.User.Username()+":"+password))
}

func (d Dialer) socks5(ctx context.Context, proxy *url.URL, addr string) (net.Conn, error) {
	var auth *socks.Auth
	if proxy.User != nil {
		password, _ := proxy.User.Password()
		auth = &socks.Auth{User: proxy.User.Username(), Password: password}
	}
	dialer, err := socks.SOCKS5("tcp", address(proxy), auth, forward(d.dial))
	if err != nil {
		return nil, err
	}
	return dialer.(socks.ContextDialer).DialContext(ctx, "tcp", addr)
}

// forward is the dialer with which package socks reaches the proxy.
type forward func(ctx context.Context, network, addr string) (net.Conn, error)

// Dial is DialContext without a deadline.
func (f forward) Dial(network, addr string) (net.Conn, error) {
	return f(context.Background(), network, addr)
}

// DialContext calls f.
func (f forward) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	return f(ctx, network, addr)
}
