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
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/hushpush/hush/push"
)

// What a connection ends with.
var (
	errRetired  = errors.New("the connection takes no more requests")
	errDrained  = errors.New("the peer closed the connection")
	errNoPong   = push.Timeout("the peer did not answer a ping in time")
	errNoSpeech = errors.New("the peer closed the connection before it was ready")
)

const (
	writeTimeout     = 10 * time.Second // for what is written at once to leave
	receiveWindow    = 1 << 20          // of the connection, for answers
	firstWindow      = 65535            // of everything, until SETTINGS say otherwise (RFC 9113, section 6.9.2)
	unlimitedStreams = 1000             // where SETTINGS set no limit
	lastStreamID     = 1<<31 - 1
	retireStreamID   = 1 << 30 // a connection that has used so many ids is replaced
	maxHeaderBytes   = 16 << 10
)

// conn is one HTTP/2 connection. Locks: wmu before mu; neither is held while the pool is called.
type conn struct {
	nc      net.Conn
	host    endpoint
	cfg     Config
	changed func() // called when usable or limit may have changed
	ready   chan struct{}
	done    chan struct{} // closed with the connection
	nudge   chan struct{} // holds one: ping now
	pinged  atomic.Bool   // a ping waits for its answer

	wmu    sync.Mutex
	fr     *http2.Framer  // its writing half is guarded by wmu, its reading half owned by read
	out    *bufio.Writer  // guarded by wmu
	enc    *hpack.Encoder // guarded by wmu
	block  bytes.Buffer   // guarded by wmu; the header block that enc writes
	nextID uint32         // guarded by wmu
	leaves bool           // guarded by wmu; a writer will flush what is in out

	in      *marked      // owned by read
	heardAt atomic.Int64 // Unix nanoseconds of the last bytes that ended a frame

	mu         sync.Mutex
	streams    map[uint32]*stream // guarded by mu
	maxStreams int                // guarded by mu; as the peer's SETTINGS say
	window     int64              // guarded by mu; bytes that may be sent on all streams
	newWindow  int64              // guarded by mu; of a new stream
	maxFrame   int                // guarded by mu
	opened     chan struct{}      // guarded by mu; closed and replaced when a window has grown
	settled    bool               // guarded by mu; the peer's first SETTINGS have come
	going      bool               // guarded by mu; GOAWAY came, the ids are used up, or it was retired
	lastID     uint32             // guarded by mu; of the GOAWAY
	reason     string             // guarded by mu; of the GOAWAY
	err        error              // guarded by mu; why it is closed; nil while it is open
}

// stream is one request under way.
type stream struct {
	id     uint32
	window int64         // guarded by conn.mu
	sent   bool          // guarded by conn.mu; its last byte has been handed to the connection
	resp   Response      // owned by read until done
	done   chan struct{} // closed when resp or err stands
	err    *Error
}

// connectHTTP2 makes an HTTP/2 connection ready: both sides' SETTINGS have been exchanged when it returns.
func (p *Pool) connectHTTP2(ctx context.Context, s *slot, nc net.Conn) error {
	c := newConn(nc, p.host, p.cfg, p.changed)
	if err := c.greet(); err != nil {
		_ = nc.Close()
		return fmt.Errorf("preface: %w", err)
	}
	reading := make(chan error, 1)
	p.work.Go(func() { reading <- c.read() })
	select {
	case <-c.ready:
	case err := <-reading:
		c.shut(err)
		return fmt.Errorf("%w: %w", errNoSpeech, c.cause())
	case <-ctx.Done():
		c.shut(context.Cause(ctx))
		<-reading
		return context.Cause(ctx)
	}
	s.conn = c
	if err := p.add(s); err != nil {
		c.shut(err)
		<-reading
		return err
	}
	p.work.Go(func() {
		c.watch(reading)
		p.lost(s, c.cause())
	})
	return nil
}

func newConn(nc net.Conn, host endpoint, cfg Config, changed func()) *conn {
	c := &conn{
		nc: nc, in: &marked{Reader: nc}, host: host, cfg: cfg, changed: changed,
		ready: make(chan struct{}), done: make(chan struct{}), nudge: make(chan struct{}, 1),
		out: bufio.NewWriterSize(bounded{nc}, 16<<10), nextID: 1,
		streams: map[uint32]*stream{}, maxStreams: unlimitedStreams,
		window: firstWindow, newWindow: firstWindow, maxFrame: 16 << 10,
		opened: make(chan struct{}), lastID: lastStreamID,
	}
	c.fr = http2.NewFramer(c.out, bufio.NewReaderSize(c.in, 16<<10))
	c.fr.SetReuseFrames()
	c.fr.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	c.fr.MaxHeaderListSize = maxHeaderBytes
	c.enc = hpack.NewEncoder(&c.block)
	c.heard()
	return c
}

