package h2sim

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// Server answers connections of one listener. Serve makes one, Close ends it.
type Server struct {
	cfg    Config
	ln     net.Listener
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup // the accept loop, each connection's goroutine, and GOAWAYs on the way out

	admission *admission
	memory    *memoryBudget
	leaving   chan struct{} // holds one for each connection that closeWithGoAway is at

	mu    sync.Mutex
	conns map[*Conn]bool // guarded by mu
	last  int            // guarded by mu: the last connection's ID
}

// Serve answers on ln until Close, which also closes ln. Config.TLS and Config.Handler must be set.
func Serve(ln net.Listener, cfg Config) *Server {
	cfg = cfg.withDefaults()
	cfg.TLS = cfg.TLS.Clone()
	cfg.TLS.NextProtos = []string{"h2"}
	if cfg.HTTP1 {
		cfg.TLS.NextProtos = append(cfg.TLS.NextProtos, "http/1.1")
	}
	s := &Server{cfg: cfg, ln: ln, conns: map[*Conn]bool{},
		admission: newAdmission(cfg.MaxConns, cfg.NewcomerWait), memory: newMemoryBudget(cfg.MaxHeldBytes),
		leaving: make(chan struct{}, maxLeaving)}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.wg.Go(s.accept)
	return s
}

// Addr returns where the server listens.
func (s *Server) Addr() net.Addr { return s.ln.Addr() }

// Conns returns the connections that are open now and past OnConn, in no order.
func (s *Server) Conns() []*Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	cs := make([]*Conn, 0, len(s.conns))
	for c := range s.conns {
		cs = append(cs, c)
	}
	return cs
}

// Close cuts all connections and waits until every handler has returned. It may be called twice.
func (s *Server) Close() {
	s.cancel()
	s.ln.Close()
	s.wg.Wait()
}

func (s *Server) accept() {
	for {
		raw, err := s.ln.Accept()
		if err != nil {
			if s.ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return
			}
			if out := s.admission.evict(); out != nil { // such as too many open files: one fewer makes room
				s.closeEvicted(out)
			}
			time.Sleep(10 * time.Millisecond)
			continue
		}
		place := s.admit(raw)
		if place == nil {
			raw.Close()
			continue
		}
		s.wg.Go(func() {
			defer s.admission.leave(place)
			s.serveConn(place)
		})
	}
}

// admit finds a slot for a new connection; nil: there is none, or the server ends. While it waits for one, those that come
// later wait in the kernel's backlog.
func (s *Server) admit(raw net.Conn) *slot {
	for {
		place, evicted, wait := s.admission.admit(raw, time.Now())
		if evicted != nil {
			s.closeEvicted(evicted)
		}
		if place != nil || wait <= 0 {
			return place
		}
		select {
		case <-time.After(min(wait, 20*time.Millisecond)): // asked again soon, because somebody may leave before
		case <-s.ctx.Done():
			return nil
		}
	}
}

// closeEvicted closes the connection of a slot that has been freed for another. Nothing writes usedAt after that, and conn
// was set before it: both may be read without admission.mu.
func (s *Server) closeEvicted(out *slot) {
	if out.usedAt.IsZero() { // never had a good answer
		out.raw.Close()
		return
	}
	s.closeWithGoAway(out.conn, http2.ErrCodeNo, s.cfg.IdleDebug)
}

// closeWithGoAway ends a connection now, with a GOAWAY if the client takes it soon enough.
func (s *Server) closeWithGoAway(c *Conn, code http2.ErrCode, debug []byte) {
	select {
	case s.leaving <- struct{}{}:
	default:
		c.Close()
		return
	}
	s.wg.Go(func() {
		late := time.AfterFunc(goAwayWait, c.Close)
		c.goAway(0, code, debug)
		late.Stop()
		c.Close()
		<-s.leaving
	})
}

// goAwayWait is how long a client that has to go may take to read the GOAWAY; maxLeaving is how many are told at once, those
// beyond it are cut without.
const (
	goAwayWait = time.Second
	maxLeaving = 64
)

