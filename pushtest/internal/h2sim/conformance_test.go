package h2sim_test

import (
	"strings"
	"testing"

	"golang.org/x/net/http2"

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
	addr, trust, _ := setup(t, h2sim.Config{})
	good := dial(t, addr, trust)
	open := func(c *h2raw.Client, id uint32) {
		c.Framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, EndHeaders: true,
			BlockFragment: c.Block(":method", "POST", ":scheme", "https", ":path", "/")})
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
		{"stream ids that fall", func(c *h2raw.Client) { open(c, 5); open(c, 3) }, false, http2.ErrCodeStreamClosed},
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
		{"content-length without a body", headers(":method", "POST", ":scheme", "https", ":path", "/", "content-length", "3"), true, http2.ErrCodeProtocol},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := dial(t, addr, trust)
			tc.send(c)
			if tc.stream {
				if a := must[*h2raw.Answer](t)(c.Await(1)); !a.WasReset || a.Reset != tc.code {
					t.Errorf("got %+v, want a reset with %s", a, tc.code)
				}
				id := uint32(3)
				c.NextID()
				id = must[uint32](t)(c.Request("/", nil))
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
