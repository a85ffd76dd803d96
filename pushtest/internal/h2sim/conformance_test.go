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

// TestBadFramesEndOnlyTheirOwn wants the end of the stream where the RFC says so, and of the connection otherwise. After each,
// another connection still works.
func TestBadFramesEndOnlyTheirOwn(t *testing.T) {
	t.Parallel()
	addr, trust, _ := setup(t, h2sim.Config{Handler: func(r *h2sim.Request) h2sim.Response {
		if slices.ContainsFunc(r.Header, func(f hpack.HeaderField) bool { return f.Name == "x-unanswered" }) {
			return h2sim.Response{}
		}
		return echo(r)
	}})
	good := dial(t, addr, trust)
	for _, tc := range badFrames {
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
