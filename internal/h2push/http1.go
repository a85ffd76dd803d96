package h2push

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// maxAnswer1 bounds one whole answer, head and body.
const maxAnswer1 = MaxBodyBytes + 2*maxHeaderBytes

// conn1 is one HTTP/1.1 connection: one request at a time, then the next.
type conn1 struct {
	nc    net.Conn
	host  endpoint
	calls chan *call1   // to serve
	done  chan struct{} // closed with the connection

	mu  sync.Mutex
	err error // guarded by mu; why it is closed
}

type call1 struct {
	req    *Request
	answer chan result1 // holds one
}

type result1 struct {
	resp Response
	err  error
	sent bool
}

func (p *Pool) connectHTTP1(s *slot, nc net.Conn) error {
	c := &conn1{nc: nc, host: p.host, calls: make(chan *call1), done: make(chan struct{})}
	s.link = c
	p.mu.Lock()
	p.serial = true
	p.mu.Unlock()
	if err := p.add(s); err != nil {
		_ = nc.Close()
		return err
	}
	p.work.Go(func() {
		c.serve()
		p.lost(s, c.cause())
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
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	c.err = err
	close(c.done)
	_ = c.nc.Close()
}

func (c *conn1) roundTrip(ctx context.Context, req Request) (Response, error) {
	call := &call1{req: &req, answer: make(chan result1, 1)}
	select {
	case c.calls <- call:
	case <-c.done:
		return Response{}, &Error{Err: errRetired}
	case <-ctx.Done():
		return Response{}, &Error{Err: context.Cause(ctx)}
	}
	select {
	case r := <-call.answer:
		if r.err != nil {
			return Response{}, &Error{Sent: r.sent, Err: r.err}
		}
		return r.resp, nil
	case <-ctx.Done():
		c.shut(context.Cause(ctx)) // HTTP/1.1 cannot give one request up and keep the connection
		return Response{}, &Error{Sent: true, Err: context.Cause(ctx)}
	}
}

// serve sends the requests one after the other, and notices when the peer closes between them.
func (c *conn1) serve() {
	bounded := &io.LimitedReader{R: c.nc}
	in := bufio.NewReader(bounded)
	out := bufio.NewWriter(c.nc)
	for {
		bounded.N = maxAnswer1
		peek := make(chan error, 1)
		go func() { // ends with the first byte of an answer, or with the connection
			_, err := in.Peek(1)
			peek <- err
		}()
		select {
		case err := <-peek:
			if err == nil {
				err = errors.New("the peer spoke without being asked")
			}
			c.shut(errors.Join(errDrained, err))
			return
		case <-c.done:
			<-peek
			return
		case call := <-c.calls:
			keep := c.exchange(call, in, out, peek)
			if !keep {
				c.shut(errDrained)
				return
			}
		}
	}
}

func (c *conn1) exchange(call *call1, in *bufio.Reader, out *bufio.Writer, peek <-chan error) (keep bool) {
	_ = c.nc.SetWriteDeadline(time.Now().Add(writeTimeout))
	req := c.request(call.req)
	err := req.Write(out)
	if err == nil {
		err = out.Flush()
	}
	if err != nil {
		c.shut(fmt.Errorf("write: %w", err))
		<-peek
		call.answer <- result1{err: c.cause(), sent: true}
		return false
	}
	if err := <-peek; err != nil {
		call.answer <- result1{err: errors.Join(errDrained, err), sent: true}
		return false
	}
	resp, err := readFinal(in, req)
	if err != nil {
		call.answer <- result1{err: headError(err), sent: true}
		return false
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, MaxBodyBytes))
	rest, _ := io.CopyN(io.Discard, resp.Body, 1)
	if err != nil {
		call.answer <- result1{err: fmt.Errorf("read the body: %w", err), sent: true}
		return false
	}
	call.answer <- result1{resp: Response{Status: resp.StatusCode, Header: HeaderOf(resp.Header), Body: body}}
	return rest == 0 && !resp.Close
}

// headError tells a head that is malformed from one that did not come.
func headError(err error) error {
	var network net.Error
	if errors.As(err, &network) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("read: %w", err)
	}
	return fmt.Errorf("%w: %w", errBadHead, err)
}

// readFinal passes over informational answers, a few of them.
func readFinal(in *bufio.Reader, req *http.Request) (*http.Response, error) {
	for range 5 {
		resp, err := http.ReadResponse(in, req)
		if err != nil || resp.StatusCode >= 200 {
			return resp, err
		}
	}
	return nil, errBadHead
}

func (c *conn1) request(r *Request) *http.Request {
	header := make(http.Header, len(r.Header))
	for _, f := range r.Header {
		header.Add(f.Name, f.Value)
	}
	return &http.Request{
		Method: http.MethodPost,
		URL:    &url.URL{Scheme: "https", Host: c.host.authority, Opaque: r.Path},
		Host:   c.host.authority, Header: header, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Body: io.NopCloser(bytes.NewReader(r.Body)), ContentLength: int64(len(r.Body)),
	}
}