// serveConn serves one TCP connection from the handshake to its end.
func (s *Server) serveConn(place *slot) {
	raw := place.raw
	defer raw.Close()
	defer context.AfterFunc(s.ctx, func() { raw.Close() })()
	raw.SetDeadline(time.Now().Add(s.cfg.HandshakeWait))
	nc := tls.Server(raw, s.cfg.TLS)
	if err := nc.HandshakeContext(s.ctx); err != nil {
		answerPlainText(err)
		return
	}
	c := newConn(s, place, nc)
	s.admission.connected(place, c)
	s.memory.join(c)
	defer s.end(c)
	c.serve(func() {
		if s.cfg.OnConn != nil {
			s.cfg.OnConn(c)
		}
		s.mu.Lock()
		s.conns[c] = true // not before: what OnConn has set is then seen by whoever asks for Conns
		s.mu.Unlock()
	})
}

// end tidies up behind a connection, and waits for its handlers.
func (s *Server) end(c *Conn) {
	c.cancel()
	c.mu.Lock()
	for _, st := range c.streams {
		c.drop(st) // wakes answers that wait for a window
	}
	c.mu.Unlock()
	c.raw.Close()
	c.handlers.Wait()
	s.memory.leave(c)
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
	if s.cfg.OnEnd != nil {
		s.cfg.OnEnd(c)
	}
}

// answerPlainText answers a client that does not speak TLS, in HTTP/1.0, with what is wrong.
func answerPlainText(err error) {
	var rh tls.RecordHeaderError
	if errors.As(err, &rh) && rh.Conn != nil {
		io.WriteString(rh.Conn, "HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\n\r\nThis port speaks TLS.\n")
	}
}

// serve finds out which HTTP the client speaks, and speaks it; begin is called when the client has said hello.
func (c *Conn) serve(begin func()) {
	br := bufio.NewReaderSize(c.nc, 4096)
	proto := c.TLS.NegotiatedProtocol
	if proto != "h2" {
		// Without ALPN the first bytes tell. A request line of HTTP/1.1 is never shorter than this.
		start, _ := br.Peek(len("PRI * HTTP/2"))
		if c.http1 = c.cfg.HTTP1 && string(start) != "PRI * HTTP/2"; c.http1 {
			c.nc.SetDeadline(time.Time{})
			begin()
			c.serveHTTP1(br)
			return
		}
	}
	c.bw = bufio.NewWriterSize(c.nc, 4096)
	c.fr = http2.NewFramer(c.bw, br)
	c.fr.SetMaxReadFrameSize(maxFrame)
	c.fr.SetReuseFrames()
	c.enc = hpack.NewEncoder(&c.encoded)
	c.initDecoder()
	if !c.hello(br) {
		return
	}
	begin()
	var watcher sync.WaitGroup
	watcher.Go(c.watch)
	c.readLoop()
	c.cancel()
	watcher.Wait()
}

// hello exchanges the prefaces (RFC 9113, section 3.4): ours does not wait for the client's.
func (c *Conn) hello(br io.Reader) bool {
	err := c.write(func() error {
		return c.fr.WriteSettings(
			http2.Setting{ID: http2.SettingHeaderTableSize, Val: 4096},
			http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: c.cfg.InitialMaxStreams},
			http2.Setting{ID: http2.SettingInitialWindowSize, Val: initialWindow},
			http2.Setting{ID: http2.SettingMaxFrameSize, Val: maxFrame},
			http2.Setting{ID: http2.SettingMaxHeaderListSize, Val: c.cfg.MaxHeaderListBytes},
		)
	})
	if err != nil {
		return false
	}
	preface := make([]byte, len(http2.ClientPreface))
	if _, err := io.ReadFull(br, preface); err != nil {
		return false
	}
	if err := c.greeting(preface); err != nil {
		ce := connError{http2.ErrCodeProtocol, "the client's preface and its SETTINGS must come first"}
		errors.As(err, &ce)
		c.goAway(0, ce.code, []byte(ce.why))
		c.shutWrite()
		io.Copy(io.Discard, br)
		return false
	}
	c.nc.SetReadDeadline(time.Time{})
	return true
}

// greeting checks the client's preface and takes the SETTINGS that must follow it.
func (c *Conn) greeting(preface []byte) error {
	if !bytes.Equal(preface, []byte(http2.ClientPreface)) {
		return errNoPreface
	}
	f, err := c.readFrame()
	if err != nil {
		return err
	}
	if s, ok := f.(*http2.SettingsFrame); ok && !s.IsAck() {
		return c.settings(s)
	}
	return errNoPreface
}

var errNoPreface = errors.New("h2sim: no preface")
