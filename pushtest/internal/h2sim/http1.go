package h2sim

import (
	"bufio"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http2/hpack"
)

// serveHTTP1 answers HTTP/1.1 on this connection with net/http's server, whose handling of that protocol is beyond doubt.
func (c *Conn) serveHTTP1(br *bufio.Reader) {
	over := make(chan struct{})
	ln := &oneConn{conn: &buffered{Conn: c.nc, br: br, over: sync.OnceFunc(func() { close(over) })}, done: make(chan struct{})}
	srv := &http.Server{
		Handler:           http.HandlerFunc(c.http1Request),
		ReadHeaderTimeout: c.cfg.HandshakeWait,
		ReadTimeout:       c.cfg.BodyWait,
		IdleTimeout:       c.cfg.IdleWait,
		MaxHeaderBytes:    int(c.cfg.MaxHeaderListBytes),
		Protocols:         new(http.Protocols),
		ErrorLog:          log.New(io.Discard, "", 0),
	}
	srv.Protocols.SetHTTP1(true)
	var wg sync.WaitGroup
	wg.Go(func() { srv.Serve(ln) })
	select {
	case <-over:
	case <-c.ctx.Done():
	}
	srv.Close()
	wg.Wait()
}

func (c *Conn) http1Request(w http.ResponseWriter, r *http.Request) {
	c.handlers.Add(1)
	defer c.handlers.Done()
	body, err := c.readBody(r.Body)
	c.server.memory.charge(c, 0, -int64(len(body))) // whole, or nothing: it waits for the client no more
	defer func() { c.server.memory.charge(c, -int64(len(body)), 0) }()
	if err != nil {
		panic(http.ErrAbortHandler) // cut off before the body's end: no request at all
	}
	req := &Request{
		Conn: c, Method: r.Method, Scheme: "https", Authority: r.Host, Path: r.RequestURI, Body: body, ctx: r.Context(),
	}
	if len(body) > c.cfg.MaxBodyBytes {
		req.Body, req.BodyTooLarge = body[:c.cfg.MaxBodyBytes], true
	}
	names := make([]string, 0, len(r.Header))
	for name := range r.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, v := range r.Header[name] {
			req.Header = append(req.Header, hpack.HeaderField{Name: strings.ToLower(name), Value: v})
		}
	}
	c.server.admission.begin(c.slot)
	resp := c.cfg.Handler(req)
	c.server.admission.end(c.slot, resp.Status)
	if resp.Status == 0 { // no answer: the client waits, until it gives up or the connection is cut
		select {
		case <-r.Context().Done():
		case <-c.ctx.Done():
		}
		panic(http.ErrAbortHandler)
	}
	for _, f := range resp.Header {
		w.Header().Add(f.Name, f.Value)
	}
	http.NewResponseController(w).SetWriteDeadline(time.Now().Add(c.cfg.WriteWait))
	w.WriteHeader(resp.Status)
	w.Write(resp.Body)
}

// readBody reads up to one byte beyond the limit; what it returns is charged for, with an error too.
func (c *Conn) readBody(r io.Reader) (body []byte, err error) {
	piece := make([]byte, 4096)
	for len(body) <= c.cfg.MaxBodyBytes {
		n, err := r.Read(piece[:min(len(piece), c.cfg.MaxBodyBytes+1-len(body))])
		body = append(body, piece[:n]...)
		if full := c.charge(n); full != nil {
			c.Close() // net/http would read on for a while
			return body, full
		}
		if errors.Is(err, io.EOF) {
			return body, nil
		}
		if err != nil {
			return body, err
		}
	}
	return body, nil
}

// oneConn is a listener that has one connection to give.
type oneConn struct {
	conn net.Conn
	once sync.Once
	done chan struct{}
	end  sync.Once
}

func (l *oneConn) Accept() (c net.Conn, err error) {
	l.once.Do(func() { c = l.conn })
	if c != nil {
		return c, nil
	}
	<-l.done
	return nil, net.ErrClosed
}

func (l *oneConn) Close() error {
	l.end.Do(func() { close(l.done) })
	return nil
}

func (l *oneConn) Addr() net.Addr { return l.conn.LocalAddr() }

// buffered is a connection of which some bytes have been read ahead.
type buffered struct {
	net.Conn
	br   *bufio.Reader
	over func()
}

func (b *buffered) Read(p []byte) (int, error) { return b.br.Read(p) }

func (b *buffered) Close() error {
	defer b.over()
	return b.Conn.Close()
}
