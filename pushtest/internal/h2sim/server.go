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
	wg     sync.WaitGroup // the accept loop and each connection's goroutine

	mu    sync.Mutex
	conns map[*Conn]bool // guarded by mu
	lines int            // guarded by mu: TCP connections, those in the handshake included
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
	s := &Server{cfg: cfg, ln: ln, conns: map[*Conn]bool{}}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.wg.Go(s.accept)
	return s
}

// Addr is where the server listens.
func (s *Server) Addr() net.Addr { return s.ln.Addr() }

// Conns are the connections that are open now and past OnConn, in no order.
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
			time.Sleep(10 * time.Millisecond) // such as too many open files: it passes when clients leave
			continue
		}
		s.mu.Lock()
		full := s.lines >= s.cfg.MaxConns
		if !full {
			s.lines++
		}
		s.mu.Unlock()
		if full {
			raw.Close()
			continue
		}
		s.wg.Go(func() {
			s.line(raw)
			s.mu.Lock()
			s.lines--
			s.mu.Unlock()
		})
	}
}

// line serves one TCP connection from the handshake to its end.
func (s *Server) line(raw net.Conn) {
	defer raw.Close()
	defer context.AfterFunc(s.ctx, func() { raw.Close() })()
	raw.SetDeadline(time.Now().Add(s.cfg.HandshakeWait))
	nc := tls.Server(raw, s.cfg.TLS)
	if err := nc.HandshakeContext(s.ctx); err != nil {
		tellPlainText(err)
		return
	}
	s.mu.Lock()
	s.last++
	c := newConn(s.ctx, s.last, &s.cfg, raw, nc)
	s.mu.Unlock()
	c.TLS = nc.ConnectionState()
	defer func() {
		c.cancel()
		c.mu.Lock()
		for _, st := range c.streams {
			c.drop(st) // wakes answers that wait for a window
		}
		c.mu.Unlock()
		raw.Close()
		c.handlers.Wait()
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
		if s.cfg.OnEnd != nil {
			s.cfg.OnEnd(c)
		}
	}()
	c.serve(func() {
		if s.cfg.OnConn != nil {
			s.cfg.OnConn(c)
		}
		s.mu.Lock()
		s.conns[c] = true // not before: what OnConn has set is then seen by whoever asks for Conns
		s.mu.Unlock()
	})
}

// tellPlainText says in HTTP/1.0, to a client that does not speak TLS, what is wrong.
func tellPlainText(err error) {
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
	ok := bytes.Equal(preface, []byte(http2.ClientPreface))
	if ok {
		var f http2.Frame
		if f, err = c.fr.ReadFrame(); err == nil {
			s, is := f.(*http2.SettingsFrame)
			ok = is && !s.IsAck() && c.settings(s) == nil
		} else {
			ok = false
		}
	}
	if !ok {
		c.goAway(0, http2.ErrCodeProtocol, []byte("the client's preface and its SETTINGS must come first"))
		c.shutWrite()
		io.Copy(io.Discard, br)
		return false
	}
	c.nc.SetReadDeadline(time.Time{})
	return true
}
