package h2sim

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"golang.org/x/net/http2"
)

// connError ends the connection with GOAWAY and its code (RFC 9113, section 5.4.1).
type connError struct {
	code http2.ErrCode
	why  string // sent as debug data, for whoever debugs the client
}

func (e connError) Error() string { return fmt.Sprintf("h2sim: %s: %s", e.code, e.why) }

// inbound is what readLoop knows of the client's side. Owned by readLoop.
type inbound struct {
	block      headerBlock
	recvWindow int64 // what the client may still send on the connection
	refund     int64 // what has been read and not yet given back

	second  time.Time // the second in which chatter counts
	chatter int

	gaps []gap // the latest of them
}

// gap is a run of stream numbers that the client has left out; opening a later one has closed them (RFC 9113, section 5.1.1).
type gap struct{ after, before uint32 }

const maxGaps = 16 // in older ones, HEADERS get the code for a stream that was open once

// skip notes that id is opened after the stream before it.
func (in *inbound) skip(before, id uint32) {
	if id <= before+2 && before > 0 || id == 1 {
		return
	}
	if len(in.gaps) == maxGaps {
		in.gaps = in.gaps[1:]
	}
	in.gaps = append(in.gaps, gap{before, id})
}

// skipped reports whether the stream has never been open.
func (in *inbound) skipped(id uint32) bool {
	return slices.ContainsFunc(in.gaps, func(g gap) bool { return g.after < id && id < g.before })
}

// chatterLimit is how many frames that ask for nothing (PING, SETTINGS, PRIORITY, RST_STREAM, empty DATA, …) a client may
// send in a second. No sender comes near it; one that floods would keep a core busy.
const chatterLimit = 10_000

// readLoop reads frames until the connection ends, by whomever.
func (c *Conn) readLoop() {
	c.in.recvWindow = initialWindow
	for {
		f, err := c.readFrame()
		if c.isDying() || c.silent.Load() {
			break
		}
		c.lastFrame.Store(time.Now().UnixNano())
		if err == nil && f != nil {
			err = c.frame(f)
		}
		if err == nil {
			continue
		}
		var ce connError
		if !errors.As(err, &ce) {
			return // the line is dead
		}
		c.mu.Lock()
		c.dying = true
		c.mu.Unlock()
		c.goAway(0, ce.code, []byte(ce.why))
		c.shutWrite()
		break
	}
	io.Copy(io.Discard, c.nc)
}

func (c *Conn) isDying() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dying
}

// readFrame reads one frame. Its error is a connError where the client is to blame, and nil with a nil frame where the
// stream alone was.
func (c *Conn) readFrame() (http2.Frame, error) {
	fh, err := c.fr.ReadFrameHeader()
	if err != nil {
		return nil, c.readError(fh, err, false)
	}
	f, err := c.fr.ReadFrameForHeader(fh)
	if err != nil {
		return nil, c.readError(fh, err, true)
	}
	return f, nil
}

// readError makes of the framer's error what it means for the connection: nil when it was the stream's alone. whole says
// that the frame's header was good; the framer gives one name to a frame whose fields end early and to a line that does.
func (c *Conn) readError(fh http2.FrameHeader, err error, whole bool) error {
	detail := "bad frame"
	if d := c.fr.ErrorDetail(); d != nil {
		detail = d.Error()
	}
	var stream http2.StreamError
	var conn http2.ConnectionError
	switch {
	case errors.Is(err, http2.ErrFrameTooLarge):
		return connError{http2.ErrCodeFrameSize, fmt.Sprintf("a frame may have %d bytes", maxFrame)}
	case whole && errors.Is(err, io.ErrUnexpectedEOF):
		return connError{http2.ErrCodeFrameSize, "a frame is too short for what it must hold"}
	case errors.As(err, &conn):
		return connError{http2.ErrCode(conn), detail}
	case errors.As(err, &stream):
		// The framer has thrown the frame away. If it held headers, the compression state is lost with it.
		if fh.Type == http2.FrameHeaders || !c.known(stream.StreamID) {
			return connError{stream.Code, detail}
		}
		return c.reset(stream.StreamID, stream.Code)
	}
	return err
}

// known reports whether the client has ever opened the stream.
func (c *Conn) known(id uint32) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.idle(id)
}

// idle reports whether nobody has opened the stream: the client has not, and we never open one. The caller holds mu.
func (c *Conn) idle(id uint32) bool { return id > c.maxID || id%2 == 0 }

// forgotten reports whether a frame for a stream that was never opened is no error: the client may not have seen our GOAWAY, after
// which we no longer note what it opens. The caller holds mu.
func (c *Conn) forgotten(id uint32) bool { return id%2 == 1 && !c.goneAt.IsZero() }

