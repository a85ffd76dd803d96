package sdk_test

import (
	"context"
	"net"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/hushpush/hush/sdk"
)

// pipes is a network without sockets, as a synctest bubble needs it: what waits on it counts as waiting.
type pipes struct {
	dialled chan net.Conn
	closed  chan struct{}
	once    sync.Once
}

func newPipes() *pipes { return &pipes{dialled: make(chan net.Conn), closed: make(chan struct{})} }

// Accept is the server's end of the next connection.
func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.dialled:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// Close ends Accept and Dial. Connections stay.
func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

// Addr returns the name of the only server of the network.
func (*pipes) Addr() net.Addr { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "hush.test:80" }

func (p *pipes) dial(ctx context.Context) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p.dialled <- there:
		return here, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// start puts a server on the network.
func (p *pipes) start(s *httptest.Server) {
	_ = s.Listener.Close()
	s.Listener = p
	s.Start()
}

// path is the way between a phone and a server. Its connections can go dead, as behind a router that forgot them: bytes
// vanish both ways, and neither side notices, not even that the other has closed. New connections get through.
type path struct {
	in   net.Listener
	dial func(context.Context) (net.Conn, error) // to the server
	wg   sync.WaitGroup

	mu     sync.Mutex
	dead   chan struct{}         // guarded by mu; closed by cut, for the connections made before it
	open   map[net.Conn]struct{} // guarded by mu
	closed bool                  // guarded by mu
}

// newPath carries what in accepts to dial until the test ends.
func newPath(t testing.TB, in net.Listener, dial func(context.Context) (net.Conn, error)) *path {
	p := &path{in: in, dial: dial, dead: make(chan struct{}), open: map[net.Conn]struct{}{}}
	p.wg.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

// socketPath is a path of real sockets.
func socketPath(t testing.TB, b *backend) *path {
	t.Helper()
	in, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := b.http.Listener.Addr().String()
	return newPath(t, in, func(ctx context.Context) (net.Conn, error) { return new(net.Dialer).DialContext(ctx, "tcp", server) })
}

// through makes a phone's connections go over the path.
func (p *path) through(c *sdk.Config) {
	c.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
		if in, ok := p.in.(*pipes); ok {
			return in.dial(ctx)
		}
		return new(net.Dialer).DialContext(ctx, "tcp", p.in.Addr().String())
	}
}

// cut makes all connections that are open now go dead.
func (p *path) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.dead)
	p.dead = make(chan struct{})
}

func (p *path) close() {
	_ = p.in.Close()
	p.mu.Lock()
	p.closed = true
	for c := range p.open {
		_ = c.Close()
	}
	p.mu.Unlock()
	p.wg.Wait()
}

func (p *path) accept() {
	for {
		phone, err := p.in.Accept()
		if err != nil {
			return
		}
		server, err := p.dial(context.Background())
		if err != nil {
			_ = phone.Close()
			continue
		}
		p.mu.Lock()
		if p.closed {
			_, _ = phone.Close(), server.Close()
		}
		p.open[phone], p.open[server] = struct{}{}, struct{}{}
		dead := p.dead
		p.mu.Unlock()
		p.wg.Go(func() { carry(server, phone, dead) })
		p.wg.Go(func() { carry(phone, server, dead) })
	}
}

// carry copies until a side closes. On a dead way it reads everything and passes on nothing, not even the end.
func carry(to, from net.Conn, dead <-chan struct{}) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		select {
		case <-dead:
			n = 0
			if err != nil {
				return
			}
		default:
		}
		if n > 0 {
			if _, werr := to.Write(buf[:n]); werr != nil {
				err = werr
			}
		}
		if err != nil {
			_, _ = to.Close(), from.Close()
			return
		}
	}
}
