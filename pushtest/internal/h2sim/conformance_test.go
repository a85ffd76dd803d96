package h2sim_test

import (
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/hushpush/hush/pushtest/internal/h2sim"
	"github.com/hushpush/hush/pushtest/internal/h2sim/h2raw"
)

func TestHeaderBlocksMayBeSplitAndMustNotBeTooLarge(t *testing.T) {
	t.Parallel()
	addr, trust, _ := setup(t, h2sim.Config{})
	c := dial(t, addr, trust)
	t.Run("split into single bytes", func(t *testing.T) {
		id, b := c.NextID(), c.Block(":method", "POST", ":scheme", "https", ":path", "/split", "x-long", strings.Repeat("v", 500))
		c.Framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, EndStream: true, BlockFragment: b[:1]})
		for i := 1; i < len(b); i++ {
			c.Framer.WriteContinuation(id, i == len(b)-1, b[i:i+1])
		}
		if a := must[*h2raw.Answer](t)(c.Await(id)); a.Status != 200 || a.Header["x-path"] != "/split" {
			t.Errorf("got %+v, want 200", a)
		}
	})
	t.Run("over the limit", func(t *testing.T) {
		id := must[uint32](t)(c.Request("/", nil, "x-large", strings.Repeat("v", 9000)))
		if a := must[*h2raw.Answer](t)(c.Await(id)); a.Status != 431 {
			t.Errorf("got %+v, want 431", a)
		}
		id = must[uint32](t)(c.Request("/after", nil))
		if a := must[*h2raw.Answer](t)(c.Await(id)); a.Header["x-path"] != "/after" {
			t.Errorf("the next request got %+v: the compression state was lost", a)
		}
	})
}

