package h2push

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"golang.org/x/net/http2"
)

// read handles the peer's frames until the connection ends. The error says why.
func (c *conn) read() error {
	for {
		f, err := c.fr.ReadFrame()
		if c.in.came && (f != nil || err == nil) {
			c.in.came = false
			c.heard()
		}
		if err == nil {
			err = c.handle(f)
		} else if bad, ok := errors.AsType[http2.StreamError](err); ok {
			c.reset(bad)
			continue
		}
		if err != nil {
			return c.readError(err)
		}
		c.endIfDrained()
	}
}

// readError tells the peer what it did wrong, where it did; and names the connection's end.
func (c *conn) readError(err error) error {
	var wrong http2.ConnectionError
	if errors.As(err, &wrong) {
		_ = c.write(func() error { return c.fr.WriteGoAway(0, http2.ErrCode(wrong), nil) })
		return fmt.Errorf("%w: %w", errBroke, err)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errDrained
	}
	if own := c.cause(); own != nil {
		return own
	}
	return fmt.Errorf("read: %w", err)
}

func (c *conn) handle(f http2.Frame) error {
	if _, first := f.(*http2.SettingsFrame); !first && !c.isReady() {
		return http2.ConnectionError(http2.ErrCodeProtocol) // RFC 9113, section 3.4
	}
	switch f := f.(type) {
	case *http2.SettingsFrame:
		return c.onSettings(f)
	case *http2.MetaHeadersFrame:
		c.onHeaders(f)
	case *http2.DataFrame:
		return c.onData(f)
	case *http2.RSTStreamFrame:
		c.onReset(f)
	case *http2.GoAwayFrame:
		c.onGoAway(f)
	case *http2.WindowUpdateFrame:
		return c.onWindowUpdate(f)
	case *http2.PingFrame:
		if f.IsAck() {
			c.pinged.Store(false)
			return nil
		}
		return c.write(func() error { return c.fr.WritePing(true, f.Data) })
	case *http2.PushPromiseFrame:
		return http2.ConnectionError(http2.ErrCodeProtocol) // we said that we take none
	}
	return nil
}

func (c *conn) isReady() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.settled
}

// onSettings takes the peer's limits, which may change while the connection lives.
func (c *conn) onSettings(f *http2.SettingsFrame) error {
	if f.IsAck() {
		return nil
	}
	var table *uint32
	c.mu.Lock()
	err := f.ForeachSetting(func(s http2.Setting) error {
		if err := s.Valid(); err != nil {
			return err
		}
		switch s.ID {
		case http2.SettingMaxConcurrentStreams:
			c.maxStreams = int(min(s.Val, lastStreamID))
		case http2.SettingMaxFrameSize:
			c.maxFrame = int(s.Val)
		case http2.SettingHeaderTableSize:
			table = &s.Val
		case http2.SettingInitialWindowSize:
			return c.resizeWindows(int64(s.Val))
		}
		return nil
	})
	first := !c.settled
	c.settled = true
	c.mu.Unlock()
	if err != nil {
		return err
	}
	err = c.write(func() error {
		if table != nil {
			c.enc.SetMaxDynamicTableSize(min(*table, 4096))
		}
		return c.fr.WriteSettingsAck()
	})
	if first {
		close(c.ready)
	} else {
		c.changed()
	}
	return err
}

// resizeWindows applies a new initial window to the open streams too (RFC 9113, section 6.9.2). The caller holds mu.
func (c *conn) resizeWindows(size int64) error {
	by := size - c.newWindow
	c.newWindow = size
	for _, st := range c.streams {
		st.window += by
		if st.window > lastStreamID {
			return http2.ConnectionError(http2.ErrCodeFlowControl)
		}
	}
	c.grown()
	return nil
}

// grown wakes those who wait for a window. The caller holds mu.
func (c *conn) grown() {
	close(c.opened)
	c.opened = make(chan struct{})
}

func (c *conn) onWindowUpdate(f *http2.WindowUpdateFrame) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	window := &c.window
	if f.StreamID != 0 {
		st := c.streams[f.StreamID]
		if st == nil {
			return nil
		}
		window = &st.window
	}
	*window += int64(f.Increment)
	if *window > lastStreamID {
		return http2.ConnectionError(http2.ErrCodeFlowControl)
	}
	c.grown()
	return nil
}

func (c *conn) stream(id uint32) *stream {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.streams[id]
}

