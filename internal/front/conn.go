package front

import (
	"bufio"
	"container/list"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"

	"github.com/pires/go-proxyproto"
)

// conn is an accepted connection.
type conn struct {
	net.Conn
	listener *Listener
	client   netip.AddrPort // the client's address; it changes before the first byte of a request is read, and never after
	proxied  *bufio.Reader  // owned by the reader; for a trusted proxy's connection, the bytes that came with or instead of a PROXY header
	headed   bool           // owned by the reader; the PROXY header has been read, or there was none
	known    atomic.Bool    // a request showed a valid secret, or the connection is a trusted proxy's own

	counted  bool          // guarded by listener.mu; the connection counts in listener.all
	stranger *list.Element // guarded by listener.mu; its place among the strangers of its address; nil: it is no stranger
	idle     *list.Element // guarded by listener.mu; its place among the connections between two requests; nil: it is not idle
}

// proxyHeaderBytes is more than a PROXY header of version 1 or 2 without TLVs has.
const proxyHeaderBytes = 256

func newProxied(c net.Conn) *bufio.Reader { return bufio.NewReaderSize(c, proxyHeaderBytes) }

// Read reads what the client sent. If a trusted proxy's connection begins with a PROXY header, Read returns the bytes after
// the header.
func (c *conn) Read(b []byte) (int, error) {
	if c.proxied == nil {
		return c.Conn.Read(b)
	}
	if !c.headed {
		if err := c.readHeader(); err != nil {
			return 0, err
		}
	}
	n, err := c.proxied.Read(b)
	if c.proxied.Buffered() == 0 {
		c.proxied = nil
	}
	return n, err
}

// readHeader reads the client's address from a PROXY header (https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt),
// versions 1 and 2.
func (c *conn) readHeader() error {
	header, err := proxyproto.Read(c.proxied)
	if errors.Is(err, proxyproto.ErrNoProxyProtocol) {
		c.headed = true
		return nil
	}
	if err != nil {
		return fmt.Errorf("front: a PROXY header: %w", err)
	}
	c.headed = true
	if source, _, ok := header.TCPAddrs(); ok && header.Command.IsProxy() {
		c.listener.setClient(c, addrPortOf(source))
	}
	return nil
}

// Close closes the connection, and makes room for another.
func (c *conn) Close() error {
	c.listener.forget(c)
	return c.Conn.Close()
}

// CloseWrite ends only our side.
func (c *conn) CloseWrite() error {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok {
		return c.Close()
	}
	return half.CloseWrite()
}

type connKey struct{}

// connContext makes a connection known to its requests, for http.Server.
func connContext(ctx context.Context, c net.Conn) context.Context {
	if own := connOf(c); own != nil {
		return context.WithValue(ctx, connKey{}, own)
	}
	return ctx
}

// connOf returns the conn below TLS, or nil if there is none.
func connOf(c net.Conn) *conn {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	own, _ := c.(*conn)
	return own
}

// Known records that a request has shown a valid secret: its connection is no stranger any more.
func Known(ctx context.Context) {
	if c, ok := ctx.Value(connKey{}).(*conn); ok && !c.known.Swap(true) {
		c.listener.becomeKnown(c)
	}
}

// Handler sets a request's RemoteAddr to the client's address, as far as trusted proxies report it.
func (l *Listener) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, ok := r.Context().Value(connKey{}).(*conn); ok && c.client.IsValid() {
			r.RemoteAddr = l.cfg.Trusted.client(c.client, r.Header["X-Forwarded-For"]).String()
		}
		next.ServeHTTP(w, r)
	})
}