// greet sends the preface and our SETTINGS.
func (c *conn) greet() error {
	return c.write(func() error {
		if _, err := io.WriteString(c.out, http2.ClientPreface); err != nil {
			return err
		}
		if err := c.fr.WriteSettings(
			http2.Setting{ID: http2.SettingEnablePush, Val: 0},
			http2.Setting{ID: http2.SettingMaxHeaderListSize, Val: maxHeaderBytes},
		); err != nil {
			return err
		}
		return c.fr.WriteWindowUpdate(0, receiveWindow-firstWindow)
	})
}

// write runs f with the writing half. What several writers wrote leaves together: the first of them lets every goroutine that
// is ready to run write, too, before it flushes. A system call and a TLS record for each request cost as much as the rest of
// it. A nil error does not promise that the bytes have left.
func (c *conn) write(f func() error) error {
	c.wmu.Lock()
	err := f()
	first := !c.leaves && err == nil
	c.leaves = c.leaves || first
	c.wmu.Unlock()
	if !first {
		return err
	}
	runtime.Gosched()
	c.wmu.Lock()
	defer c.wmu.Unlock()
	c.leaves = false
	return c.out.Flush()
}

// bounded is a connection on which each write has writeTimeout.
type bounded struct{ net.Conn }

func (b bounded) Write(p []byte) (int, error) {
	_ = b.SetWriteDeadline(time.Now().Add(writeTimeout))
	return b.Conn.Write(p)
}

// marked notes that something was read, so that the clock is asked once for all the frames that came together.
type marked struct {
	io.Reader
	came bool
}

func (m *marked) Read(p []byte) (int, error) {
	n, err := m.Reader.Read(p)
	m.came = m.came || n > 0
	return n, err
}

func (c *conn) usable() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.going && c.err == nil
}

func (c *conn) limit() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.maxStreams
}

// cause returns why the connection is closed, with the reason of its GOAWAY; nil while it is open.
func (c *conn) cause() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil || c.reason == "" {
		return c.err
	}
	return &Error{Reason: c.reason, Err: c.err}
}

func (c *conn) roundTrip(ctx context.Context, req Request) (Response, error) {
	st, rest, err := c.open(&req)
	if err != nil {
		return Response{}, err
	}
	if len(rest) > 0 {
		c.sendRest(ctx, st, rest)
	}
	select {
	case <-st.done:
	case <-ctx.Done():
		c.abandon(st, context.Cause(ctx))
		<-st.done
	}
	if st.err != nil {
		return Response{}, st.err
	}
	return st.resp, nil
}

// open starts a stream: its headers and as much of the body as the windows let through leave at once.
func (c *conn) open(req *Request) (*stream, []byte, error) {
	st := &stream{done: make(chan struct{})}
	rest := req.Body
	var refused *Error
	err := c.write(func() error {
		if refused = c.register(st, len(rest) == 0); refused != nil {
			return nil
		}
		if err := c.writeHeaders(st.id, req); err != nil {
			return err
		}
		for len(rest) > 0 {
			n, _ := c.reserve(st, len(rest))
			if n == 0 {
				return nil
			}
			if err := c.fr.WriteData(st.id, n == len(rest), rest[:n]); err != nil {
				return err
			}
			rest = rest[n:]
		}
		return nil
	})
	if refused != nil {
		return nil, nil, refused
	}
	if err != nil {
		c.shut(fmt.Errorf("write: %w", err)) // the stream learns it from there
	}
	return st, rest, nil
}

// register gives a stream its id. The caller holds wmu, so that ids go out in order.
func (c *conn) register(st *stream, whole bool) *Error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.going || c.err != nil {
		return &Error{Reason: c.reason, Err: errRetired}
	}
	st.id, st.window, st.sent = c.nextID, c.newWindow, whole
	c.nextID += 2
	c.going = c.nextID > retireStreamID
	c.streams[st.id] = st
	return nil
}

func (c *conn) writeHeaders(id uint32, req *Request) error {
	c.block.Reset()
	put := func(name, value string, fresh bool) {
		_ = c.enc.WriteField(hpack.HeaderField{Name: name, Value: value, Sensitive: fresh}) // a buffer takes everything
	}
	put(":method", http.MethodPost, false)
	put(":scheme", "https", false)
	put(":authority", c.host.authority, false)
	put(":path", req.Path, req.FreshPath)
	for _, f := range req.Header {
		put(f.Name, f.Value, f.Fresh)
	}
	c.mu.Lock()
	most := c.maxFrame
	c.mu.Unlock()
	block := c.block.Bytes()
	first := block[:min(len(block), most)]
	block = block[len(first):]
	if err := c.fr.WriteHeaders(http2.HeadersFrameParam{
		StreamID: id, BlockFragment: first, EndStream: len(req.Body) == 0, EndHeaders: len(block) == 0,
	}); err != nil {
		return err
	}
	for len(block) > 0 {
		part := block[:min(len(block), most)]
		block = block[len(part):]
		if err := c.fr.WriteContinuation(id, len(block) == 0, part); err != nil {
			return err
		}
	}
	return nil
}

