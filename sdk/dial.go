package sdk

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/lxzan/gws"

	"github.com/hushpush/hush/protocol"
)

// dial opens a session: a connection, and the WebSocket's handshake on it (RFC 6455, section 4.1). A refusal is an *Error.
// The read loop runs until the connection ends; closed tells when.
func (c *Client) dial(ctx context.Context, w who, of owner) (*link, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, dialWait, fmt.Errorf("no session within %s", dialWait))
	defer cancel()
	address := *c.server.JoinPath("v1/connect")
	secure := address.Scheme == "https"
	address.Scheme = "ws"
	if secure {
		address.Scheme = "wss"
	}
	conn, err := c.open(ctx, secure)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return nil, err
	}
	l := &link{
		client: c, net: &lingerConn{Conn: conn}, of: of,
		hello: make(chan protocol.ServerFrame, 1), closed: make(chan struct{}),
		waiting: map[int64]chan protocol.ReceiptsAnswer{},
	}
	l.life.init()
	asked := time.Now()
	release := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	option := &gws.ClientOption{
		Addr: address.String(), RequestHeader: http.Header{}, HandshakeTimeout: dialWait,
		CheckUtf8Enabled: true, ParallelGolimit: 1,
	}
	w.headers(option.RequestHeader)
	option.RequestHeader.Set("Sec-WebSocket-Protocol", protocol.Subprotocol)
	l.net.held.Store(true) // the library closes a connection that was refused; the refusal's body is still to be read
	socket, answer, err := gws.NewClientFromConn(l, option, l.net)
	if err != nil {
		defer conn.Close()
		defer release()
		return nil, c.handshakeError(ctx, answer, asked, err)
	}
	if !release() {
		_ = conn.Close()
		return nil, context.Cause(ctx)
	}
	l.net.held.Store(false)
	l.conn = socket
	go func() {
		defer close(l.closed)
		defer conn.Close()
		socket.ReadLoop()
	}()
	return l, nil
}

// open makes the connection below a session.
func (c *Client) open(ctx context.Context, secure bool) (net.Conn, error) {
	port := c.server.Port()
	if port == "" {
		port = "80"
		if secure {
			port = "443"
		}
	}
	// A WebSocket goes through a tunnel with or without TLS (RFC 6455, section 4.1).
	conn, err := c.way.Connect(ctx, c.server.Scheme, net.JoinHostPort(c.server.Hostname(), port))
	if err != nil || !secure {
		return conn, err
	}
	cfg := &tls.Config{}
	if c.cfg.TLS != nil {
		cfg = c.cfg.TLS.Clone()
	}
	if cfg.ServerName == "" {
		cfg.ServerName = c.server.Hostname()
	}
	cfg.NextProtos = []string{"http/1.1"} // a WebSocket is an upgrade of HTTP/1.1
	secured := tls.Client(conn, cfg)
	if err := secured.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return secured, nil
}

// handshakeError reads why the server refused the handshake.
func (c *Client) handshakeError(ctx context.Context, answer *http.Response, asked time.Time, err error) error {
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
		c.calls.hear(answer.Header, asked, came)
	}
	return refusal
}

// lingerConn closes in two steps: the first Close only ends our side, and the read loop goes on for a moment until the
// server has ended its own. Closing at once with bytes unread would reset the connection, and the reset can overtake the
// last frames that we have written.
type lingerConn struct {
	net.Conn
	held    atomic.Bool // Close does nothing yet
	closing atomic.Bool
}

// lingerWait is how long the server has to end its side.
const lingerWait = time.Second

// Close ends our side; called again, the connection.
func (c *lingerConn) Close() error {
	if c.held.Load() {
		return nil
	}
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if c.closing.Swap(true) || !ok {
		return c.Conn.Close()
	}
	_ = c.Conn.SetDeadline(time.Now().Add(lingerWait))
	return half.CloseWrite()
}

// bound gives the next write its time.
func (c *lingerConn) bound() {
	if !c.closing.Load() {
		_ = c.Conn.SetWriteDeadline(time.Now().Add(writeWait))
	}
}
