package h2push_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/hushpush/hush/internal/h2push"
)

func TestAnAnswerComesBackWhole(t *testing.T) {
	t.Parallel()
	p := newPeer(t, nil, func(w *wire) error {
		id, path, body, err := w.request()
		if err != nil {
			return err
		}
		if err := w.answer(id, "410", string(body)+path, "apns-id", "x", "location", "https://elsewhere"); err != nil {
			return err
		}
		return w.echo()
	})
	resp := mustSend(t, p.pool(nil), "hello")
	if resp.Status != 410 || string(resp.Body) != "hello/3/device/ff" || resp.Header.Get("apns-id") != "x" {
		t.Errorf("got %d %q %v, want 410, body and path, and its headers", resp.Status, resp.Body, resp.Header)
	}
}

func TestARedirectIsAnAnswerLikeAnyOther(t *testing.T) {
	t.Parallel()
	p := newPeer(t, nil, func(w *wire) error {
		for {
			id, _, _, err := w.request()
			if err != nil {
				return err
			}
			if err := w.answer(id, "307", "", "location", "https://localhost:1/"); err != nil {
				return err
			}
		}
	})
	if resp := mustSend(t, p.pool(nil), "x"); resp.Status != 307 {
		t.Errorf("got %d, want the 307 itself", resp.Status)
	}
}

func TestAnAnswerWithoutEndIsCutOff(t *testing.T) {
	t.Parallel()
	p := newPeer(t, nil, func(w *wire) error {
		id, _, _, err := w.request()
		if err != nil {
			return err
		}
		w.block.Reset()
		if err := w.answer(id, "502", ""); err != nil { // ended at once: the next is the endless one
			return err
		}
		id, _, _, err = w.request()
		if err != nil {
			return err
		}
		w.block.Reset()
		_ = w.enc.WriteField(header(":status", "502"))
		if err := w.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: w.block.Bytes(), EndHeaders: true}); err != nil {
			return err
		}
		for range 10 {
			if err := w.WriteData(id, false, []byte(strings.Repeat("<html>", 1000))); err != nil {
				return err
			}
		}
		return w.echo()
	})
	pool := p.pool(nil)
	mustSend(t, pool, "x")
	resp := mustSend(t, pool, "x")
	if resp.Status != 502 || len(resp.Body) != h2push.MaxBodyBytes {
		t.Errorf("got %d with %d bytes, want 502 with %d", resp.Status, len(resp.Body), h2push.MaxBodyBytes)
	}
	mustSend(t, pool, "the connection lives on")
}

func TestInformationalAnswersAndTrailersArePassedOver(t *testing.T) {
	t.Parallel()
	p := newPeer(t, nil, func(w *wire) error {
		id, _, _, err := w.request()
		if err != nil {
			return err
		}
		head := func(end bool, f ...string) error {
			w.block.Reset()
			_ = w.enc.WriteField(header(f[0], f[1]))
			return w.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: w.block.Bytes(), EndHeaders: true, EndStream: end})
		}
		return errors.Join(head(false, ":status", "103"), head(false, ":status", "200"), w.WriteData(id, false, []byte("body")), head(true, "x", "y"), w.echo())
	})
	if resp := mustSend(t, p.pool(nil), "x"); resp.Status != 200 || string(resp.Body) != "body" {
		t.Errorf("got %d %q, want 200 body", resp.Status, resp.Body)
	}
}

func TestWhatBreaksHTTP2EndsTheConnectionNotTheProgram(t *testing.T) {
	t.Parallel()
	cases := map[string]func(w *wire, id uint32) error{
		"window over the limit": func(w *wire, id uint32) error { return w.WriteWindowUpdate(0, 1<<31-1) },
		"stream window over":    func(w *wire, id uint32) error { return w.WriteWindowUpdate(id, 1<<31-1) },
		"window update of 0":    func(w *wire, id uint32) error { return w.WriteRawFrame(http2.FrameWindowUpdate, 0, 0, make([]byte, 4)) },
		"push promise": func(w *wire, id uint32) error {
			return w.WritePushPromise(http2.PushPromiseParam{StreamID: id, PromiseID: 2, BlockFragment: []byte{0x82}, EndHeaders: true})
		},
		"bad settings": func(w *wire, id uint32) error {
			return w.WriteSettings(http2.Setting{ID: http2.SettingMaxFrameSize, Val: 1})
		},
		"garbage": func(w *wire, id uint32) error {
			_, err := w.nc.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
			return err
		},
		"garbage in headers": func(w *wire, id uint32) error {
			return w.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, EndHeaders: true})
		},
		"no status":           func(w *wire, id uint32) error { return w.answer(id, "", "") },
		"data before headers": func(w *wire, id uint32) error { return w.WriteData(id, true, []byte("x")) },
	}
	for name, breaks := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPeer(t, nil, func(w *wire) error {
				if w.n > 1 {
					return w.echo()
				}
				id, _, _, err := w.request()
				if err != nil {
					return err
				}
				if err := breaks(w, id); err != nil {
					return err
				}
				return w.echo()
			})
			pool := p.pool(func(c *h2push.Config) { c.PingAfter, c.PingTimeout = 200*time.Millisecond, 200*time.Millisecond })
			_, err := pool.Do(within(t, long), post("x"))
			if e := isError(t, err); !e.Sent {
				t.Errorf("got %v, want it unclear", err)
			}
			sendUntilAnswered(t, pool, "y")
		})
	}
}