// onHeaders takes an answer's head, or its trailers. Informational answers (1xx) are passed over.
func (c *conn) onHeaders(f *http2.MetaHeadersFrame) {
	st := c.stream(f.StreamID)
	if st == nil {
		return // given up meanwhile
	}
	if st.resp.Status == 0 {
		status, err := strconv.Atoi(f.PseudoValue("status"))
		if err != nil || status < 100 || status > 999 || status < 200 && f.StreamEnded() || f.Truncated {
			c.reset(http2.StreamError{StreamID: f.StreamID, Code: http2.ErrCodeProtocol, Cause: errBadHead})
			return
		}
		if status < 200 {
			return
		}
		st.resp.Status = status
		st.resp.Header = make(Header, 0, len(f.Fields))
		for _, h := range f.RegularFields() { // in lower case: the framer refuses others
			st.resp.Header = append(st.resp.Header, Field{Name: h.Name, Value: h.Value})
		}
	}
	if f.StreamEnded() {
		c.answered(st)
	}
}

var errBadHead = errors.New("the answer's head is malformed or too long")

func (c *conn) onData(f *http2.DataFrame) error {
	if n := f.Length; n > 0 { // whoever it is for, the connection's window is to stay open; it counts padding too
		if err := c.write(func() error { return c.fr.WriteWindowUpdate(0, n) }); err != nil {
			return err
		}
	}
	st := c.stream(f.StreamID)
	if st == nil {
		return nil
	}
	if st.resp.Status == 0 {
		c.reset(http2.StreamError{StreamID: f.StreamID, Code: http2.ErrCodeProtocol, Cause: errBadHead})
		return nil
	}
	room := MaxBodyBytes - len(st.resp.Body)
	st.resp.Body = append(st.resp.Body, f.Data()[:min(room, len(f.Data()))]...)
	switch {
	case f.StreamEnded():
		c.answered(st)
	case room <= len(f.Data()): // enough is known; a stream's window is never refilled, so this comes before it is used up
		c.answered(st)
		return c.write(func() error { return c.fr.WriteRSTStream(st.id, http2.ErrCodeCancel) })
	}
	return nil
}

// answered ends a stream with what has come.
func (c *conn) answered(st *stream) {
	c.mu.Lock()
	unfinished := !st.sent
	c.finish(st, nil)
	c.mu.Unlock()
	if unfinished { // the peer answered without waiting for the body; it is not to wait for it later
		_ = c.write(func() error { return c.fr.WriteRSTStream(st.id, http2.ErrCodeNo) })
	}
}

// onReset ends a stream that the peer gave up. REFUSED_STREAM promises that it did nothing (RFC 9113, section 8.7).
func (c *conn) onReset(f *http2.RSTStreamFrame) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if st := c.streams[f.StreamID]; st != nil {
		c.finish(st, &Error{
			Sent: st.sent && f.ErrCode != http2.ErrCodeRefusedStream,
			Err:  fmt.Errorf("%w: %s", errReset, f.ErrCode),
		})
	}
}

// reset ends a stream on which the peer made a mistake.
func (c *conn) reset(bad http2.StreamError) {
	c.mu.Lock()
	if st := c.streams[bad.StreamID]; st != nil {
		c.finish(st, &Error{Sent: st.sent, Err: fmt.Errorf("%w: %w", errBroke, bad)})
	}
	c.mu.Unlock()
	_ = c.write(func() error { return c.fr.WriteRSTStream(bad.StreamID, bad.Code) }) // a dead connection shows in read
}

// onGoAway takes no new requests from now on. Those above the last stream were not processed; the others may still be
// answered (RFC 9113, section 6.8). There may be several, with falling last streams; the first reason stays.
func (c *conn) onGoAway(f *http2.GoAwayFrame) {
	var reason string
	if c.cfg.Reason != nil {
		reason = Printable(c.cfg.Reason(f.DebugData()))
	}
	c.mu.Lock()
	c.going = true
	c.lastID = min(c.lastID, f.LastStreamID)
	if c.reason == "" {
		c.reason = reason
	}
	for id, st := range c.streams {
		if id > c.lastID {
			c.finish(st, &Error{Reason: c.reason, Err: fmt.Errorf("%w: %s", errGoing, f.ErrCode)})
		}
	}
	c.mu.Unlock()
	c.changed()
}

// Printable cuts what a peer says of itself to what may stand in a log line: 100 bytes of printable ASCII.
func Printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, s)
	return s[:min(len(s), 100)]
}
