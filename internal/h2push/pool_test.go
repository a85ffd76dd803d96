package h2push_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
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

func TestRequestsShareAConnectionUpToThePeersLimit(t *testing.T) {
	t.Parallel()
	var most, now atomic.Int32
	p := newPeer(t, []http2.Setting{{ID: http2.SettingMaxConcurrentStreams, Val: 3}}, func(w *wire) error {
		var ids []uint32
		for {
			id, _, _, err := w.request()
			if err != nil {
				return err
			}
			ids = append(ids, id)
			most.Store(max(most.Load(), now.Add(1)))
			if len(ids) < 3 {
				continue
			}
			for _, id := range ids { // only when the limit is used up
				now.Add(-1)
				if err := w.answer(id, "200", ""); err != nil {
					return err
				}
			}
			ids = nil
		}
	})
	pool := p.pool(func(c *h2push.Config) { c.MaxConns = 1 })
	var wg sync.WaitGroup
	for range 30 {
		wg.Go(func() {
			if _, err := pool.Do(within(t, long), post("x")); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if most.Load() != 3 || p.connections() != 1 {
		t.Errorf("got %d requests at once on %d connections, want 3 on 1", most.Load(), p.connections())
	}
}

func TestALimitThatChangesIsKept(t *testing.T) {
	t.Parallel()
	var tooMany atomic.Bool
	p := newPeer(t, []http2.Setting{{ID: http2.SettingMaxConcurrentStreams, Val: 1}}, func(w *wire) error {
		id, _, _, err := w.request()
		if err != nil {
			return err
		}
		if err := errors.Join(w.WriteSettings(http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: 2}), w.answer(id, "200", "")); err != nil {
			return err
		}
		for {
			one, _, _, err := w.request()
			if err != nil {
				return err
			}
			two, _, _, err := w.request()
			if err != nil {
				return err
			}
			_ = w.nc.SetReadDeadline(time.Now().Add(50 * time.Millisecond)) // a third would come at once
			if _, _, _, err := w.request(); err == nil {
				tooMany.Store(true)
			}
			_ = w.nc.SetReadDeadline(time.Time{})
			if err := errors.Join(w.answer(one, "200", ""), w.answer(two, "200", "")); err != nil {
				return err
			}
		}
	})
	pool := p.pool(func(c *h2push.Config) { c.MaxConns = 1; c.Proves = func(h2push.Response) bool { return true } })
	var wg sync.WaitGroup
	for range 7 {
		wg.Go(func() {
			if _, err := pool.Do(within(t, long), post("x")); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if tooMany.Load() {
		t.Error("got a third request at once, want two as the peer's SETTINGS say")
	}
}

func TestAFreshConnectionCarriesOneRequestUntilAnAnswerProvesIt(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var log []string
	note := func(s string) { mu.Lock(); log = append(log, s); mu.Unlock() }
	p := newPeer(t, nil, func(w *wire) error {
		for {
			id, path, body, err := w.request()
			if err != nil {
				return err
			}
			note("request")
			status := "200"
			if string(body) == "refuse" {
				status = "403"
			}
			_ = path
			note("answer")
			if err := w.answer(id, status, ""); err != nil {
				return err
			}
		}
	})
	pool := p.pool(func(c *h2push.Config) { c.Proves = func(r h2push.Response) bool { return r.Status == 200 } })
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			if _, err := pool.Do(within(t, long), post("refuse")); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	mu.Lock()
	defer mu.Unlock()
	want := strings.TrimSpace(strings.Repeat("request answer ", 5))
	if got := strings.Join(log, " "); got != want || p.connections() != 1 {
		t.Errorf("got %q on %d connections, want one request after the other on one", got, p.connections())
	}
}

func TestRequestsAboveAGoAwaysLastStreamAreSentAgainAtOnce(t *testing.T) {
	t.Parallel()
	p := newPeer(t, nil, func(w *wire) error {
		if w.n > 1 {
			return w.echo()
		}
		first, _, _, err := w.request()
		if err != nil {
			return err
		}
		if _, _, _, err := w.request(); err != nil {
			return err
		}
		if err := w.WriteGoAway(first, http2.ErrCodeNo, []byte(`{"reason":"Shutdown"}`)); err != nil {
			return err
		}
		if err := w.answer(first, "200", "first"); err != nil { // those below are still answered
			return err
		}
		_, err = w.ReadFrame()
		return err
	})
	pool := p.pool(nil)
	type result struct {
		body string
		err  error
	}
	results := make(chan result, 2)
	for range 2 {
		go func() {
			resp, err := pool.Do(within(t, long), post("again"))
			results <- result{string(resp.Body), err}
		}()
	}
	got := map[string]int{}
	for range 2 {
		r := <-results
		if r.err != nil {
			t.Errorf("got %v, want both answered", r.err)
		}
		got[r.body]++
	}
	if got["first"] != 1 || got["again"] != 1 || p.connections() != 2 {
		t.Errorf("got %v over %d connections, want one answer of each connection", got, p.connections())
	}
}

func TestWhatAGoAwayCoversWithoutAnAnswerIsUnclearAndHasItsReason(t *testing.T) {
	t.Parallel()
	p := newPeer(t, nil, func(w *wire) error {
		id, _, _, err := w.request()
		if err != nil {
			return err
		}
		_ = w.WriteGoAway(id, http2.ErrCodeNo, []byte(`{"reason":"BadCertificateEnvironment"}`))
		return w.WriteGoAway(id, http2.ErrCodeNo, nil) // seen in the field: a second one, without a reason
	})
	_, err := p.pool(nil).Do(within(t, long), post("x"))
	if e := isError(t, err); !e.Sent || e.Reason != "BadCertificateEnvironment" {
		t.Errorf("got sent %v, reason %q, want true and the reason of the GOAWAY", e.Sent, e.Reason)
	}
}

func TestAConnectionThatIsAlwaysSentAwayEndsWithTheReason(t *testing.T) {
	t.Parallel()
	p := newPeer(t, nil, func(w *wire) error {
		if _, _, _, err := w.request(); err != nil {
			return err
		}
		return w.WriteGoAway(0, http2.ErrCodeNo, []byte(`{"reason":"BadCertificate"}`))
	})
	_, err := p.pool(nil).Do(within(t, long), post("x"))
	if e := isError(t, err); e.Sent || e.Reason != "BadCertificate" {
		t.Errorf("got sent %v, reason %q, want false and BadCertificate", e.Sent, e.Reason)
	}
	if n := p.connections(); n > 4 {
		t.Errorf("got %d connections, want a few", n)
	}
}

func TestALostConnectionIsUnclearForWhatWasSent(t *testing.T) {
	t.Parallel()
	p := newPeer(t, nil, func(w *wire) error {
		_, _, _, err := w.request()
		return err // closes
	})
	_, err := p.pool(nil).Do(within(t, long), post("x"))
	if e := isError(t, err); !e.Sent {
		t.Errorf("got %v, want it unclear", err)
	}
}

func TestARefusedStreamIsSentAgain(t *testing.T) {
	t.Parallel()
	p := newPeer(t, nil, func(w *wire) error {
		id, _, _, err := w.request()
		if err != nil {
			return err
		}
		if err := w.WriteRSTStream(id, http2.ErrCodeRefusedStream); err != nil {
			return err
		}
		return w.echo()
	})
	if resp := mustSend(t, p.pool(nil), "again"); string(resp.Body) != "again" {
		t.Errorf("got %q, want the second try's answer", resp.Body)
	}
}

func TestAResetStreamIsUnclear(t *testing.T) {
	t.Parallel()
	p := newPeer(t, nil, func(w *wire) error {
		id, _, _, err := w.request()
		if err != nil {
			return err
		}
		if err := w.WriteRSTStream(id, http2.ErrCodeInternal); err != nil {
			return err
		}
		return w.echo()
	})
	pool := p.pool(nil)
	_, err := pool.Do(within(t, long), post("x"))
	if e := isError(t, err); !e.Sent {
		t.Errorf("got %v, want it unclear", err)
	}
	mustSend(t, pool, "the connection lives on")
	if p.connections() != 1 {
		t.Errorf("got %d connections, want 1", p.connections())
	}
}

func TestARequestWithoutAnAnswerEndsWithItsContextAndTheConnectionLivesOn(t *testing.T) {
	t.Parallel()
	cause := errors.New("the test's clock")
	ctx, end := context.WithCancelCause(within(t, long))
	p := newPeer(t, nil, func(w *wire) error {
		if _, _, _, err := w.request(); err != nil {
			return err
		}
		end(cause) // not before the request has come
		return w.echo()
	})
	pool := p.pool(nil)
	_, err := pool.Do(ctx, post("x"))
	if e := isError(t, err); !e.Sent || !errors.Is(err, cause) {
		t.Errorf("got %v (sent %v), want unclear, and which clock ran out", err, e.Sent)
	}
	mustSend(t, pool, "y")
	if p.connections() != 1 {
		t.Errorf("got %d connections, want 1", p.connections())
	}
}

func TestAPeerThatAnswersNoPingIsGivenUp(t *testing.T) {
	t.Parallel()
	p := newPeer(t, nil, func(w *wire) error {
		if w.n > 1 {
			return w.echo()
		}
		for { // half open: takes everything, says nothing
			if _, err := w.ReadFrame(); err != nil {
				return err
			}
		}
	})
	pool := p.pool(func(c *h2push.Config) { c.PingAfter = 30 * time.Millisecond; c.PingTimeout = 200 * time.Millisecond })
	_, err := pool.Do(within(t, long), post("x"))
	if e := isError(t, err); !e.Sent {
		t.Errorf("got %v, want it unclear", err)
	}
	sendUntilAnswered(t, pool, "over a new connection")
}

func TestAnIdleConnectionIsPinged(t *testing.T) {
	t.Parallel()
	pinged := make(chan struct{})
	p := newPeer(t, nil, func(w *wire) error {
		id, _, _, err := w.request()
		if err != nil {
			return err
		}
		if err := w.answer(id, "200", ""); err != nil {
			return err
		}
		for {
			f, err := w.ReadFrame()
			if err != nil {
				return err
			}
			if ping, ok := f.(*http2.PingFrame); ok && !ping.IsAck() {
				close(pinged)
				return w.echo()
			}
		}
	})
	pool := p.pool(func(c *h2push.Config) { c.PingAfter = 10 * time.Millisecond; c.IdlePing = 10 * time.Millisecond })
	mustSend(t, pool, "x")
	select {
	case <-pinged:
	case <-time.After(long):
		t.Error("got no ping on an idle connection, want one")
	}
}

func TestALargeBodyWaitsForTheWindows(t *testing.T) {
	t.Parallel()
	body := strings.Repeat("b", 5000)
	p := newPeer(t, []http2.Setting{{ID: http2.SettingInitialWindowSize, Val: 10}}, func(w *wire) error {
		var got []byte
		var id uint32
		for {
			f, err := w.ReadFrame()
			if err != nil {
				return err
			}
			switch f := f.(type) {
			case *http2.MetaHeadersFrame:
				id = f.StreamID
			case *http2.DataFrame:
				got = append(got, f.Data()...)
				if f.StreamEnded() {
					if err := w.answer(id, "200", fmt.Sprint(string(got) == body)); err != nil {
						return err
					}
					continue
				}
				if err := w.WriteWindowUpdate(id, 1000); err != nil {
					return err
				}
			}
		}
	})
	if resp := mustSend(t, p.pool(nil), body); string(resp.Body) != "true" {
		t.Errorf("got %q, want the peer to have the body whole", resp.Body)
	}
}

func TestTheConnectionsWindowIsSharedByAll(t *testing.T) {
	t.Parallel()
	p := newPeer(t, []http2.Setting{{ID: http2.SettingInitialWindowSize, Val: 1 << 20}}, func(w *wire) error {
		sizes := map[uint32]int{}
		for {
			f, err := w.ReadFrame()
			if err != nil {
				return err
			}
			d, ok := f.(*http2.DataFrame)
			if !ok {
				continue
			}
			sizes[d.StreamID] += len(d.Data())
			if err := w.WriteWindowUpdate(0, max(d.Length, 1)); err != nil {
				return err
			}
			if d.StreamEnded() {
				if err := w.answer(d.StreamID, "200", fmt.Sprint(sizes[d.StreamID])); err != nil {
					return err
				}
			}
		}
	})
	pool := p.pool(nil)
	var wg sync.WaitGroup
	for range 60 {
		wg.Go(func() {
			resp, err := pool.Do(within(t, long), post(strings.Repeat("b", 5000)))
			if err != nil || string(resp.Body) != "5000" {
				t.Errorf("got %q, %v, want 5000 bytes to arrive", resp.Body, err)
			}
		})
	}
	wg.Wait()
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

func TestMoreConnectionsComeWithTheLoad(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	p := newPeer(t, []http2.Setting{{ID: http2.SettingMaxConcurrentStreams, Val: 5}}, func(w *wire) error {
		id, _, _, err := w.request()
		if err != nil {
			return err
		}
		<-release
		if err := w.answer(id, "200", ""); err != nil {
			return err
		}
		return w.echo()
	})
	pool := p.pool(func(c *h2push.Config) { c.MaxConns, c.PingTimeout = 3, 2*long }) // these peers answer none while they wait
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := pool.Do(within(t, long), post("x")); err != nil {
				t.Error(err)
			}
		})
	}
	waitFor(t, "three connections", func() bool { return p.connections() == 3 })
	close(release)
	wg.Wait()
	if n := p.connections(); n != 3 {
		t.Errorf("got %d connections, want the 3 that are allowed", n)
	}
}

func TestReconnectsAreHeldBack(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var dials atomic.Int32
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			dials.Add(1)
			_ = nc.Close()
		}
	}()
	t.Cleanup(func() { _ = ln.Close(); <-done })
	pool, err := h2push.New(h2push.Config{URL: "https://" + ln.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeNow(pool) })
	var told bool
	for range 200 {
		_, err := pool.Do(within(t, long), post("x"))
		e := isError(t, err)
		if e.Sent {
			t.Fatalf("got %v as unclear, want it certain: nothing was sent", err)
		}
		if told = e.RetryAfter > time.Second; told {
			break
		}
	}
	if !told || dials.Load() > 20 {
		t.Errorf("got %d dials, told to come back later %v; want few, and true", dials.Load(), told)
	}
}

func TestHTTP1IsSpokenWhereItIsAllowed(t *testing.T) {
	t.Parallel()
	serve := func(nc net.Conn, _ int) error {
		in := bufio.NewReader(nc)
		for {
			r, err := http.ReadRequest(in)
			if err != nil {
				return err
			}
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return err
			}
			if string(body) == "hang up" {
				return nil
			}
			answer := r.URL.Path + " " + r.Header.Get("apns-topic") + " " + string(body)
			if _, err := fmt.Fprintf(nc, "HTTP/1.1 404 Not Found\r\nContent-Length: %d\r\n\r\n%s", len(answer), answer); err != nil {
				return err
			}
		}
	}
	p := newPeerALPN(t, "http/1.1", serve)
	pool := p.pool(func(c *h2push.Config) { c.HTTP1 = true })
	for range 3 {
		if resp := mustSend(t, pool, "body"); resp.Status != 404 || string(resp.Body) != "/3/device/ff t body" {
			t.Errorf("got %d %q, want 404 and what was sent", resp.Status, resp.Body)
		}
	}
	if n := p.connections(); n != 1 {
		t.Errorf("got %d connections, want 1 for one request after the other", n)
	}
	_, err := pool.Do(within(t, long), post("hang up"))
	if e := isError(t, err); !e.Sent {
		t.Errorf("got %v, want it unclear", err)
	}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := pool.Do(within(t, long), post("x")); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	strict := p.pool(nil)
	if _, err := strict.Do(within(t, long), post("x")); err == nil || isError(t, err).Sent {
		t.Errorf("got %v, want a peer without HTTP/2 refused where it is not allowed", err)
	}
}

