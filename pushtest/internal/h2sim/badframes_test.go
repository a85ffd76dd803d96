package h2sim_test

import (
	"golang.org/x/net/http2"

	"github.com/hushpush/hush/pushtest/internal/h2sim/h2raw"
)

// badFrames are what a client may do wrong, and the code that RFC 9113 gives for it.
var badFrames = []struct {
	name   string
	send   func(c *h2raw.Client)
	stream bool // the stream alone ends
	code   http2.ErrCode
}{
	{"window update of 0 on the connection", func(c *h2raw.Client) { c.Framer.WriteWindowUpdate(0, 0) }, false, http2.ErrCodeProtocol},
	{"window update of 0 on a stream", func(c *h2raw.Client) { begin(c, 1); c.Framer.WriteWindowUpdate(1, 0) }, true, http2.ErrCodeProtocol},
	{"connection window over the limit", func(c *h2raw.Client) { c.Framer.WriteWindowUpdate(0, 1<<31-1) }, false, http2.ErrCodeFlowControl},
	{"stream window over the limit", func(c *h2raw.Client) { begin(c, 1); c.Framer.WriteWindowUpdate(1, 1<<31-1) }, true, http2.ErrCodeFlowControl},
	{"window update for an idle stream", func(c *h2raw.Client) { c.Framer.WriteWindowUpdate(9, 1) }, false, http2.ErrCodeProtocol},
	{"frame too large", raw(http2.FrameData, 0, 1, make([]byte, 16385)), false, http2.ErrCodeFrameSize},
	{"data on stream 0", raw(http2.FrameData, 0, 0, []byte("x")), false, http2.ErrCodeProtocol},
	{"data on an idle stream", raw(http2.FrameData, 0, 5, []byte("x")), false, http2.ErrCodeProtocol},
	{"settings of the wrong size", raw(http2.FrameSettings, 0, 0, []byte("x")), false, http2.ErrCodeFrameSize},
	{"settings with a bad value", func(c *h2raw.Client) {
		c.Framer.WriteSettings(http2.Setting{ID: http2.SettingEnablePush, Val: 2})
	}, false, http2.ErrCodeProtocol},
	{"initial window over the limit", func(c *h2raw.Client) {
		c.Framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 31})
	}, false, http2.ErrCodeFlowControl},
	{"ping of the wrong size", raw(http2.FramePing, 0, 0, []byte("x")), false, http2.ErrCodeFrameSize},
	{"even stream", func(c *h2raw.Client) { begin(c, 2) }, false, http2.ErrCodeProtocol},
	{"stream ids that fall", func(c *h2raw.Client) { begin(c, 5); begin(c, 3) }, false, http2.ErrCodeProtocol},
	{"continuation out of place", raw(http2.FrameContinuation, 4, 1, nil), false, http2.ErrCodeProtocol},
	{"header block interrupted", func(c *h2raw.Client) {
		c.Framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: c.Block(":method", "POST")})
		c.Framer.WritePing(false, [8]byte{})
	}, false, http2.ErrCodeProtocol},
	{"header block that cannot be decoded", raw(http2.FrameHeaders, 5, 1, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}), false, http2.ErrCodeCompression},
	{"continuations without end", func(c *h2raw.Client) {
		c.Framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1})
		for range 5000 {
			if c.Framer.WriteContinuation(1, false, nil) != nil {
				return
			}
		}
	}, false, http2.ErrCodeEnhanceYourCalm},
	{"headers padded beyond their frame", raw(http2.FrameHeaders, 4|8, 1, []byte{9}), false, http2.ErrCodeProtocol},
	{"push promise", raw(http2.FramePushPromise, 4, 1, []byte{0, 0, 0, 2}), false, http2.ErrCodeProtocol},
	{"reset of an idle stream", func(c *h2raw.Client) { c.Framer.WriteRSTStream(7, http2.ErrCodeCancel) }, false, http2.ErrCodeProtocol},
	{"upper-case header", headers(":method", "POST", ":scheme", "https", ":path", "/", "X-Upper", "1"), true, http2.ErrCodeProtocol},
	{"no path", headers(":method", "POST", ":scheme", "https"), true, http2.ErrCodeProtocol},
	{"path twice", headers(":method", "POST", ":scheme", "https", ":path", "/", ":path", "/"), true, http2.ErrCodeProtocol},
	{"unknown pseudo header", headers(":method", "POST", ":scheme", "https", ":path", "/", ":what", "1"), true, http2.ErrCodeProtocol},
	{"pseudo header after others", headers(":method", "POST", ":scheme", "https", "x", "1", ":path", "/"), true, http2.ErrCodeProtocol},
	{"connection header", headers(":method", "POST", ":scheme", "https", ":path", "/", "connection", "close"), true, http2.ErrCodeProtocol},
	{"settings on a stream", raw(http2.FrameSettings, 0, 1, nil), false, http2.ErrCodeProtocol},
	{"settings acknowledged with a payload", raw(http2.FrameSettings, 1, 0, make([]byte, 6)), false, http2.ErrCodeFrameSize},
	{"maximal frame size too small", func(c *h2raw.Client) {
		c.Framer.WriteSettings(http2.Setting{ID: http2.SettingMaxFrameSize, Val: 16383})
	}, false, http2.ErrCodeProtocol},
	{"initial window that takes a stream's over the limit", func(c *h2raw.Client) {
		begin(c, 1)
		c.Framer.WriteWindowUpdate(1, 1<<31-1-65535)
		c.Framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 65536})
	}, false, http2.ErrCodeFlowControl},
	{"window update of the wrong size", raw(http2.FrameWindowUpdate, 0, 0, []byte{1}), false, http2.ErrCodeFrameSize},
	{"window update for a stream of the server", func(c *h2raw.Client) { begin(c, 5); c.Framer.WriteWindowUpdate(2, 1) }, false, http2.ErrCodeProtocol},
	{"ping on a stream", raw(http2.FramePing, 0, 1, make([]byte, 8)), false, http2.ErrCodeProtocol},
	{"goaway on a stream", raw(http2.FrameGoAway, 0, 1, make([]byte, 8)), false, http2.ErrCodeProtocol},
	{"reset on stream 0", raw(http2.FrameRSTStream, 0, 0, make([]byte, 4)), false, http2.ErrCodeProtocol},
	{"reset of the wrong size", func(c *h2raw.Client) { begin(c, 1); raw(http2.FrameRSTStream, 0, 1, make([]byte, 3))(c) }, false, http2.ErrCodeFrameSize},
	{"reset of a stream of the server", func(c *h2raw.Client) { begin(c, 5); c.Framer.WriteRSTStream(4, http2.ErrCodeCancel) }, false, http2.ErrCodeProtocol},
	{"priority on stream 0", raw(http2.FramePriority, 0, 0, make([]byte, 5)), false, http2.ErrCodeProtocol},
	{"headers on stream 0", raw(http2.FrameHeaders, 5, 0, nil), false, http2.ErrCodeProtocol},
	{"headers on a stream that is over", func(c *h2raw.Client) { exchange(c); begin(c, 1) }, false, http2.ErrCodeStreamClosed},
	{"headers after the end of the request", func(c *h2raw.Client) {
		begin(c, 1, "x-unanswered", "1")
		c.Framer.WriteData(1, true, []byte("x"))
		begin(c, 1)
	}, true, http2.ErrCodeStreamClosed},
	{"data on a stream that is over", func(c *h2raw.Client) { exchange(c); c.Framer.WriteData(1, false, []byte("x")) }, true, http2.ErrCodeStreamClosed},
	{"data after the end of the request", func(c *h2raw.Client) {
		begin(c, 1)
		c.Framer.WriteData(1, true, []byte("x"))
		c.Framer.WriteData(1, true, []byte("x"))
	}, true, http2.ErrCodeStreamClosed},
	{"data after a reset", func(c *h2raw.Client) {
		begin(c, 1)
		c.Framer.WriteRSTStream(1, http2.ErrCodeCancel)
		c.Framer.WriteData(1, false, []byte("x"))
	}, true, http2.ErrCodeStreamClosed},
	{"data on a stream of the server", func(c *h2raw.Client) { begin(c, 5); c.Framer.WriteData(2, false, []byte("x")) }, false, http2.ErrCodeProtocol},
	{"data padded beyond its frame", func(c *h2raw.Client) { begin(c, 1); raw(http2.FrameData, 8, 1, []byte{2, 0})(c) }, false, http2.ErrCodeProtocol},
	{"padded data without a length of the padding", func(c *h2raw.Client) { begin(c, 1); raw(http2.FrameData, 8, 1, nil)(c) }, false, http2.ErrCodeFrameSize},
	{"padded headers without a length of the padding", raw(http2.FrameHeaders, 4|8, 1, nil), false, http2.ErrCodeFrameSize},
	{"headers too short for their priority", raw(http2.FrameHeaders, 4|32, 1, []byte{0, 0}), false, http2.ErrCodeFrameSize},
	{"unknown frame within a header block", func(c *h2raw.Client) {
		c.Framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: c.Block(":method", "POST")})
		c.Framer.WriteRawFrame(0xbe, 0, 0, nil)
	}, false, http2.ErrCodeProtocol},
	{"continuation on another stream", func(c *h2raw.Client) {
		c.Framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: c.Block(":method", "POST")})
		c.Framer.WriteContinuation(3, true, nil)
	}, false, http2.ErrCodeProtocol},
	{"header block that ends within a field", raw(http2.FrameHeaders, 5, 1, []byte{0x40, 5, 'x'}), false, http2.ErrCodeCompression},
	{"index 0", raw(http2.FrameHeaders, 5, 1, []byte{0x80}), false, http2.ErrCodeCompression},
	{"index of nothing", raw(http2.FrameHeaders, 5, 1, []byte{0xff, 0x20}), false, http2.ErrCodeCompression},
	{"compression table over the limit", raw(http2.FrameHeaders, 5, 1, []byte{0x3f, 0xe2, 0x1f, 0x83}), false, http2.ErrCodeCompression},
	{"compression table changed within a block", raw(http2.FrameHeaders, 5, 1, []byte{0x40, 1, 'x', 1, 'y', 0x20}), false, http2.ErrCodeCompression},
	{"trailers that do not end the stream", func(c *h2raw.Client) { begin(c, 1); trailers(c, false, "x-sum", "1") }, true, http2.ErrCodeProtocol},
	{"trailers with a pseudo header", func(c *h2raw.Client) { begin(c, 1); trailers(c, true, ":path", "/") }, true, http2.ErrCodeProtocol},
	{"trailers in upper case", func(c *h2raw.Client) { begin(c, 1); trailers(c, true, "X-Sum", "1") }, true, http2.ErrCodeProtocol},
	{"no method", headers(":scheme", "https", ":path", "/"), true, http2.ErrCodeProtocol},
	{"no scheme", headers(":method", "POST", ":path", "/"), true, http2.ErrCodeProtocol},
	{"empty path", headers(":method", "POST", ":scheme", "https", ":path", ""), true, http2.ErrCodeProtocol},
	{"pseudo header of an answer", headers(":method", "POST", ":scheme", "https", ":path", "/", ":status", "200"), true, http2.ErrCodeProtocol},
	{"field without a name", headers(":method", "POST", ":scheme", "https", ":path", "/", "", "1"), true, http2.ErrCodeProtocol},
	{"line break in a value", headers(":method", "POST", ":scheme", "https", ":path", "/", "x", "1\r\ny: 2"), true, http2.ErrCodeProtocol},
	{"keep-alive", headers(":method", "POST", ":scheme", "https", ":path", "/", "keep-alive", "1"), true, http2.ErrCodeProtocol},
	{"proxy-connection", headers(":method", "POST", ":scheme", "https", ":path", "/", "proxy-connection", "close"), true, http2.ErrCodeProtocol},
	{"transfer-encoding", headers(":method", "POST", ":scheme", "https", ":path", "/", "transfer-encoding", "chunked"), true, http2.ErrCodeProtocol},
	{"upgrade", headers(":method", "POST", ":scheme", "https", ":path", "/", "upgrade", "h2c"), true, http2.ErrCodeProtocol},
	{"te other than trailers", headers(":method", "POST", ":scheme", "https", ":path", "/", "te", "gzip"), true, http2.ErrCodeProtocol},
	{"content-length that is no number", headers(":method", "POST", ":scheme", "https", ":path", "/", "content-length", "-1"), true, http2.ErrCodeProtocol},
	{"two content-lengths", headers(":method", "POST", ":scheme", "https", ":path", "/", "content-length", "0", "content-length", "1"), true, http2.ErrCodeProtocol},
	{"body shorter than its content-length", func(c *h2raw.Client) { begin(c, 1, "content-length", "3"); c.Framer.WriteData(1, true, []byte("12")) }, true, http2.ErrCodeProtocol},
	{"body longer than its content-length", func(c *h2raw.Client) {
		begin(c, 1, "content-length", "3")
		c.Framer.WriteData(1, false, []byte("1234"))
	}, true, http2.ErrCodeProtocol},
	{"trailers before the content-length is reached", func(c *h2raw.Client) {
		begin(c, 1, "content-length", "3")
		trailers(c, true, "x-sum", "1")
	}, true, http2.ErrCodeProtocol},
	{"content-length without a body", headers(":method", "POST", ":scheme", "https", ":path", "/", "content-length", "3"), true, http2.ErrCodeProtocol},
}

// begin sends a request's HEADERS, without its end.
func begin(c *h2raw.Client, id uint32, fields ...string) {
	all := append([]string{":method", "POST", ":scheme", "https", ":path", "/"}, fields...)
	c.Framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, EndHeaders: true, BlockFragment: c.Block(all...)})
}

// exchange is stream 1 from beginning to end.
func exchange(c *h2raw.Client) {
	begin(c, 1)
	c.Framer.WriteData(1, true, []byte("x"))
	c.Await(1)
}

// trailers sends a second block of headers on stream 1.
func trailers(c *h2raw.Client, end bool, fields ...string) {
	c.Framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, EndHeaders: true, EndStream: end, BlockFragment: c.Block(fields...)})
}

// headers returns a whole request on stream 1 of these fields and no others.
func headers(fields ...string) func(c *h2raw.Client) {
	return func(c *h2raw.Client) {
		c.Framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, EndHeaders: true, EndStream: true, BlockFragment: c.Block(fields...)})
	}
}

// raw returns a frame as it stands.
func raw(typ http2.FrameType, flags http2.Flags, id uint32, p []byte) func(*h2raw.Client) {
	return func(c *h2raw.Client) { c.Framer.WriteRawFrame(typ, flags, id, p) }
}