// TestBadFramesEndOnlyTheirOwn has what a client may do wrong, and the code that RFC 9113 gives for it: on the stream where
// the RFC says so, on the connection otherwise. After each, another connection still works.
func TestBadFramesEndOnlyTheirOwn(t *testing.T) {
	t.Parallel()
	addr, trust, _ := setup(t, h2sim.Config{Handler: func(r *h2sim.Request) h2sim.Response {
		if slices.ContainsFunc(r.Header, func(f hpack.HeaderField) bool { return f.Name == "x-unanswered" }) {
			return h2sim.Response{}
		}
		return echo(r)
	}})
	good := dial(t, addr, trust)
	open := func(c *h2raw.Client, id uint32, fields ...string) {
		all := append([]string{":method", "POST", ":scheme", "https", ":path", "/"}, fields...)
		c.Framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, EndHeaders: true, BlockFragment: c.Block(all...)})
	}
	trailers := func(c *h2raw.Client, end bool, fields ...string) {
		c.Framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, EndHeaders: true, EndStream: end, BlockFragment: c.Block(fields...)})
	}
	exchange := func(c *h2raw.Client) { // stream 1, from beginning to end
		open(c, 1)
		c.Framer.WriteData(1, true, []byte("x"))
		must[*h2raw.Answer](t)(c.Await(1))
	}
	headers := func(fields ...string) func(c *h2raw.Client) {
		return func(c *h2raw.Client) {
			c.Framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, EndHeaders: true, EndStream: true, BlockFragment: c.Block(fields...)})
		}
	}
	raw := func(typ http2.FrameType, flags http2.Flags, id uint32, p []byte) func(*h2raw.Client) {
		return func(c *h2raw.Client) { c.Framer.WriteRawFrame(typ, flags, id, p) }
	}
	for _, tc := range []struct {
		name   string
		send   func(c *h2raw.Client)
		stream bool // the stream alone ends
		code   http2.ErrCode
	}{
		{"window update of 0 on the connection", func(c *h2raw.Client) { c.Framer.WriteWindowUpdate(0, 0) }, false, http2.ErrCodeProtocol},
		{"window update of 0 on a stream", func(c *h2raw.Client) { open(c, 1); c.Framer.WriteWindowUpdate(1, 0) }, true, http2.ErrCodeProtocol},
		{"connection window over the limit", func(c *h2raw.Client) { c.Framer.WriteWindowUpdate(0, 1<<31-1) }, false, http2.ErrCodeFlowControl},
		{"stream window over the limit", func(c *h2raw.Client) { open(c, 1); c.Framer.WriteWindowUpdate(1, 1<<31-1) }, true, http2.ErrCodeFlowControl},
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
		{"even stream", func(c *h2raw.Client) { open(c, 2) }, false, http2.ErrCodeProtocol},
		{"stream ids that fall", func(c *h2raw.Client) { open(c, 5); open(c, 3) }, false, http2.ErrCodeProtocol},
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
			open(c, 1)
			c.Framer.WriteWindowUpdate(1, 1<<31-1-65535)
			c.Framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 65536})
		}, false, http2.ErrCodeFlowControl},
		{"window update of the wrong size", raw(http2.FrameWindowUpdate, 0, 0, []byte{1}), false, http2.ErrCodeFrameSize},
		{"window update for a stream of the server", func(c *h2raw.Client) { open(c, 5); c.Framer.WriteWindowUpdate(2, 1) }, false, http2.ErrCodeProtocol},
		{"ping on a stream", raw(http2.FramePing, 0, 1, make([]byte, 8)), false, http2.ErrCodeProtocol},
		{"goaway on a stream", raw(http2.FrameGoAway, 0, 1, make([]byte, 8)), false, http2.ErrCodeProtocol},
		{"reset on stream 0", raw(http2.FrameRSTStream, 0, 0, make([]byte, 4)), false, http2.ErrCodeProtocol},
		{"reset of the wrong size", func(c *h2raw.Client) { open(c, 1); raw(http2.FrameRSTStream, 0, 1, make([]byte, 3))(c) }, false, http2.ErrCodeFrameSize},
		{"reset of a stream of the server", func(c *h2raw.Client) { open(c, 5); c.Framer.WriteRSTStream(4, http2.ErrCodeCancel) }, false, http2.ErrCodeProtocol},
		{"priority on stream 0", raw(http2.FramePriority, 0, 0, make([]byte, 5)), false, http2.ErrCodeProtocol},
		{"headers on stream 0", raw(http2.FrameHeaders, 5, 0, nil), false, http2.ErrCodeProtocol},
		{"headers on a stream that is over", func(c *h2raw.Client) { exchange(c); open(c, 1) }, false, http2.ErrCodeStreamClosed},
		{"headers after the end of the request", func(c *h2raw.Client) {
			open(c, 1, "x-unanswered", "1")
			c.Framer.WriteData(1, true, []byte("x"))
			open(c, 1)
		}, true, http2.ErrCodeStreamClosed},
		{"data on a stream that is over", func(c *h2raw.Client) { exchange(c); c.Framer.WriteData(1, false, []byte("x")) }, true, http2.ErrCodeStreamClosed},
		{"data after the end of the request", func(c *h2raw.Client) {
			open(c, 1)
			c.Framer.WriteData(1, true, []byte("x"))
			c.Framer.WriteData(1, true, []byte("x"))
		}, true, http2.ErrCodeStreamClosed},
		{"data after a reset", func(c *h2raw.Client) {
			open(c, 1)
			c.Framer.WriteRSTStream(1, http2.ErrCodeCancel)
			c.Framer.WriteData(1, false, []byte("x"))
		}, true, http2.ErrCodeStreamClosed},
		{"data on a stream of the server", func(c *h2raw.Client) { open(c, 5); c.Framer.WriteData(2, false, []byte("x")) }, false, http2.ErrCodeProtocol},
		{"data padded beyond its frame", func(c *h2raw.Client) { open(c, 1); raw(http2.FrameData, 8, 1, []byte{2, 0})(c) }, false, http2.ErrCodeProtocol},
		{"padded data without a length of the padding", func(c *h2raw.Client) { open(c, 1); raw(http2.FrameData, 8, 1, nil)(c) }, false, http2.ErrCodeFrameSize},
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
		{"trailers that do not end the stream", func(c *h2raw.Client) { open(c, 1); trailers(c, false, "x-sum", "1") }, true, http2.ErrCodeProtocol},
		{"trailers with a pseudo header", func(c *h2raw.Client) { open(c, 1); trailers(c, true, ":path", "/") }, true, http2.ErrCodeProtocol},
		{"trailers in upper case", func(c *h2raw.Client) { open(c, 1); trailers(c, true, "X-Sum", "1") }, true, http2.ErrCodeProtocol},
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
		{"body shorter than its content-length", func(c *h2raw.Client) { open(c, 1, "content-length", "3"); c.Framer.WriteData(1, true, []byte("12")) }, true, http2.ErrCodeProtocol},
		{"body longer than its content-length", func(c *h2raw.Client) { open(c, 1, "content-length", "3"); c.Framer.WriteData(1, false, []byte("1234")) }, true, http2.ErrCodeProtocol},
		{"trailers before the content-length is reached", func(c *h2raw.Client) {
			open(c, 1, "content-length", "3")
			trailers(c, true, "x-sum", "1")
		}, true, http2.ErrCodeProtocol},
		{"content-length without a body", headers(":method", "POST", ":scheme", "https", ":path", "/", "content-length", "3"), true, http2.ErrCodeProtocol},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := dial(t, addr, trust)
			tc.send(c)
			if tc.stream {
				if err := c.Until(func() bool { a := c.Answer(1); return a != nil && a.WasReset }); err != nil || c.Answer(1).Reset != tc.code {
					t.Fatalf("got %+v, %v; want a reset with %s", c.Answer(1), err, tc.code)
				}
				c.NextID()
				id := must[uint32](t)(c.Request("/", nil))
				if a := must[*h2raw.Answer](t)(c.Await(id)); a.Status != 200 {
					t.Errorf("the connection's next request got %+v", a)
				}
			} else if ga := must[*h2raw.GoAway](t)(c.AwaitGoAway()); ga.Code != tc.code {
				t.Errorf("got GOAWAY with %s (%s), want %s", ga.Code, ga.Debug, tc.code)
			} else if err := c.AwaitEnd(); err != nil {
				t.Errorf("the connection stays open: %v", err)
			}
			id := must[uint32](t)(good.Request("/good", nil))
			if a := must[*h2raw.Answer](t)(good.Await(id)); a.Status != 200 {
				t.Errorf("another connection's request got %+v", a)
			}
		})
	}
}

