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

// conn is one accepted connection.
type conn struct {
	net.Conn
	listener *Listener
	client   netip.AddrPort // whose it is; changes before the first byte of a request is read, and never after
	proxied  *bufio.Reader  // owned by who reads; of a trusted proxy's connection, what came with or instead of a PROXY header
	headed   bool           // owned by who reads; the PROXY header has been read, or there was none
	known    atomic.Bool    // a request showed a good secret, or a trusted proxy speaks for itself

	counted  bool          // guarded by listener.mu; it is one of the connections in all
	stranger *list.Element // guarded by listener.mu; among those of its address; nil: it is none
	idle     *list.Element // guarded by listener.mu; among those between two requests
}

// proxyHeaderBytes is more than the PROXY header of version 1 or 2 has without TLVs.
const proxyHeaderBytes = 256

func newProxied(c net.Conn) *bufio.Reader { return bufio.NewReaderSize(c, proxyHeaderBytes) }

// Read reads what the client sent. From a trusted proxy that begins with a PROXY header, it is what follows.
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

// readHeader takes the client's address from a PROXY header
// (https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt), versions 1 and 2.
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
		c.listener.rehome(c, addrPortOf(source))
	}
	return nil
}

// Close closes the connection, and makes room for another.
func (c *conn) Close() error {
	c.listener.forget(c)
	return c.Conn.Close()
}

// CloseWrite ends our side only.
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

// connOf is ours below TLS; nil if there is none.
func connOf(c net.Conn) *conn {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	own, _ := c.(*conn)
	return own
}

// Known is told that a request has shown a good secret: its connection is no stranger's any more.
func Known(ctx context.Context) {
	if c, ok := ctx.Value(connKey{}).(*conn); ok && !c.known.Swap(true) {
		c.listener.leaveStrangers(c)
	}
}

// Handler gives requests the address of the client, as far as trusted proxies tell it.
func (l *Listener) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, ok := r.Context().Value(connKey{}).(*conn); ok && c.client.IsValid() {
			r.RemoteAddr = l.cfg.Trusted.client(c.client, r.Header["X-Forwarded-For"]).String()
		}
		next.ServeHTTP(w, r)
	})
}
