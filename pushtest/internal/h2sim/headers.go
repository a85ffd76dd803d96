package h2sim

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// headerBlock is a header block that is being read: HEADERS and its CONTINUATION frames. Owned by readLoop.
type headerBlock struct {
	dec *hpack.Decoder

	open     bool // END_HEADERS has not come
	streamID uint32
	ends     bool // END_STREAM
	frames   int
	wire     int // compressed bytes so far
	held     int // what is charged for those of all frames but the last

	fields []hpack.HeaderField
	size   uint32 // as RFC 9113 counts it: names, values, 32 a field
	over   bool   // size is beyond the limit; fields holds what came before
}

// A block is decoded piece by piece as it comes, so that nothing grows with it; these end one that never does.
const (
	maxBlockFrames = 4096    // a block of the size that we allow, cut into single bytes, still has room
	maxBlockBytes  = 1 << 18 // compressed; a client that sends more than this in one block is not a sender
)

// initDecoder prepares the decoder; fields beyond the limit are still decoded, since the compression state depends on them,
// but not kept.
func (c *Conn) initDecoder() {
	b := &c.in.block
	b.dec = hpack.NewDecoder(4096, func(f hpack.HeaderField) {
		if b.size += f.Size(); b.size > c.cfg.MaxHeaderListBytes {
			b.over = true
			b.dec.SetEmitEnabled(false)
			return
		}
		b.fields = append(b.fields, f)
	})
	b.dec.SetMaxStringLength(maxBlockBytes)
}

func (c *Conn) headers(f *http2.HeadersFrame) error {
	b := &c.in.block
	if f.StreamID%2 == 0 {
		return connError{http2.ErrCodeProtocol, "a client's streams have odd numbers"}
	}
	b.open, b.streamID, b.ends = true, f.StreamID, f.StreamEnded()
	b.frames, b.wire, b.fields, b.size, b.over = 0, 0, nil, 0, false
	b.dec.SetEmitEnabled(true)
	c.headerSince.Store(time.Now().UnixNano())
	return c.fragment(f.HeaderBlockFragment(), f.HeadersEnded())
}

func (c *Conn) continuation(f *http2.ContinuationFrame) error {
	return c.fragment(f.HeaderBlockFragment(), f.HeadersEnded())
}

// fragment decodes a piece of the block and, at its end, does what the block asks for.
func (c *Conn) fragment(p []byte, last bool) error {
	b := &c.in.block
	b.frames++
	b.wire += len(p)
	if b.frames > maxBlockFrames || b.wire > maxBlockBytes {
		return connError{http2.ErrCodeEnhanceYourCalm, "the header block does not end"}
	}
	if !last {
		n := 2 * len(p) // a string that is not whole yet stands in a buffer that doubles
		b.held += n
		if err := c.charge(n); err != nil {
			return err
		}
	}
	if _, err := b.dec.Write(p); err != nil {
		if errors.Is(err, hpack.ErrStringLength) {
			return connError{http2.ErrCodeEnhanceYourCalm, "a header is too long"}
		}
		return connError{http2.ErrCodeCompression, "the header block cannot be decoded"}
	}
	if !last {
		return nil
	}
	b.open = false
	c.server.memory.charge(c, int64(-b.held), int64(-b.held))
	b.held = 0
	c.headerSince.Store(0)
	if err := b.dec.Close(); err != nil {
		return connError{http2.ErrCodeCompression, "the header block ends in the middle of a field"}
	}
	return c.begin(b)
}

// begin opens a stream with a whole header block, or takes the block as the trailers of one that is open.
func (c *Conn) begin(b *headerBlock) error {
	c.mu.Lock()
	st := c.streams[b.streamID]
	known, cut := b.streamID <= c.maxID, c.cutShort[b.streamID] != nil
	if cut && b.ends {
		delete(c.cutShort, b.streamID) // trailers: nothing comes after them
	}
	if st == nil && !known {
		if !c.goneAt.IsZero() {
			c.mu.Unlock()
			return nil // the client has not seen our GOAWAY yet; it tells it that this stream was not processed
		}
		c.in.skip(c.maxID, b.streamID)
		c.maxID = b.streamID
		c.opening = true
		defer c.opened()
	}
	full := len(c.streams) >= int(c.maxStreams())
	c.mu.Unlock()
	switch {
	case st != nil:
		return c.trailers(st, b)
	case cut:
		return nil
	case known && c.in.skipped(b.streamID):
		return connError{http2.ErrCodeProtocol, "the numbers of streams must rise"}
	case known:
		return connError{http2.ErrCodeStreamClosed, "HEADERS for a stream that is closed"}
	case full:
		return c.refuse(b)
	}
	return c.open(b)
}

