package h2sim

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// Conn is one client's connection. Its methods may be called from any goroutine, handlers and OnConn included.
type Conn struct {
	ID    int                 // counts from 1 in order of arrival
	TLS   tls.ConnectionState // never changes after the handshake; holds the client's certificates
	Value any                 // the simulator's own; set by OnConn and never changed afterwards

	cfg      *Config
	server   *Server
	slot     *slot
	raw      net.Conn  // the TCP connection, for cutting it
	nc       *tls.Conn // what is read and written
	http1    bool      // never changes after the handshake
	ctx      context.Context
	cancel   context.CancelFunc
	handlers sync.WaitGroup // running handlers

	wmu     sync.Mutex // held while writing; never taken while mu is held
	bw      *bufio.Writer
	fr      *http2.Framer // its read half is owned by readLoop, its write half guarded by wmu
	enc     *hpack.Encoder
	encoded bytes.Buffer // what enc writes to

	in inbound // owned by readLoop

	silent atomic.Bool // nothing is written any more, and what comes is discarded

	lastFrame   atomic.Int64 // when the last frame came, UNIX nanoseconds
	headerSince atomic.Int64 // since when a header block is unfinished; 0 for none

	mu         sync.Mutex
	cond       *sync.Cond         // signalled when a send window grows or a stream ends; its lock is mu
	streams    map[uint32]*stream // guarded by mu: those that count against the limit
	cutShort   map[uint32]*tail   // guarded by mu: streams that we ended while the client was still sending
	maxID      uint32             // guarded by mu: the highest stream id that the client has opened
	opening    bool               // guarded by mu: readLoop has counted a stream in maxID and not yet put it into streams
	running    int                // guarded by mu: handlers that have not returned
	sendWindow int64              // guarded by mu: what the client lets us send on the connection
	peerWindow int64              // guarded by mu: the client's INITIAL_WINDOW_SIZE
	peerFrame  int                // guarded by mu: the client's MAX_FRAME_SIZE
	limits     []uint32           // guarded by mu: MAX_CONCURRENT_STREAMS in force, then those not yet acknowledged
	goneAt     time.Time          // guarded by mu: when GOAWAY was sent; zero: not yet
	goneTold   bool               // guarded by mu: and it has been written; not before may the connection end
	goneLast   uint32             // guarded by mu: the last stream id that GOAWAY named
	dying      bool               // guarded by mu: nothing is read any more
}

// initialWindow is what RFC 9113 gives each stream and the connection to begin with; APNs was seen to keep it.
const initialWindow = 65535

// unsettledStreams is how many streams a client may open while it has not acknowledged our first SETTINGS, if they allow
// fewer: until then it cannot know of them (RFC 9113, section 6.5.3), and Go's client and nghttp2's, in Node.js for one, go
// by this number meanwhile. Not all of them send again what is refused.
const unsettledStreams = 100

// maxFrame is the largest frame payload that we take and send: the RFC's least.
const maxFrame = 16384

// newConn makes a connection out of a slot whose handshake is over.
func newConn(s *Server, place *slot, nc *tls.Conn) *Conn {
	s.mu.Lock()
	s.last++
	id := s.last
	s.mu.Unlock()
	c := &Conn{
		ID: id, TLS: nc.ConnectionState(), cfg: &s.cfg, server: s, slot: place, raw: place.raw, nc: nc,
		streams: map[uint32]*stream{}, cutShort: map[uint32]*tail{},
		sendWindow: initialWindow, peerWindow: initialWindow, peerFrame: maxFrame,
		limits: []uint32{unsettledStreams, s.cfg.InitialMaxStreams},
	}
	c.ctx, c.cancel = context.WithCancel(s.ctx)
	c.cond = sync.NewCond(&c.mu)
	c.lastFrame.Store(time.Now().UnixNano())
	return c
}

// Close cuts the connection at once: no GOAWAY, no answers. It may be called twice and does not wait.
func (c *Conn) Close() {
	c.cancel()
	c.raw.Close()
}

// Silence makes the connection half-open, as when the peer's machine has lost its network: it stays open, and nothing is
// answered on it any more, not even a PING, until the client closes it or the server ends. The handler that calls it must
// return status 0.
func (c *Conn) Silence() { c.silent.Store(true) }

// RemoteAddr returns the client's address.
func (c *Conn) RemoteAddr() string { return c.raw.RemoteAddr().String() }

