package sdk

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/lxzan/gws"

	"github.com/hushpush/hush/internal/linger"
	"github.com/hushpush/hush/internal/proxy"
	"github.com/hushpush/hush/protocol"
)

// dialer opens the connections of sessions.
type dialer struct {
	server *url.URL     // never changes
	way    proxy.Dialer // never changes
	tls    *tls.Config  // of the app; nil: the system's authorities; never changes
	// hear learns the server's time from an answer that is the server's.
	hear func(h http.Header, asked, came time.Time)
}

// dial connects a session: a connection, and the WebSocket's handshake on it (RFC 6455, section 4.1). A refusal is an *Error.
// The session's read loop runs until the connection ends; then it closes the session's channel closed.
func (d dialer) dial(ctx context.Context, w who, s *session) error {
	ctx, cancel := context.WithTimeoutCause(ctx, dialWait, fmt.Errorf("no session within %s", dialWait))
	defer cancel()
	address := *d.server.JoinPath("v1/connect")
	secure := address.Scheme == "https"
	address.Scheme = "ws"
	if secure {
		address.Scheme = "wss"
	}
	conn, err := d.connect(ctx, secure)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return err
	}
	s.net = &sessionConn{Conn: linger.Conn{Conn: conn}}
	asked := time.Now()
	release := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	option := &gws.ClientOption{
		Addr: address.String(), RequestHeader: http.Header{}, HandshakeTimeout: dialWait,
		CheckUtf8Enabled: true, ParallelGolimit: 1,
	}
	w.headers(option.RequestHeader)
	option.RequestHeader.Set("Sec-WebSocket-Protocol", protocol.Subprotocol)
	s.net.ignoresClose.Store(true) // the library closes a connection that was refused; the refusal's body is still to be read
	socket, answer, err := gws.NewClientFromConn(s, option, s.net)
	if err != nil {
		defer conn.Close()
		defer release()
		return d.handshakeError(ctx, answer, asked, err)
	}
	if !release() {
		_ = conn.Close()
		return context.Cause(ctx)
	}
	s.net.ignoresClose.Store(false)
	s.conn = socket
	go func() {
		defer close(s.closed)
		defer conn.Close()
		socket.ReadLoop()
	}()
	return nil
}

// connect makes the connection below a session.
func (d dialer) connect(ctx context.Context, secure bool) (net.Conn, error) {
	port := d.server.Port()
	if port == "" {
		port = "80"
		if secure {
			port = "443"
		}
	}
	// A WebSocket goes through a tunnel with or without TLS (RFC 6455, section 4.1).
	conn, err := d.way.Connect(ctx, d.server.Scheme, net.JoinHostPort(d.server.Hostname(), port))
	if err != nil || !secure {
		return conn, err
	}
	cfg := &tls.Config{}
	if d.tls != nil {
		cfg = d.tls.Clone()
	}
	if cfg.ServerName == "" {
		cfg.ServerName = d.server.Hostname()
	}
	cfg.NextProtos = []string{"http/1.1"} // a WebSocket is an upgrade of HTTP/1.1
	secured := tls.Client(conn, cfg)
	if err := secured.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return secured, nil
}

// handshakeError says why the server refused the handshake.
func (d dialer) handshakeError(ctx context.Context, answer *http.Response, asked time.Time, err error) error {
	if answer == nil {
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		return err
	}
	if answer.StatusCode == http.StatusSwitchingProtocols {
		return err
	}
	defer answer.Body.Close()
	came := time.Now()
	body, readErr := io.ReadAll(io.LimitReader(answer.Body, 64<<10))
	if readErr != nil && len(body) == 0 {
		return errors.Join(&Error{Status: answer.StatusCode}, readErr)
	}
	refusal := refusal(answer, body)
	if refusal.Code != "" {
		d.hear(answer.Header, asked, came)
	}
	return refusal
}

// sessionConn is the connection below a session's socket.
type sessionConn struct {
	linger.Conn
	ignoresClose atomic.Bool // Close does nothing yet
}

// Close ends our side of the connection; called again, it closes the connection.
func (c *sessionConn) Close() error {
	if c.ignoresClose.Load() {
		return nil
	}
	return c.Conn.Close()
}
