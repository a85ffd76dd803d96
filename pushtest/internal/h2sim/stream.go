package h2sim

import (
	"context"
	"time"

	"golang.org/x/net/http2"
)

// stream is one request on its way. Guarded by Conn.mu, but for req, which is owned by readLoop until the handler starts
// and by the handler from then on.
type stream struct {
	id         uint32
	req        *Request
	cancel     context.CancelFunc
	declared   int64 // content-length; -1 if there is none
	got        int64 // bytes of body that came, those beyond the limit included
	recvWindow int64 // what the client may still send
	sendWindow int64 // what we may still send
	ended      bool  // the client has sent END_STREAM
	started    bool  // the handler has been
	closed     bool  // no longer in Conn.streams: answered, reset, or given up
	since      time.Time
	held       int64 // bytes that are charged for it, until it is over and its handler has returned
	waits      bool  // and that they wait for the client
}

// drop takes a stream out of the count. The caller holds mu.
func (c *Conn) drop(st *stream) {
	if st.closed {
		return
	}
	st.closed = true
	delete(c.streams, st.id)
	st.cancel()
	if !st.started {
		c.settle(st)
	}
	if !st.ended {
		c.expect(st.id, &tail{})
	}
	c.cond.Broadcast()
}

// reset ends a stream with an error of its own; the connection lives on.
func (c *Conn) reset(id uint32, code http2.ErrCode) error {
	c.mu.Lock()
	if st := c.streams[id]; st != nil {
		c.drop(st)
	}
	c.mu.Unlock()
	return c.write(func() error { return c.fr.WriteRSTStream(id, code) })
}

// startHandler starts the handler of a stream whose request is whole, or cut at the limit.
func (c *Conn) startHandler(st *stream, h Handler) error {
	c.mu.Lock()
	if st.closed || st.started {
		c.mu.Unlock()
		return nil
	}
	// A client that opens and resets streams at once never exceeds the stream limit, but each has cost a handler.
	if c.running >= 2*int(c.maxStreams())+100 {
		c.mu.Unlock()
		return connError{http2.ErrCodeEnhanceYourCalm, "too many requests were begun and reset"}
	}
	st.started = true
	c.waits(st, false)
	c.running++
	c.mu.Unlock()
	c.server.admission.begin(c.slot)
	c.handlers.Go(func() {
		resp := h(st.req)
		c.server.admission.end(c.slot, resp.Status) // not after the answer, which waits for a window that may never open
		if resp.Status != 0 {
			c.respond(st, resp)
		}
		c.mu.Lock()
		c.running--
		c.settle(st)
		c.mu.Unlock()
		c.endIfDrained()
	})
	return nil
}

// hold charges n bytes to a stream; open is false if it is over already. The caller is readLoop.
func (c *Conn) hold(st *stream, n int) (open bool, err error) {
	c.mu.Lock()
	if st.closed {
		c.mu.Unlock()
		return false, nil
	}
	c.waits(st, true) // only a stream that is not whole gets more
	st.held += int64(n)
	c.mu.Unlock()
	return true, c.charge(n)
}

// settle refunds what is charged for a stream. The caller holds mu.
func (c *Conn) settle(st *stream) {
	c.waits(st, false)
	c.server.memory.charge(c, -st.held, 0)
	st.held = 0
}

// waits notes whether what a stream holds waits for the client. The caller holds mu.
func (c *Conn) waits(st *stream, yes bool) {
	switch {
	case st.waits == yes:
		return
	case yes:
		c.server.memory.charge(c, 0, st.held)
	default:
		c.server.memory.charge(c, 0, -st.held)
	}
	st.waits = yes
}

// charge counts n bytes more for this connection, which wait for its client, and sends away whichever holds too much then:
// the error says that it is this one.
func (c *Conn) charge(n int) error {
	switch most := c.server.memory.charge(c, int64(n), int64(n)); most {
	case nil:
		return nil
	case c:
		return connError{http2.ErrCodeEnhanceYourCalm, heldTooMuch}
	default:
		c.server.closeWithGoAway(most, http2.ErrCodeEnhanceYourCalm, []byte(heldTooMuch))
		return nil
	}
}

const heldTooMuch = "unfinished requests hold too much memory"