// TestWhatTheRFCAllowsIsTaken has what is unusual and right; each request is answered.
func TestWhatTheRFCAllowsIsTaken(t *testing.T) {
	t.Parallel()
	addr, trust, _ := setup(t, h2sim.Config{})
	post := []string{":method", "POST", ":scheme", "https", ":path", "/"}
	open := func(c *h2raw.Client, fields ...string) {
		c.Framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, EndHeaders: true, BlockFragment: c.Block(append(post, fields...)...)})
	}
	for name, send := range map[string]func(c *h2raw.Client){
		"trailers": func(c *h2raw.Client) {
			open(c, "te", "trailers")
			c.Framer.WriteData(1, false, []byte("x"))
			c.Framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, EndHeaders: true, EndStream: true, BlockFragment: c.Block("x-sum", "1")})
		},
		"padding": func(c *h2raw.Client) {
			c.Framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, EndHeaders: true, PadLength: 200, BlockFragment: c.Block(post...)})
			c.Framer.WriteDataPadded(1, true, []byte("x"), make([]byte, 255))
		},
		"empty data frames": func(c *h2raw.Client) {
			open(c)
			for range 100 {
				c.Framer.WriteData(1, false, nil)
			}
			c.Framer.WriteData(1, true, []byte("x"))
		},
		"a priority that depends on itself": func(c *h2raw.Client) { // RFC 9113 has done away with the rule
			c.Framer.WritePriority(1, http2.PriorityParam{StreamDep: 1})
			c.Framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, EndHeaders: true, BlockFragment: c.Block(post...),
				Priority: http2.PriorityParam{StreamDep: 1, Weight: 1}})
			c.Framer.WriteData(1, true, []byte("x"))
		},
		"unknown frames, settings and flags": func(c *h2raw.Client) {
			c.Framer.WriteRawFrame(0xbe, 0xff, 7, []byte("what"))
			c.Framer.WriteSettings(http2.Setting{ID: 0xbeef, Val: 1})
			c.Framer.WriteRawFrame(http2.FramePing, 0xfe, 0, make([]byte, 8))
			open(c)
			c.Framer.WriteRawFrame(http2.FrameData, 0xf7, 1, []byte("x"))
		},
		"a setting twice, the last one counts": func(c *h2raw.Client) {
			c.Framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0}, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 9})
			open(c)
			c.Framer.WriteData(1, true, []byte("x"))
		},
		"a window that was taken below zero and opened again": func(c *h2raw.Client) {
			open(c)
			c.Framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
			c.Framer.WriteData(1, true, []byte("x"))
			c.Framer.WriteWindowUpdate(1, 1)
		},
		"frames that cross a reset": func(c *h2raw.Client) {
			open(c, "connection", "close") // malformed: it is reset
			c.Framer.WriteWindowUpdate(1, 10)
			c.Framer.WriteRSTStream(1, http2.ErrCodeCancel)
			c.Framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 3, EndHeaders: true, BlockFragment: c.Block(post...)})
			c.Framer.WriteData(3, true, []byte("x"))
		},
		"stream numbers left out": func(c *h2raw.Client) {
			c.Framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 2001, EndHeaders: true, BlockFragment: c.Block(post...)})
			c.Framer.WriteData(2001, true, []byte("x"))
		},
		"a compression table of no size": func(c *h2raw.Client) {
			block := append([]byte{0x20}, c.Block(post...)...)
			c.Framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, EndHeaders: true, BlockFragment: block})
			c.Framer.WriteData(1, true, []byte("x"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := dial(t, addr, trust)
			send(c)
			answered := func() bool {
				for _, id := range []uint32{1, 3, 2001} {
					if a := c.Answer(id); a != nil && a.Status == 200 && a.Ended && string(a.Body) == "x" {
						return true
					}
				}
				return false
			}
			if err := c.Until(answered); err != nil {
				t.Errorf("no answer: %v; GOAWAY %+v, stream 1: %+v", err, c.GoAway, c.Answer(1))
			}
		})
	}
}

