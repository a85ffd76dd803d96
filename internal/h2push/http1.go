package h2push

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync"
	"sync/atomic"
)

// conn1 is one HTTP/1.1 connection, which net/http speaks: one request at a time, then the next.
type conn1 struct {
	cc   *http.ClientConn
	host endpoint
	done chan struct{} // closed with the connection

	mu  sync.Mutex
	err error // guarded by mu; why it is closed; nil while it is open
}

func (p *Pool) connectHTTP1(ctx context.Context, s *slot, nc net.Conn) error {
	transport := &http.Transport{
		DialContext:            func(context.Context, string, string) (net.Conn, error) { return bounded{nc}, nil },
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxHeaderBytes,
	}
	cc, err := transport.NewClientConn(ctx, "http", p.host.addr) // TLS, if there is any, is below it
	if err != nil {
		_ = nc.Close()
		return err
	}
	c := &conn1{cc: cc, host: p.host, done: make(chan struct{})}
	s.conn = c
	p.mu.Lock()
	p.serial = true
	p.mu.Unlock()
	if err := p.add(s); err != nil {
		c.shut(err)
		return err
	}
	p.work.Go(func() {
		<-c.done
		p.lost(s, c.cause())
	})
	cc.SetStateHook(func(*http.ClientConn) {
		if err := cc.Err(); err != nil {
			c.shut(fmt.Errorf("%w: %w", errDrained, err))
		}
	})
	return nil
}

func (c *conn1) usable() bool { return c.cause() == nil }

func (c *conn1) limit() int { return 1 }

func (c *conn1) retire() { c.shut(errRetired) } // its one answer has come

func (c *conn1) cause() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

func (c *conn1) shut(err error) {
	c.mu.Lock()
	first := c.err == nil
	if first {
		c.err = err
		close(c.done)
	}
	c.mu.Unlock()
	if first {
		_ = c.cc.Close() // calls the state hook
	}
}

func (c *conn1) roundTrip(ctx context.Context, req Request) (Response, error) {
	var sent, heard atomic.Bool
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		WroteHeaders:         func() { sent.Store(true) }, // into a buffer: before it, nothing has left
		GotFirstResponseByte: func() { heard.Store(true) },
	})
	resp, err := c.cc.RoundTrip(c.request(traced, &req))
	if err != nil {
		return Response{}, &Error{Sent: sent.Load(), Err: c.failed(ctx, err, heard.Load())}
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, MaxBodyBytes))
	if err != nil {
		return Response{}, &Error{Sent: true, Err: c.failed(ctx, fmt.Errorf("read the body: %w", err), true)}
	}
	if rest, _ := io.CopyN(io.Discard, resp.Body, 1); rest > 0 || resp.Close {
		c.shut(errDrained)
	}
	return Response{Status: resp.StatusCode, Header: HeaderOf(resp.Header), Body: body}, nil
}

// failed ends the connection, on which a request can only be given up together with it, and says what kept the answer. heard
// reports whether any of the answer came.
func (c *conn1) failed(ctx context.Context, err error, heard bool) error {
	var network net.Error
	switch {
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	case c.cause() != nil && !errors.Is(c.cause(), errDrained):
		err = c.cause() // ours
	case errors.As(err, &network) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed):
		err = fmt.Errorf("read: %w", err)
	case heard:
		err = fmt.Errorf("%w: %w", errBadHead, err)
	default:
		err = fmt.Errorf("%w: %w", errDrained, err)
	}
	c.shut(err)
	return err
}

func (c *conn1) request(ctx context.Context, r *Request) *http.Request {
	header := make(http.Header, len(r.Header))
	for _, f := range r.Header {
		header.Add(f.Name, f.Value)
	}
	req := &http.Request{
		Method: http.MethodPost,
		URL:    &url.URL{Scheme: c.host.scheme, Host: c.host.authority, Opaque: r.Path},
		Host:   c.host.authority, Header: header,
		Body: io.NopCloser(bytes.NewReader(r.Body)), ContentLength: int64(len(r.Body)),
	}
	return req.WithContext(ctx)
}