// opened notes that the stream which maxID counts is now in streams, or over.
func (c *Conn) opened() {
	c.mu.Lock()
	c.opening = false
	gone := !c.goneAt.IsZero()
	c.mu.Unlock()
	if gone {
		c.endIfDrained()
	}
}

// refuse turns away a stream above the limit; the client may safely send it again (RFC 9113, section 5.1.2).
func (c *Conn) refuse(b *headerBlock) error {
	if !b.ends {
		c.mu.Lock()
		c.expect(b.streamID, &tail{})
		c.mu.Unlock()
	}
	id := b.streamID
	return c.write(func() error { return c.fr.WriteRSTStream(id, http2.ErrCodeRefusedStream) })
}

// open makes a stream of a request's header block.
func (c *Conn) open(b *headerBlock) error {
	req, declared, why := request(b.fields)
	if why != "" && !b.over {
		return c.reset(b.streamID, http2.ErrCodeProtocol)
	}
	st := &stream{
		id: b.streamID, req: req, declared: declared, recvWindow: initialWindow, ended: b.ends, since: time.Now(),
	}
	req.Conn, req.StreamID = c, b.streamID
	req.ctx, st.cancel = context.WithCancel(c.ctx)
	c.mu.Lock()
	st.sendWindow = c.peerWindow
	c.streams[st.id] = st
	c.mu.Unlock()
	if _, err := c.hold(st, streamCost+int(min(b.size, c.cfg.MaxHeaderListBytes))); err != nil {
		return err
	}
	switch {
	case b.over:
		return c.startHandler(st, headerListTooLarge)
	case b.ends && declared > 0:
		return c.reset(st.id, http2.ErrCodeProtocol)
	case b.ends:
		return c.startHandler(st, c.cfg.Handler)
	}
	return nil
}

// headerListTooLarge answers a request whose headers are over the limit that our SETTINGS have told (RFC 9113, section
// 10.5.1, names the status).
func headerListTooLarge(*Request) Response { return Response{Status: 431} }

// trailers ends a request's body. They are not kept: neither provider gives them a meaning.
func (c *Conn) trailers(st *stream, b *headerBlock) error {
	if st.ended {
		return c.reset(st.id, http2.ErrCodeStreamClosed)
	}
	if !b.ends || badTrailers(b.fields) {
		return c.reset(st.id, http2.ErrCodeProtocol)
	}
	return c.bodyEnded(st)
}

// badTrailers reports whether there is a field that trailers may not have, such as a pseudo header.
func badTrailers(fields []hpack.HeaderField) bool {
	return slices.ContainsFunc(fields, func(f hpack.HeaderField) bool {
		declared := int64(-1)
		return f.IsPseudo() || !httpguts.ValidHeaderFieldValue(f.Value) || field(f, &declared) != ""
	})
}

// request checks a block against RFC 9113, section 8: malformed says why not, "" if all is well. The scheme is not looked
// into: firebase-admin for Node.js sends "https:", and Google takes it.
func request(fields []hpack.HeaderField) (req *Request, declared int64, malformed string) {
	req, declared = &Request{}, -1
	seen := map[string]bool{}
	for i, f := range fields {
		if !httpguts.ValidHeaderFieldValue(f.Value) {
			return req, declared, "bad character in a value"
		}
		if f.IsPseudo() {
			if len(req.Header) > 0 || seen[f.Name] {
				return req, declared, "pseudo header out of place or repeated"
			}
			seen[f.Name] = true
			switch f.Name {
			case ":method":
				req.Method = f.Value
			case ":scheme":
				req.Scheme = f.Value
			case ":authority":
				req.Authority = f.Value
			case ":path":
				req.Path = f.Value
			default:
				return req, declared, "unknown pseudo header"
			}
			continue
		}
		if why := field(f, &declared); why != "" {
			return req, declared, why
		}
		if req.Header == nil {
			req.Header = make([]hpack.HeaderField, 0, len(fields)-i)
		}
		req.Header = append(req.Header, f)
	}
	if req.Method == "" || req.Scheme == "" || req.Path == "" {
		return req, declared, "a pseudo header is missing"
	}
	return req, declared, ""
}

// field checks one ordinary field and notes a content-length.
func field(f hpack.HeaderField, declared *int64) (malformed string) {
	if !validName(f.Name) {
		return "bad field name"
	}
	switch f.Name {
	case "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade":
		return "connection-specific field"
	case "te":
		if f.Value != "trailers" {
			return "te other than trailers"
		}
	case "content-length":
		n, err := strconv.ParseUint(f.Value, 10, 62)
		if err != nil || (*declared >= 0 && *declared != int64(n)) {
			return "bad content-length"
		}
		*declared = int64(n)
	}
	return ""
}

// validName wants a token in lower case (RFC 9113, section 8.2.1).
func validName(name string) bool {
	return httpguts.ValidHeaderFieldName(name) && strings.ToLower(name) == name
}