// reserve reserves up to want bytes of the windows, one frame at most. With 0, the channel is closed when one has grown.
func (c *conn) reserve(st *stream, want int) (int, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := min(int64(want), int64(c.maxFrame), c.window, st.window)
	if n <= 0 {
		return 0, c.opened
	}
	c.window -= n
	st.window -= n
	st.sent = st.sent || n == int64(want)
	return int(n), nil
}

// sendRest sends what the windows held back, until all is sent, the stream is done, or ctx ends.
func (c *conn) sendRest(ctx context.Context, st *stream, rest []byte) {
	for len(rest) > 0 {
		n, opened := c.reserve(st, len(rest))
		if n == 0 {
			select {
			case <-opened:
				continue
			case <-st.done:
			case <-ctx.Done():
			}
			return
		}
		err := c.write(func() error {
			select {
			case <-st.done: // reset meanwhile: nothing may follow that
				return nil
			default:
				return c.fr.WriteData(st.id, n == len(rest), rest[:n])
			}
		})
		if err != nil {
			c.shut(fmt.Errorf("write: %w", err))
			return
		}
		rest = rest[n:]
	}
}

// abandon ends a stream whose answer is not waited for any more, and pings the peer.
func (c *conn) abandon(st *stream, cause error) {
	c.mu.Lock()
	_, open := c.streams[st.id]
	c.finish(st, &Error{Sent: st.sent, Err: cause})
	c.mu.Unlock()
	if !open {
		return
	}
	if err := c.write(func() error { return c.fr.WriteRSTStream(st.id, http2.ErrCodeCancel) }); err != nil {
		c.shut(fmt.Errorf("write: %w", err))
		return
	}
	select {
	case c.nudge <- struct{}{}:
	default:
	}
	c.endIfDrained()
}

// finish ends a stream with its answer (err nil) or without. The caller holds mu.
func (c *conn) finish(st *stream, err *Error) {
	if _, open := c.streams[st.id]; !open {
		return
	}
	delete(c.streams, st.id)
	st.err = err
	close(st.done)
}

func (c *conn) retire() {
	c.mu.Lock()
	c.going = true
	c.mu.Unlock()
	c.endIfDrained()
}

// endIfDrained closes a connection that takes no more requests once its last answer has come.
func (c *conn) endIfDrained() {
	c.mu.Lock()
	drained := c.going && len(c.streams) == 0
	c.mu.Unlock()
	if drained {
		c.shut(errDrained)
	}
}

// shut closes the connection at once. Requests under way end without an answer.
func (c *conn) shut(err error) {
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		return
	}
	c.err = err
	for _, st := range c.streams {
		c.finish(st, &Error{Sent: st.sent, Reason: c.reason, Err: err})
	}
	close(c.done)
	c.mu.Unlock()
	_ = c.nc.Close()
}

func (c *conn) heard() { c.heardAt.Store(time.Now().UnixNano()) }

// watch pings a silent peer, and ends with the connection, when read has ended too.
func (c *conn) watch(reading <-chan error) {
	tick := time.NewTicker(max(min(c.cfg.PingAfter, c.cfg.PingTimeout)/2, time.Millisecond))
	defer tick.Stop()
	var pingedAt time.Time
	for {
		force := false
		select {
		case err := <-reading:
			c.shut(err)
			return
		case <-c.nudge:
			force = true
		case <-tick.C:
		}
		now := time.Now()
		if c.pinged.Load() {
			if now.Sub(pingedAt) >= c.cfg.PingTimeout && c.heardAt.Load() < pingedAt.UnixNano() {
				c.shut(errNoPong)
			}
			continue
		}
		quiet := now.Sub(time.Unix(0, c.heardAt.Load()))
		if !force && quiet < c.patience() {
			continue
		}
		pingedAt = now
		c.pinged.Store(true)
		if err := c.write(func() error { return c.fr.WritePing(false, [8]byte{'h', 'u', 's', 'h'}) }); err != nil {
			c.shut(fmt.Errorf("ping: %w", err))
		}
	}
}

// patience returns how long the peer may be silent before it is pinged.
func (c *conn) patience() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.streams) > 0 {
		return c.cfg.PingAfter
	}
	return c.cfg.IdlePing
}
