package demo

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
)

// deadSocketPath is a network path between an app and the server on which open sockets can go dead the way they do behind
// a router that forgot them: nothing arrives any more, on either side, and nobody is told. New connections get through.
type deadSocketPath struct {
	ln     net.Listener
	server string        // host:port
	stop   chan struct{} // closed by close
	wg     sync.WaitGroup

	mu      sync.Mutex
	dead    chan struct{} // guarded by mu; closed by cut and then replaced: sockets made before it go dead
	conns   map[net.Conn]bool
	stopped bool // guarded by mu
}

func newDeadSocketPath(server string) (*deadSocketPath, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("demo: a network path: %w", err)
	}
	p := &deadSocketPath{ln: ln, server: server, stop: make(chan struct{}), dead: make(chan struct{}), conns: map[net.Conn]bool{}}
	p.wg.Go(p.accept)
	return p, nil
}

func (p *deadSocketPath) addr() string { return p.ln.Addr().String() }

// cut makes the sockets that are open now go dead.
func (p *deadSocketPath) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.dead)
	p.dead = make(chan struct{})
}

// close ends all connections and waits for them.
func (p *deadSocketPath) close() {
	p.ln.Close()
	close(p.stop)
	p.mu.Lock()
	p.stopped = true
	for c := range p.conns {
		c.Close()
	}
	p.mu.Unlock()
	p.wg.Wait()
}

func (p *deadSocketPath) accept() {
	for {
		in, err := p.ln.Accept()
		if err != nil {
			return // closed
		}
		p.wg.Go(func() { p.carry(in) })
	}
}

// add registers a connection for close to end. It reports false if the path is closed already.
func (p *deadSocketPath) add(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.stopped {
		p.conns[c] = true
	}
	return !p.stopped
}

func (p *deadSocketPath) drop(c net.Conn) {
	c.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
}

// carry moves bytes both ways. Only a connection that begins as a WebSocket of Hush can go dead.
func (p *deadSocketPath) carry(in net.Conn) {
	defer p.drop(in)
	if !p.add(in) {
		return
	}
	out, err := net.Dial("tcp", p.server)
	if err != nil {
		return
	}
	defer p.drop(out)
	if !p.add(out) {
		return
	}
	head := make([]byte, 32<<10)
	n, err := in.Read(head)
	if err != nil {
		return
	}
	var dead <-chan struct{}
	if bytes.HasPrefix(head[:n], []byte("GET /v1/connect")) {
		p.mu.Lock()
		dead = p.dead
		p.mu.Unlock()
	}
	if _, err := out.Write(head[:n]); err != nil {
		return
	}
	var back sync.WaitGroup
	back.Go(func() { pipe(in, out, dead); p.mute(dead); in.Close() })
	pipe(out, in, dead)
	p.mute(dead)
	out.Close()
	back.Wait()
}

// mute keeps the news that one side closed a dead socket from the other: that would not arrive either.
func (p *deadSocketPath) mute(dead <-chan struct{}) {
	select {
	case <-dead:
		<-p.stop
	default:
	}
}

// pipe copies until a side closes; once dead is closed, what comes is thrown away.
func pipe(to io.Writer, from io.Reader, dead <-chan struct{}) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if err != nil && (n == 0 || !errors.Is(err, io.EOF)) {
			return
		}
		select {
		case <-dead:
			continue
		default:
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}