func TestWithoutAPrefaceAndSettingsTheClientIsToldWhatIsMissing(t *testing.T) {
	t.Parallel()
	addr, trust, _ := setup(t, h2sim.Config{})
	for _, tc := range []struct {
		name string
		send func(c *h2raw.Client)
		code http2.ErrCode
	}{
		{"HTTP/1.1", func(c *h2raw.Client) { io.WriteString(c.Conn, "POST / HTTP/1.1\r\nHost: localhost\r\n\r\n") }, http2.ErrCodeProtocol},
		{"no SETTINGS", func(c *h2raw.Client) {
			io.WriteString(c.Conn, http2.ClientPreface)
			c.Framer.WritePing(false, [8]byte{})
		}, http2.ErrCodeProtocol},
		{"SETTINGS that acknowledge", func(c *h2raw.Client) {
			io.WriteString(c.Conn, http2.ClientPreface)
			c.Framer.WriteSettingsAck()
		}, http2.ErrCodeProtocol},
		{"SETTINGS over the limit", func(c *h2raw.Client) {
			io.WriteString(c.Conn, http2.ClientPreface)
			c.Framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 31})
		}, http2.ErrCodeFlowControl},
		{"SETTINGS of the wrong size", func(c *h2raw.Client) {
			io.WriteString(c.Conn, http2.ClientPreface)
			c.Framer.WriteRawFrame(http2.FrameSettings, 0, 0, []byte("x"))
		}, http2.ErrCodeFrameSize},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := must[*h2raw.Client](t)(h2raw.DialBare(addr, trust))
			defer c.Close()
			tc.send(c)
			if ga := must[*h2raw.GoAway](t)(c.AwaitGoAway()); ga.Code != tc.code {
				t.Errorf("got GOAWAY with %s (%s), want %s", ga.Code, ga.Debug, tc.code)
			}
			if err := c.AwaitEnd(); err != nil {
				t.Errorf("the connection stays open: %v", err)
			}
		})
	}
}

func TestAShrunkCompressionTableIsAnnouncedAlsoWhenItHasGrownAgain(t *testing.T) {
	t.Parallel()
	addr, trust, _ := setup(t, h2sim.Config{})
	c := must[*h2raw.Client](t)(h2raw.DialBare(addr, trust))
	defer c.Close()
	io.WriteString(c.Conn, http2.ClientPreface)
	c.Framer.WriteSettings(http2.Setting{ID: http2.SettingHeaderTableSize, Val: 0}, http2.Setting{ID: http2.SettingHeaderTableSize, Val: 4096})
	must[uint32](t)(c.Request("/", nil))
	in := http2.NewFramer(nil, c.Conn)
	c.Conn.SetReadDeadline(time.Now().Add(30 * time.Second))
	for {
		f, err := in.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		if h, ok := f.(*http2.HeadersFrame); ok {
			if b := h.HeaderBlockFragment(); len(b) < 2 || b[0] != 0x20 || b[1] != 0x3f {
				t.Errorf("the header block begins with %x, want 20 3f: the size 0, then 4096 (RFC 7541, section 4.2)", b[:min(len(b), 4)])
			}
			return
		}
	}
}
