package bench

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/hushpush/hush/internal/pause"
)

// appleRole is an APNs that answers 200 to everything and does nothing else, because what it costs is taken from the server
// that is measured: they share the machine. It reads only the device token of a request, and reports on its output when the
// device's wake came.
type appleRole struct {
	CA string // where it writes the certificate to trust
}

// arrival is a wake that came. It is written as two numbers of eight bytes, big endian.
type arrival struct {
	device uint64
	at     int64 // Unix time in nanoseconds
}

const (
	arrivalBytes = 16
	tellEvery    = 5 * time.Millisecond
)

// tokenOf returns a device's token: it begins with the device's number.
func tokenOf(device int) string { return fmt.Sprintf("%016x%048x", device, 0) }

// deviceOf returns the number in a path with a token.
func deviceOf(path string) (uint64, bool) {
	token, ok := strings.CutPrefix(path, "/3/device/")
	if !ok || len(token) < 16 {
		return 0, false
	}
	var number [8]byte
	if _, err := hex.Decode(number[:], []byte(token[:16])); err != nil {
		return 0, false
	}
	return binary.BigEndian.Uint64(number[:]), true
}

// run serves until ctx ends.
func (a *appleRole) run(ctx context.Context, out io.Writer) error {
	cert, err := selfSigned(a.CA)
	if err != nil {
		return err
	}
	ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{http2.NextProtoTLS}})
	if err != nil {
		return fmt.Errorf("bench: listening in APNs' place: %w", err)
	}
	defer context.AfterFunc(ctx, func() { ln.Close() })()
	log := &arrivals{out: bufio.NewWriterSize(out, 1<<16)}
	if _, err := fmt.Fprintf(out, "ready listen=%s\n", ln.Addr()); err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	go log.flushLoop(ctx)
	for {
		nc, err := ln.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("bench: in APNs' place: %w", err)
		}
		go serveApple(nc, log) // ends with its client, or with the process
	}
}

// arrivals reports wakes.
type arrivals struct {
	mu  sync.Mutex
	out *bufio.Writer // guarded by mu
}

func (a *arrivals) add(device uint64, at time.Time) {
	var b [arrivalBytes]byte
	binary.BigEndian.PutUint64(b[:8], device)
	binary.BigEndian.PutUint64(b[8:], uint64(at.UnixNano()))
	a.mu.Lock()
	defer a.mu.Unlock()
	_, _ = a.out.Write(b[:]) // flush reports an error
}

func (a *arrivals) flushLoop(ctx context.Context) {
	for pause.For(ctx, tellEvery) == nil {
		a.mu.Lock()
		err := a.out.Flush()
		a.mu.Unlock()
		if err != nil {
			return // nobody listens any more
		}
	}
}

// readArrivals reads what arrivals wrote, until its end.
func readArrivals(in io.Reader, each func(arrival)) error {
	var b [arrivalBytes]byte
	for {
		if _, err := io.ReadFull(in, b[:]); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("bench: reading what APNs' stand-in says: %w", err)
		}
		each(arrival{binary.BigEndian.Uint64(b[:8]), int64(binary.BigEndian.Uint64(b[8:]))})
	}
}

// What APNs' stand-in allows: as many requests at once as Apple, and more window than anybody fills.
const (
	appleStreams = 1_000
	appleWindow  = 1 << 30
)

// appleConn is one connection of a sender (RFC 9113). Its one goroutine reads a frame and writes its answer; answers leave
// together once there is nothing more to read.
type appleConn struct {
	in     *bufio.Reader
	out    *bufio.Writer
	frames *http2.Framer
	header *hpack.Decoder
	answer []byte // the header block of every answer
	log    *arrivals

	path  string // of the request whose header is being read
	taken int    // of the connection's window
}

// serveApple serves a connection until its client breaks it off.
func serveApple(nc net.Conn, log *arrivals) {
	defer nc.Close()
	c := &appleConn{in: bufio.NewReaderSize(nc, 1<<16), out: bufio.NewWriterSize(nc, 1<<16), answer: answerBlock(), log: log}
	c.frames = http2.NewFramer(c.out, c.in)
	c.frames.SetReuseFrames()
	c.header = hpack.NewDecoder(4096, func(f hpack.HeaderField) {
		if f.Name == ":path" {
			c.path = f.Value
		}
	})
	if c.greet() != nil {
		return
	}
	for c.step() == nil {
	}
}

// answerBlock returns a 200 with an apns-id, which no table remembers: every connection may repeat it as it stands.
func answerBlock() []byte {
	var b bytes.Buffer
	e := hpack.NewEncoder(&b)
	_ = e.WriteField(hpack.HeaderField{Name: ":status", Value: "200"}) // a Buffer takes everything
	_ = e.WriteField(hpack.HeaderField{Name: "apns-id", Value: "ec1bf194-b3b2-424a-89a9-5a918a6e6b5d", Sensitive: true})
	return b.Bytes()
}

func (c *appleConn) greet() error {
	preface := make([]byte, len(http2.ClientPreface))
	if _, err := io.ReadFull(c.in, preface); err != nil {
		return err
	}
	return errors.Join(
		c.frames.WriteSettings(
			http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: appleStreams},
			http2.Setting{ID: http2.SettingInitialWindowSize, Val: appleWindow},
		),
		c.frames.WriteWindowUpdate(0, appleWindow),
	)
}

// step reads one frame and does what it asks for.
func (c *appleConn) step() error {
	if c.in.Buffered() == 0 {
		if err := c.out.Flush(); err != nil {
			return err
		}
	}
	frame, err := c.frames.ReadFrame()
	if err != nil {
		return err
	}
	switch f := frame.(type) {
	case *http2.SettingsFrame:
		if !f.IsAck() {
			return c.frames.WriteSettingsAck()
		}
	case *http2.PingFrame:
		if !f.IsAck() {
			return c.frames.WritePing(true, f.Data)
		}
	case *http2.HeadersFrame:
		return c.headers(f.HeaderBlockFragment(), f.HeadersEnded(), f.StreamEnded(), f.StreamID)
	case *http2.ContinuationFrame:
		return c.headers(f.HeaderBlockFragment(), f.HeadersEnded(), false, f.StreamID)
	case *http2.DataFrame:
		return c.data(f)
	}
	return nil
}

// headers takes a piece of a request's header.
func (c *appleConn) headers(block []byte, ended, last bool, stream uint32) error {
	if _, err := c.header.Write(block); err != nil {
		return err
	}
	if !ended {
		return nil
	}
	if err := c.header.Close(); err != nil {
		return err
	}
	if device, ok := deviceOf(c.path); ok {
		c.log.add(device, time.Now())
	}
	if last {
		return c.respond(stream)
	}
	return nil
}

// data answers once the body has come, and gives its window back.
func (c *appleConn) data(f *http2.DataFrame) error {
	if c.taken += int(f.Length); c.taken > appleWindow/2 {
		if err := c.frames.WriteWindowUpdate(0, uint32(c.taken)); err != nil {
			return err
		}
		c.taken = 0
	}
	if !f.StreamEnded() {
		return nil
	}
	return c.respond(f.StreamID)
}

func (c *appleConn) respond(stream uint32) error {
	return c.frames.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: c.answer, EndHeaders: true, EndStream: true})
}
