package h2sim

import (
	"golang.org/x/net/http2"
)

// data takes a piece of a request's body. What comes counts against the windows whether anyone wants it or not, and is
// given back at once: bodies are bounded by MaxBodyBytes, streams by the limit.
func (c *Conn) data(f *http2.DataFrame) error {
	n := int64(f.Length)
	if c.in.recvWindow -= n; c.in.recvWindow < 0 {
		return connError{http2.ErrCodeFlowControl, "DATA beyond the connection's window"}
	}
	if err := c.giveBack(n); err != nil {
		return err
	}
	c.mu.Lock()
	st := c.streams[f.StreamID]
	if st == nil {
		idle, forgotten := c.idle(f.StreamID), c.forgotten(f.StreamID)
		t := c.cutShort[f.StreamID]
		c.mu.Unlock()
		switch {
		case t != nil:
			return c.discard(t, f)
		case idle && !forgotten:
			return connError{http2.ErrCodeProtocol, "DATA for a stream that was never opened"}
		case idle:
			return nil
		}
		return c.reset(f.StreamID, http2.ErrCodeStreamClosed)
	}
	if st.ended {
		c.mu.Unlock()
		return c.reset(st.id, http2.ErrCodeStreamClosed)
	}
	st.recvWindow -= n
	overrun := st.recvWindow < 0
	c.mu.Unlock()
	if overrun {
		return c.reset(st.id, http2.ErrCodeFlowControl)
	}
	return c.body(st, f)
}

// body keeps a piece up to the limit; a body beyond it goes to the handler as it is, cut.
func (c *Conn) body(st *stream, f *http2.DataFrame) error {
	p := f.Data()
	st.got += int64(len(p))
	if st.declared >= 0 && st.got > st.declared {
		return c.reset(st.id, http2.ErrCodeProtocol)
	}
	if !st.started {
		keep := min(len(p), c.cfg.MaxBodyBytes-len(st.req.Body))
		if open, err := c.hold(st, keep); !open || err != nil {
			return err
		}
		st.req.Body = append(st.req.Body, p[:keep]...)
		if keep < len(p) {
			st.req.BodyTooLarge = true
			if err := c.startHandler(st, c.cfg.Handler); err != nil {
				return err
			}
		}
	}
	if f.StreamEnded() {
		return c.bodyEnded(st)
	}
	if st.started {
		return nil // its window is not refilled: nobody reads on
	}
	return c.refill(st)
}

// bodyEnded hands a whole request to the handler.
func (c *Conn) bodyEnded(st *stream) error {
	c.mu.Lock()
	st.ended = true
	c.mu.Unlock()
	if st.declared >= 0 && st.got != st.declared && !st.req.BodyTooLarge {
		return c.reset(st.id, http2.ErrCodeProtocol)
	}
	return c.startHandler(st, c.cfg.Handler)
}

// giveBack returns n bytes to the connection's window, in pieces worth a frame.
func (c *Conn) giveBack(n int64) error {
	if c.in.refund += n; c.in.refund < initialWindow/2 {
		return nil
	}
	n = c.in.refund
	c.in.refund = 0
	c.in.recvWindow += n
	return c.write(func() error { return c.fr.WriteWindowUpdate(0, uint32(n)) })
}

// refill opens a stream's window again once half of it is used.
func (c *Conn) refill(st *stream) error {
	c.mu.Lock()
	n := initialWindow - st.recvWindow
	if n < initialWindow/2 || st.closed {
		c.mu.Unlock()
		return nil
	}
	st.recvWindow += n
	c.mu.Unlock()
	return c.write(func() error { return c.fr.WriteWindowUpdate(st.id, uint32(n)) })
}
