package h2sim

import (
	"net/http"
	"strconv"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// write lets f write frames and flushes them. A client that does not take them within WriteWait is cut off: there is no
// queue behind a slow reader that could fill up, the writers wait in turn. On a connection that has been silenced it writes
// nothing.
func (c *Conn) write(f func() error) error {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	if c.silent.Load() {
		return nil
	}
	c.nc.SetWriteDeadline(time.Now().Add(c.cfg.WriteWait))
	err := f()
	if err == nil {
		err = c.bw.Flush()
	}
	// Once the connection says its last, a late writer finds it shut; cutting it then would take from the client what it has
	// not read yet. The lingering reader closes it.
	if err != nil && !c.isDying() {
		c.Close()
	}
	return err
}

// respond sends an answer, as far as the client's windows allow, and ends the stream.
func (c *Conn) respond(st *stream, r Response) {
	if st.req.Method == http.MethodHead || r.Status == http.StatusNoContent || r.Status == http.StatusNotModified {
		r.Body = nil // RFC 9110: clients take DATA there for a broken stream
	}
	// Most answers fit the windows: then all of it leaves in one write.
	n, ok := c.reserve(st, len(r.Body), false)
	for first, sent := true, 0; ok; first = false {
		chunk := r.Body[sent : sent+n]
		sent += n
		last := sent == len(r.Body)
		var more uint32
		if more, ok = c.mayFinish(st, last); !ok {
			return
		}
		err := c.write(func() error { return c.writePart(st.id, r, chunk, first, last, more) })
		if err != nil || last {
			return
		}
		n, ok = c.reserve(st, len(r.Body)-sent, true)
	}
}

// writePart writes a part of an answer: the headers with the first, an end with the last. The caller holds wmu.
func (c *Conn) writePart(id uint32, r Response, chunk []byte, first, last bool, more uint32) error {
	empty := len(r.Body) == 0
	if first {
		if err := c.writeHeaders(id, r, empty); err != nil {
			return err
		}
	}
	if len(chunk) > 0 {
		if err := c.fr.WriteData(id, last, chunk); err != nil {
			return err
		}
	}
	if more > 0 {
		return c.fr.WriteWindowUpdate(id, more)
	}
	return nil
}

// mayFinish is asked before each frame of an answer: ok is false if the stream is over. Before the last one it takes the
// stream out of the count, for the client may open the next the moment it sees the end. Where the client is still sending,
// the rest is discarded, and more is by how much its window opens for that.
func (c *Conn) mayFinish(st *stream, last bool) (more uint32, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if st.closed {
		return 0, false
	}
	if !last {
		return 0, true
	}
	c.drop(st)
	c.settle(st) // its memory, too, counts no more when the client sees the end
	if !st.ended {
		c.expect(st.id, &tail{open: true, window: initialWindow, since: time.Now()})
		more = uint32(initialWindow - st.recvWindow)
	}
	return more, true
}

// reserve takes up to n bytes out of the windows and says how many; with wait it waits until there is at least one. ok is
// false if the stream has ended.
func (c *Conn) reserve(st *stream, n int, wait bool) (got int, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	st.since = time.Now()
	for wait && !st.closed && (st.sendWindow <= 0 || c.sendWindow <= 0) {
		c.waits(st, true)
		c.cond.Wait()
	}
	c.waits(st, false)
	got = max(0, min(n, c.peerFrame, int(min(st.sendWindow, c.sendWindow))))
	st.sendWindow -= int64(got)
	c.sendWindow -= int64(got)
	return got, !st.closed
}

// writeHeaders sends the header block, in CONTINUATION frames where it is too large for one. The caller holds wmu.
func (c *Conn) writeHeaders(id uint32, r Response, end bool) error {
	c.encoded.Reset()
	fields := append([]hpack.HeaderField{{Name: ":status", Value: strconv.Itoa(r.Status)}}, r.Header...)
	for _, f := range fields {
		if err := c.enc.WriteField(f); err != nil {
			return err
		}
	}
	block := c.encoded.Bytes()
	first := block[:min(len(block), maxFrame)]
	block = block[len(first):]
	err := c.fr.WriteHeaders(http2.HeadersFrameParam{
		StreamID: id, BlockFragment: first, EndStream: end, EndHeaders: len(block) == 0,
	})
	for err == nil && len(block) > 0 {
		part := block[:min(len(block), maxFrame)]
		block = block[len(part):]
		err = c.fr.WriteContinuation(id, len(block) == 0, part)
	}
	return err
}