// SetMaxStreams sets how many streams the client may have open from now on. A higher limit is granted at once; a lower
// one binds the client when it has acknowledged it. It does nothing on HTTP/1.1, or when the limit is n already.
func (c *Conn) SetMaxStreams(n uint32) {
	c.mu.Lock()
	if c.http1 || c.limits[len(c.limits)-1] == n {
		c.mu.Unlock()
		return
	}
	c.limits = append(c.limits, n)
	if len(c.limits) > 64 { // a client that never acknowledges; what was first must give way
		c.limits = c.limits[1:]
	}
	c.mu.Unlock()
	c.write(func() error {
		return c.fr.WriteSettings(http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: n})
	})
}

// maxStreams returns the limit that the client is held to: the highest of what it may still go by. The caller holds mu.
func (c *Conn) maxStreams() uint32 {
	most := c.limits[0]
	for _, n := range c.limits[1:] {
		most = max(most, n)
	}
	return most
}

// GoAway ends the connection in good order (RFC 9113, section 6.8): the client opens no further streams, those that it has
// opened are answered, then the connection is closed. debug is the frame's debug data. On HTTP/1.1 it cuts the connection.
func (c *Conn) GoAway(debug []byte) { c.goAway(0, http2.ErrCodeNo, debug) }

// GoAwayBefore ends the connection as GoAway does, from within the handler of a stream that was not taken: the client may send it
// again elsewhere.
// The handler must return status 0 then.
func (c *Conn) GoAwayBefore(streamID uint32, debug []byte) {
	c.goAway(streamID, http2.ErrCodeNo, debug)
}

func (c *Conn) goAway(before uint32, code http2.ErrCode, debug []byte) {
	if c.http1 {
		c.Close()
		return
	}
	c.mu.Lock()
	last := c.maxID
	refused := false
	if st := c.streams[before]; before != 0 && st != nil {
		c.drop(st)
		if before == c.maxID {
			last = c.highestTaken()
		}
		// A later stream may have been taken: then the GOAWAY cannot say that this one was not, but a reset can.
		refused = last >= before
	}
	if c.goneAt.IsZero() {
		c.goneAt, c.goneLast = time.Now(), last
	}
	c.goneLast = min(c.goneLast, last) // it must never rise
	c.mu.Unlock()
	c.write(func() error {
		c.mu.Lock()
		last = c.goneLast // not before: of two that are written at once, the later must not name the higher
		c.mu.Unlock()
		if refused {
			if err := c.fr.WriteRSTStream(before, http2.ErrCodeRefusedStream); err != nil {
				return err
			}
		}
		return c.fr.WriteGoAway(last, code, debug)
	})
	c.mu.Lock()
	c.goneTold = true
	c.mu.Unlock()
	c.endIfDrained()
}

// highestTaken returns the highest id of a stream that is or may have been worked on, other than maxID itself. Ids are odd and
// rise, but the client may leave some out; the one below is right for all. The caller holds mu.
func (c *Conn) highestTaken() uint32 {
	if c.maxID < 2 {
		return 0
	}
	return c.maxID - 2
}

// endIfDrained closes the connection if GOAWAY was sent and all that the client had begun is answered.
func (c *Conn) endIfDrained() {
	if c.silent.Load() {
		return
	}
	c.mu.Lock()
	drained := c.goneTold && c.running == 0 && !c.opening
	for _, st := range c.streams {
		if !st.ended || !st.started { // a request that has ended is taken in a moment: readLoop is at it
			drained = drained && time.Since(c.goneAt) > drainWait
		}
	}
	first := drained && !c.dying
	if first {
		c.dying = true
	}
	c.mu.Unlock()
	if first {
		c.shutWrite()
	}
}

// drainWait is how long after a GOAWAY a request may take to end its body.
const drainWait = 10 * time.Second

// lingerWait is how long a connection that we end is still read, so that the client gets to see our last frames: closing a
// socket with unread bytes in it makes the kernel throw away what is on its way to the peer. A client that has read it closes;
// one on a busy machine may take a while.
const lingerWait = 5 * time.Second

// shutWrite ends our side of the connection, and bounds how long readLoop still discards what the client sends. It may be called
// twice. Package internal/linger, whose Close lingers and whose second Close cuts, does not fit: here Close always cuts, as several
// faults want, and readLoop must know that the connection is dying, since it takes no more frames then.
func (c *Conn) shutWrite() {
	c.wmu.Lock()
	c.nc.SetWriteDeadline(time.Now().Add(lingerWait))
	c.nc.CloseWrite()
	c.wmu.Unlock()
	c.nc.SetReadDeadline(time.Now().Add(lingerWait))
}

// Done returns a channel that is closed when the connection is over.
func (c *Conn) Done() <-chan struct{} { return c.ctx.Done() }