func TestClosingLetsWhatIsInFlightEnd(t *testing.T) {
	t.Parallel()
	arrived, release := make(chan struct{}), make(chan struct{})
	p := newPeer(t, nil, func(w *wire) error {
		id, _, _, err := w.request()
		if err != nil {
			return err
		}
		close(arrived)
		<-release
		if err := w.answer(id, "200", ""); err != nil {
			return err
		}
		return w.echo()
	})
	pool := p.pool(func(c *h2push.Config) { c.PingTimeout = 2 * long }) // this peer answers none while it waits
	got := make(chan error, 1)
	go func() {
		_, err := pool.Do(within(t, long), post("x"))
		got <- err
	}()
	<-arrived
	closed := make(chan struct{})
	go func() { pool.Close(within(t, long)); close(closed) }()
	waitFor(t, "no new request is let in", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		_, err := pool.Do(ctx, post("y"))
		return errors.Is(err, h2push.ErrClosed)
	})
	close(release)
	if err := <-got; err != nil {
		t.Errorf("got %v, want the request in flight answered", err)
	}
	<-closed
}

func TestAGoAwayBeforeTheFirstRequestTellsItsReason(t *testing.T) {
	t.Parallel()
	p := newPeer(t, nil, func(w *wire) error {
		if err := w.WriteGoAway(0, http2.ErrCodeNo, []byte(`{"reason":"BadCertificateEnvironment"}`)); err != nil {
			return err
		}
		for {
			if _, err := w.ReadFrame(); err != nil {
				return err
			}
		}
	})
	_, err := p.pool(nil).Do(within(t, long), post("x"))
	if e := isError(t, err); e.Sent || e.Reason != "BadCertificateEnvironment" {
		t.Errorf("got %v, sent %v, want the reason, and false", err, e.Sent)
	}
	if n := p.connections(); n > 6 {
		t.Errorf("got %d connections, want a few", n)
	}
}

func TestAnAnswerThatAsksForAnotherConnectionIsTheLastOnItsOwn(t *testing.T) {
	t.Parallel()
	var conns atomic.Int32
	closed := make(chan error, 4)
	p := newPeer(t, nil, func(w *wire) error {
		first := conns.Add(1) == 1
		for {
			id, _, _, err := w.request()
			if err != nil {
				closed <- err
				return err
			}
			status := "200"
			if first {
				status = "503"
			}
			if err := w.answer(id, status, ""); err != nil {
				return err
			}
		}
	})
	pool := p.pool(func(c *h2push.Config) { c.Spent = func(r h2push.Response) bool { return r.Status == 503 } })
	for _, want := range []int{503, 200, 200} {
		if r, err := pool.Do(within(t, long), post("x")); err != nil || r.Status != want {
			t.Fatalf("got %d, %v; want %d", r.Status, err, want)
		}
	}
	select {
	case <-closed:
	case <-time.After(long):
		t.Error("the first connection is still open, want it closed after its last answer")
	}
	if got := conns.Load(); got != 2 {
		t.Errorf("got %d connections, want 2", got)
	}
}
