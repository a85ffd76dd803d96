package h2sim

import (
	"time"

	"golang.org/x/net/http2"
)

// tail is what may still come on a stream that we have ended and the client has not: the rest of a body that was refused.
// An answer that leaves before the body's end is followed by no reset at first: some clients (curl 7.88 among them) take
// one, whatever its code, for a failure and never show the answer. So the rest is read and discarded, within bounds; beyond
// them comes the reset with NO_ERROR that RFC 9113, section 8.1, has for it. Guarded by Conn.mu.
type tail struct {
	open   bool  // answered and not reset; without it, frames that are on their way are just ignored
	window int64 // what the client may still send
	got    int64
	since  time.Time
}

const (
	discardBytes = 4 << 20          // of one body beyond what was read when it was answered
	discardWait  = 30 * time.Second // for its end, of a client on a busy machine
	maxTails     = 256              // frames for forgotten ones are answered with STREAM_CLOSED, which is harmless
)

// expect remembers a tail. The caller holds mu.
func (c *Conn) expect(id uint32, t *tail) {
	if len(c.cutShort) >= maxTails {
		clear(c.cutShort)
	}
	c.cutShort[id] = t
}

// discard takes a piece of a body that nobody wants any more.
func (c *Conn) discard(t *tail, f *http2.DataFrame) error {
	c.mu.Lock()
	if f.StreamEnded() {
		delete(c.cutShort, f.StreamID)
	}
	if !t.open || f.StreamEnded() {
		c.mu.Unlock()
		return nil
	}
	t.got += int64(f.Length)
	t.window -= int64(f.Length)
	over, endless, more := t.window < 0, t.got > discardBytes, uint32(0)
	switch {
	case over, endless:
		t.open = false
	case t.window < initialWindow/2:
		more = uint32(initialWindow - t.window)
		t.window = initialWindow
	}
	c.mu.Unlock()
	switch {
	case over:
		return c.reset(f.StreamID, http2.ErrCodeFlowControl)
	case endless:
		return c.reset(f.StreamID, http2.ErrCodeNo)
	case more > 0:
		return c.write(func() error { return c.fr.WriteWindowUpdate(f.StreamID, more) })
	}
	return nil
}