// frame handles a frame.
func (c *Conn) frame(f http2.Frame) error {
	if err := c.calm(f); err != nil {
		return err
	}
	switch f := f.(type) {
	case *http2.HeadersFrame:
		return c.headers(f)
	case *http2.ContinuationFrame:
		return c.continuation(f)
	case *http2.DataFrame:
		return c.data(f)
	case *http2.SettingsFrame:
		return c.settings(f)
	case *http2.WindowUpdateFrame:
		return c.windowUpdate(f)
	case *http2.PingFrame:
		if f.IsAck() {
			return nil
		}
		return c.write(func() error { return c.fr.WritePing(true, f.Data) })
	case *http2.RSTStreamFrame:
		return c.rstStream(f)
	case *http2.PushPromiseFrame:
		return connError{http2.ErrCodeProtocol, "a client must not push"}
	}
	return nil // PRIORITY, GOAWAY and unknown ones ask for nothing
}

// calm counts frames that ask for nothing, and ends a flood of them.
func (c *Conn) calm(f http2.Frame) error {
	switch f := f.(type) {
	case *http2.HeadersFrame:
		return nil
	case *http2.DataFrame:
		if f.Length > 0 || f.StreamEnded() {
			return nil
		}
	}
	if now := time.Now(); now.Sub(c.in.second) > time.Second {
		c.in.second, c.in.chatter = now, 0
	}
	c.in.chatter++
	if s, ok := f.(*http2.SettingsFrame); ok {
		c.in.chatter += s.NumSettings() // each may move the windows of all streams
	}
	if c.in.chatter > chatterLimit {
		return connError{http2.ErrCodeEnhanceYourCalm, "too many frames without a request"}
	}
	return nil
}

// settings takes the client's SETTINGS, or its acknowledgement of ours.
func (c *Conn) settings(f *http2.SettingsFrame) error {
	if f.IsAck() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if len(c.limits) > 1 {
			c.limits = c.limits[1:]
		}
		return nil
	}
	var tables []uint32
	err := f.ForeachSetting(func(s http2.Setting) error {
		if err := s.Valid(); err != nil {
			code := http2.ErrCodeProtocol
			if ce, ok := err.(http2.ConnectionError); ok {
				code = http2.ErrCode(ce)
			}
			return connError{code, "bad value in SETTINGS"}
		}
		switch s.ID {
		case http2.SettingHeaderTableSize:
			tables = append(tables, min(s.Val, 4096))
		case http2.SettingMaxFrameSize:
			c.mu.Lock()
			c.peerFrame = int(min(s.Val, maxFrame))
			c.mu.Unlock()
		case http2.SettingInitialWindowSize:
			return c.peerInitialWindow(int64(s.Val))
		}
		return nil
	})
	if err != nil {
		return err
	}
	return c.write(func() error {
		for _, size := range tables { // all of them: the least must be told in the next header block (RFC 7541, section 4.2)
			c.enc.SetMaxDynamicTableSize(size)
		}
		return c.fr.WriteSettingsAck()
	})
}

// peerInitialWindow moves the window of all streams by the difference (RFC 9113, section 6.9.2).
func (c *Conn) peerInitialWindow(size int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	diff := size - c.peerWindow
	c.peerWindow = size
	for _, st := range c.streams {
		if st.sendWindow += diff; st.sendWindow > maxWindow {
			return connError{http2.ErrCodeFlowControl, "INITIAL_WINDOW_SIZE takes a stream's window over the limit"}
		}
	}
	c.cond.Broadcast()
	return nil
}

// maxWindow is the largest that a flow-control window may become.
const maxWindow = 1<<31 - 1

func (c *Conn) windowUpdate(f *http2.WindowUpdateFrame) error {
	c.mu.Lock()
	if f.StreamID == 0 {
		defer c.mu.Unlock()
		if c.sendWindow += int64(f.Increment); c.sendWindow > maxWindow {
			return connError{http2.ErrCodeFlowControl, "WINDOW_UPDATE takes the connection's window over the limit"}
		}
		c.cond.Broadcast()
		return nil
	}
	st := c.streams[f.StreamID]
	if st == nil {
		idle := c.idle(f.StreamID) && !c.forgotten(f.StreamID)
		c.mu.Unlock()
		if idle {
			return connError{http2.ErrCodeProtocol, "WINDOW_UPDATE for a stream that was never opened"}
		}
		return nil
	}
	st.sendWindow += int64(f.Increment)
	over := st.sendWindow > maxWindow
	c.cond.Broadcast()
	c.mu.Unlock()
	if over {
		return c.reset(f.StreamID, http2.ErrCodeFlowControl)
	}
	return nil
}

func (c *Conn) rstStream(f *http2.RSTStreamFrame) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if st := c.streams[f.StreamID]; st != nil {
		st.ended = true // nothing more comes: no need to remember it as cut short
		c.drop(st)
		return nil
	}
	delete(c.cutShort, f.StreamID)
	if c.idle(f.StreamID) && !c.forgotten(f.StreamID) {
		return connError{http2.ErrCodeProtocol, "RST_STREAM for a stream that was never opened"}
	}
	return nil
}
