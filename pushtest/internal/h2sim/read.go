package h2sim

import (
	"errors"
	"fmt"
	"io"
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

	acknowledged bool // our first SETTINGS have been

	second  time.Time // the second in which chatter counts
	chatter int
}

// chatterLimit is how many frames that ask for nothing (PING, SETTINGS, PRIORITY, RST_STREAM, empty DATA, …) a client may
// send in a second. No sender comes near it; one that floods would keep a core busy.
const chatterLimit = 10_000

// readLoop reads frames until the connection ends, by whomever.
func (c *Conn) readLoop() {
	c.in.recvWindow = initialWindow
	for {
		var f http2.Frame
		fh, err := c.fr.ReadFrameHeader()
		if err == nil {
			f, err = c.fr.ReadFrameForHeader(fh)
		}
		if c.isDying() || c.silent.Load() {
			break
		}
		c.lastFrame.Store(time.Now().UnixNano())
		if err == nil {
			err = c.frame(f)
		} else {
			err = c.readError(fh, err)
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

// readError makes of the framer's error what it means for the connection: nil when it was the stream's alone.
func (c *Conn) readError(fh http2.FrameHeader, err error) error {
	detail := "bad frame"
	if d := c.fr.ErrorDetail(); d != nil {
		detail = d.Error()
	}
	var stream http2.StreamError
	var conn http2.ConnectionError
	switch {
	case errors.Is(err, http2.ErrFrameTooLarge):
		return connError{http2.ErrCodeFrameSize, fmt.Sprintf("a frame may have %d bytes", maxFrame)}
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

// known says whether the client has ever opened the stream.
func (c *Conn) known(id uint32) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return id <= c.maxID
}

// frame does what a frame asks for.
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
	if c.in.chatter++; c.in.chatter > chatterLimit {
		return connError{http2.ErrCodeEnhanceYourCalm, "too many frames without a request"}
	}
	return nil
}

// settings takes the client's SETTINGS, or its acknowledgement of ours.
func (c *Conn) settings(f *http2.SettingsFrame) error {
	if f.IsAck() {
		if !c.in.acknowledged { // our first SETTINGS, whose limit is in force already
			c.in.acknowledged = true
			return nil
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if len(c.limits) > 1 {
			c.limits = c.limits[1:]
		}
		return nil
	}
	table := int64(-1)
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
			table = int64(s.Val)
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
		if table >= 0 {
			c.enc.SetMaxDynamicTableSize(uint32(min(table, 4096)))
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
		idle := f.StreamID > c.maxID && c.goneAt.IsZero()
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
	if f.StreamID > c.maxID && c.goneAt.IsZero() {
		return connError{http2.ErrCodeProtocol, "RST_STREAM for a stream that was never opened"}
	}
	return nil
}
