package h2sim_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/hushpush/hush/pushtest/internal/h2sim"
	"github.com/hushpush/hush/pushtest/internal/h2sim/h2raw"
	"github.com/hushpush/hush/pushtest/internal/simkit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// setup serves with cfg on a free port; trust is what a client needs.
func setup(t testing.TB, cfg h2sim.Config) (addr string, trust *tls.Config, s *h2sim.Server) {
	t.Helper()
	ca, err := simkit.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	cert, err := ca.Server("127.0.0.1", "localhost")
	if err != nil {
		t.Fatal(err)
	}
	cfg.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	if cfg.Handler == nil {
		cfg.Handler = echo
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s = h2sim.Serve(ln, cfg)
	t.Cleanup(s.Close)
	return s.Addr().String(), &tls.Config{RootCAs: ca.Pool(), ServerName: "localhost"}, s
}

func echo(r *h2sim.Request) h2sim.Response {
	if r.BodyTooLarge {
		return h2sim.Response{Status: 413}
	}
	return h2sim.Response{Status: 200, Header: []hpack.HeaderField{{Name: "x-path", Value: r.Path}}, Body: r.Body}
}

func dial(t testing.TB, addr string, trust *tls.Config) *h2raw.Client {
	t.Helper()
	c, err := h2raw.Dial(addr, trust)
	if err != nil {
		t.Fatalf("dialling: %v", err)
	}
	t.Cleanup(c.Close)
	return c
}

// must fails the test on an error.
func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func client(trust *tls.Config, h1 bool) *http.Client {
	p := new(http.Protocols)
	p.SetHTTP1(h1)
	p.SetHTTP2(!h1)
	return &http.Client{Transport: &http.Transport{TLSClientConfig: trust.Clone(), Protocols: p}, Timeout: 30 * time.Second}
}

func TestGoClientsAreAnsweredOverBothProtocols(t *testing.T) {
	t.Parallel()
	addr, trust, _ := setup(t, h2sim.Config{HTTP1: true, MaxBodyBytes: 300_000})
	for _, h1 := range []bool{false, true} {
		hc := client(trust, h1)
		defer hc.CloseIdleConnections()
		for _, size := range []int{0, 1, 70_000, 200_000} {
			body := bytes.Repeat([]byte("x"), size)
			resp, err := hc.Post("https://"+addr+"/a", "text/plain", bytes.NewReader(body))
			if err != nil {
				t.Fatalf("http1 %v, %d bytes: %v", h1, size, err)
			}
			got, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if resp.StatusCode != 200 || !bytes.Equal(got, body) || (resp.ProtoMajor == 1) != h1 {
				t.Errorf("http1 %v, %d bytes: got %s %d and %d bytes back", h1, size, resp.Proto, resp.StatusCode, len(got))
			}
		}
	}
}

func TestAnswersThatMayHaveNoBodyHaveNone(t *testing.T) {
	t.Parallel()
	addr, trust, _ := setup(t, h2sim.Config{HTTP1: true, Handler: func(r *h2sim.Request) h2sim.Response {
		status := map[string]int{"/204": 204, "/304": 304}[r.Path]
		return h2sim.Response{Status: max(status, 200), Body: []byte("a body")}
	}})
	c := dial(t, addr, trust)
	for _, q := range []struct{ method, path, body string }{
		{"HEAD", "/", ""}, {"POST", "/204", ""}, {"GET", "/304", ""}, {"GET", "/", "a body"},
	} {
		a := must[*h2raw.Answer](t)(c.Await(must[uint32](t)(c.Do(q.method, q.path, nil))))
		if string(a.Body) != q.body || !a.Ended {
			t.Errorf("%s %s: %d with the body %q, ended %v; want %q", q.method, q.path, a.Status, a.Body, a.Ended, q.body)
		}
	}
}

func TestHundredsOfRequestsAtOnceGetThroughALimitOfOneStream(t *testing.T) {
	t.Parallel()
	addr, trust, _ := setup(t, h2sim.Config{InitialMaxStreams: 1, Handler: func(r *h2sim.Request) h2sim.Response {
		r.Conn.SetMaxStreams(50)
		return echo(r)
	}})
	hc := client(trust, false)
	defer hc.CloseIdleConnections()
	var wg sync.WaitGroup
	for i := range 300 {
		wg.Go(func() {
			resp, err := hc.Post("https://"+addr+"/", "text/plain", strings.NewReader(fmt.Sprint(i)))
			if err != nil {
				t.Errorf("request %d: %v", i, err)
				return
			}
			got, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if string(got) != fmt.Sprint(i) {
				t.Errorf("request %d: got %q back", i, got)
			}
		})
	}
	wg.Wait()
}

func TestSettingsChangeDuringAConnection(t *testing.T) {
	t.Parallel()
	addr, trust, _ := setup(t, h2sim.Config{InitialMaxStreams: 1, Handler: func(r *h2sim.Request) h2sim.Response {
		r.Conn.SetMaxStreams(7)
		return echo(r)
	}})
	c := dial(t, addr, trust)
	id := must[uint32](t)(c.Request("/", nil))
	must[*h2raw.Answer](t)(c.Await(id))
	if got := c.Settings[http2.SettingMaxConcurrentStreams]; got != 7 {
		t.Errorf("after the first answer MAX_CONCURRENT_STREAMS is %d, want 7", got)
	}
}

func TestStreamsAboveTheLimitAreRefusedAndTheRestAnswered(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	addr, trust, _ := setup(t, h2sim.Config{InitialMaxStreams: 10, Handler: func(r *h2sim.Request) h2sim.Response {
		<-release
		return echo(r)
	}})
	c := dial(t, addr, trust)
	var ids []uint32
	done := make(chan error, 1)
	ready := make(chan uint32, 5000)
	go func() {
		var err error
		for range 5000 {
			var id uint32
			if id, err = c.Request("/", nil); err != nil {
				break
			}
			ready <- id
		}
		close(ready)
		done <- err
	}()
	for id := range ready {
		ids = append(ids, id)
	}
	if err := <-done; err != nil {
		t.Fatalf("opening 5000 streams: %v", err)
	}
	if err := c.Until(func() bool { a := c.Answer(ids[len(ids)-1]); return a != nil && a.Ended }); err != nil {
		t.Fatal(err)
	}
	close(release)
	answered, refused := 0, 0
	for _, id := range ids {
		a := must[*h2raw.Answer](t)(c.Await(id))
		switch {
		case a.Status == 200:
			answered++
		case a.Reset == http2.ErrCodeRefusedStream:
			refused++
		}
	}
	if answered != 10 || refused != 4990 {
		t.Errorf("5000 streams at a limit of 10: %d answered, %d refused; want 10 and 4990", answered, refused)
	}
}

func TestGoAwayAnswersWhatWasBegunThenCloses(t *testing.T) {
	t.Parallel()
	began, release := make(chan struct{}), make(chan struct{})
	addr, trust, s := setup(t, h2sim.Config{Handler: func(r *h2sim.Request) h2sim.Response {
		close(began)
		<-release
		return echo(r)
	}})
	c := dial(t, addr, trust)
	id := must[uint32](t)(c.Request("/", nil))
	<-began
	s.Conns()[0].GoAway([]byte(`{"reason":"Shutdown"}`))
	ga := must[*h2raw.GoAway](t)(c.AwaitGoAway())
	if ga.Last != id || ga.Code != http2.ErrCodeNo || ga.Debug != `{"reason":"Shutdown"}` {
		t.Errorf("got GOAWAY %+v; want last %d, no error, the reason", ga, id)
	}
	must[uint32](t)(c.Request("/late", nil))
	close(release)
	if a := must[*h2raw.Answer](t)(c.Await(id)); a.Status != 200 {
		t.Errorf("the stream begun before: status %d, want 200", a.Status)
	}
	if err := c.AwaitEnd(); err != nil {
		t.Errorf("the connection was not closed: %v", err)
	}
}

func TestWhatAGoAwayNamesAsBegunIsAnsweredHoweverTheTwoCross(t *testing.T) {
	t.Parallel()
	addr, trust, s := setup(t, h2sim.Config{})
	for round := range 300 {
		c := dial(t, addr, trust)
		first := must[uint32](t)(c.Request("/", nil))
		must[*h2raw.Answer](t)(c.Await(first))
		crossed := make(chan struct{})
		go func() {
			defer close(crossed)
			for _, conn := range s.Conns() {
				conn.GoAway(nil)
			}
		}()
		body := []byte("x")
		if round%2 == 0 {
			body = nil // the headers end the stream
		}
		id, err := c.Request("/", body)
		<-crossed
		if end := c.AwaitEnd(); end != nil {
			t.Fatal(end)
		}
		if c.GoAway == nil {
			t.Fatalf("round %d: the connection ended without the GOAWAY", round)
		}
		a := c.Answer(id)
		if err == nil && c.GoAway.Last >= id && (a == nil || a.Status != 200) {
			t.Fatalf("round %d: GOAWAY says that stream %d may have been worked on, and it got %+v", round, id, a)
		}
		c.Close()
	}
}

func TestGoAwayBeforeAStreamSaysThatItWasNotTaken(t *testing.T) {
	t.Parallel()
	addr, trust, _ := setup(t, h2sim.Config{Handler: func(r *h2sim.Request) h2sim.Response {
		if r.Path == "/no" {
			r.Conn.GoAwayBefore(r.StreamID, []byte("{}"))
			return h2sim.Response{}
		}
		return echo(r)
	}})
	c := dial(t, addr, trust)
	first := must[uint32](t)(c.Request("/", nil))
	must[*h2raw.Answer](t)(c.Await(first))
	must[uint32](t)(c.Request("/no", nil))
	if ga := must[*h2raw.GoAway](t)(c.AwaitGoAway()); ga.Last != first {
		t.Errorf("GOAWAY names stream %d as the last, want %d", ga.Last, first)
	}
	if err := c.AwaitEnd(); err != nil {
		t.Errorf("the connection was not closed: %v", err)
	}
}

func TestStatusZeroNeverAnswersUntilTheClientGivesUp(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	addr, trust, _ := setup(t, h2sim.Config{Handler: func(r *h2sim.Request) h2sim.Response {
		if r.Path == "/none" {
			context.AfterFunc(r.Context(), func() { ended <- r.Context().Err() })
			return h2sim.Response{}
		}
		return echo(r)
	}})
	c := dial(t, addr, trust)
	none := must[uint32](t)(c.Request("/none", nil))
	id := must[uint32](t)(c.Request("/", nil))
	must[*h2raw.Answer](t)(c.Await(id))
	if a := c.Answer(none); a != nil {
		t.Errorf("the silent stream got %+v", a)
	}
	c.Framer.WriteRSTStream(none, http2.ErrCodeCancel)
	if err := <-ended; err == nil {
		t.Error("the request's context did not end with its stream")
	}
}

func TestIdleConnectionsAreSentAway(t *testing.T) {
	t.Parallel()
	addr, trust, _ := setup(t, h2sim.Config{IdleWait: 50 * time.Millisecond, IdleDebug: []byte(`{"reason":"IdleTimeout"}`)})
	c := dial(t, addr, trust)
	if ga := must[*h2raw.GoAway](t)(c.AwaitGoAway()); ga.Debug != `{"reason":"IdleTimeout"}` {
		t.Errorf("got %+v, want IdleTimeout", ga)
	}
}

func TestABodyThatNeverEndsIsGivenUp(t *testing.T) {
	t.Parallel()
	addr, trust, _ := setup(t, h2sim.Config{BodyWait: 50 * time.Millisecond})
	c := dial(t, addr, trust)
	id := c.NextID()
	c.Framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, EndHeaders: true,
		BlockFragment: c.Block(":method", "POST", ":scheme", "https", ":path", "/")})
	if a := must[*h2raw.Answer](t)(c.Await(id)); a.Reset != http2.ErrCodeCancel {
		t.Errorf("got %+v, want a reset with CANCEL", a)
	}
}

func TestABodyOverTheLimitIsAnsweredBeforeItsEnd(t *testing.T) {
	t.Parallel()
	addr, trust, _ := setup(t, h2sim.Config{MaxBodyBytes: 1000})
	c := dial(t, addr, trust)
	id := c.NextID()
	c.Framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, EndHeaders: true,
		BlockFragment: c.Block(":method", "POST", ":scheme", "https", ":path", "/")})
	c.Framer.WriteData(id, false, make([]byte, 1001))
	if a := must[*h2raw.Answer](t)(c.Await(id)); a.Status != 413 {
		t.Errorf("got %+v, want 413", a)
	}
	// What is still on its way must not end the connection.
	c.Framer.WriteData(id, false, make([]byte, 16000))
	next := must[uint32](t)(c.Request("/", []byte("ok")))
	if a := must[*h2raw.Answer](t)(c.Await(next)); string(a.Body) != "ok" {
		t.Errorf("the next request got %+v", a)
	}
}

func TestTheRestOfABodyThatWasAnsweredIsTossedAwayWithoutAReset(t *testing.T) {
	t.Parallel()
	addr, trust, _ := setup(t, h2sim.Config{MaxBodyBytes: 1000, InitialMaxStreams: 1})
	c := dial(t, addr, trust)
	id := c.NextID()
	c.Framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, EndHeaders: true,
		BlockFragment: c.Block(":method", "POST", ":scheme", "https", ":path", "/")})
	c.Framer.WriteData(id, false, make([]byte, 16384))
	if a := must[*h2raw.Answer](t)(c.Await(id)); a.Status != 413 || a.WasReset {
		t.Errorf("got %+v, want 413 that ends the stream, and no reset", a)
	}
	// The rest goes beyond the first window: it can only be sent because the window opens again.
	for sent := 0; sent < 6*65536; sent += 16384 {
		c.Framer.WriteData(id, false, make([]byte, 16384))
		c.Framer.WritePing(false, [8]byte{byte(sent >> 14)})
	}
	c.Framer.WriteData(id, true, nil)
	next := must[uint32](t)(c.Request("/", []byte("ok")))
	if a := must[*h2raw.Answer](t)(c.Await(next)); string(a.Body) != "ok" {
		t.Errorf("the next request got %+v", a)
	}
	if a := c.Answer(id); a.WasReset {
		t.Errorf("the answered stream was reset: %+v", a)
	}
}

func TestABodyThatGoesOnForMegabytesAfterItsAnswerIsReset(t *testing.T) {
	t.Parallel()
	addr, trust, _ := setup(t, h2sim.Config{MaxBodyBytes: 1000})
	c := dial(t, addr, trust)
	id := c.NextID()
	c.Framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, EndHeaders: true,
		BlockFragment: c.Block(":method", "POST", ":scheme", "https", ":path", "/")})
	c.Framer.WriteData(id, false, make([]byte, 16384))
	must[*h2raw.Answer](t)(c.Await(id))
	for sent := 0; sent < 5<<20; sent += 16384 {
		c.Framer.WriteData(id, false, make([]byte, 16384))
	}
	if err := c.Until(func() bool { return c.Answer(id).WasReset }); err != nil {
		t.Fatal(err)
	}
	if a := c.Answer(id); a.Reset != http2.ErrCodeNo {
		t.Errorf("got %+v, want a reset with NO_ERROR", a)
	}
}

func TestASilencedConnectionStaysOpenAndAnswersNothing(t *testing.T) {
	t.Parallel()
	dead := make(chan struct{})
	addr, trust, s := setup(t, h2sim.Config{IdleWait: 20 * time.Millisecond, Handler: func(r *h2sim.Request) h2sim.Response {
		if r.Path == "/dead" {
			r.Conn.Silence()
			close(dead)
			return h2sim.Response{}
		}
		return echo(r)
	}})
	c := dial(t, addr, trust)
	must[uint32](t)(c.Request("/dead", nil))
	<-dead
	must[uint32](t)(c.Request("/", nil))
	c.Framer.WritePing(false, [8]byte{1})
	c.Wait = 100 * time.Millisecond
	err := c.Until(func() bool { return c.GoAway != nil || c.Answer(1) != nil || c.Answer(3) != nil })
	if ne, ok := err.(net.Error); !ok || !ne.Timeout() {
		t.Errorf("got %v, goaway %+v; want silence on an open connection", err, c.GoAway)
	}
	if n := len(s.Conns()); n != 1 {
		t.Errorf("%d connections are open, want the one", n)
	}
	c.Close()
	for deadline := time.Now().Add(30 * time.Second); len(s.Conns()) > 0; {
		if time.Now().After(deadline) {
			t.Fatal("the connection is still there after the client has closed it")
		}
		time.Sleep(time.Millisecond)
	}
}

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

func TestAFloodOfFramesThatAskForNothingEndsTheConnection(t *testing.T) {
	t.Parallel()
	addr, trust, _ := setup(t, h2sim.Config{})
	c := dial(t, addr, trust)
	var frames bytes.Buffer
	fr := http2.NewFramer(&frames, nil)
	for range 1000 {
		fr.WritePriority(1, http2.PriorityParam{Weight: 1})
	}
	go func() {
		for {
			if _, err := c.Conn.Write(frames.Bytes()); err != nil {
				return
			}
		}
	}()
	if ga := must[*h2raw.GoAway](t)(c.AwaitGoAway()); ga.Code != http2.ErrCodeEnhanceYourCalm {
		t.Errorf("got %+v, want ENHANCE_YOUR_CALM", ga)
	}
}

func TestDataBeyondTheStreamsWindowResetsTheStream(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	addr, trust, _ := setup(t, h2sim.Config{MaxBodyBytes: 10, Handler: func(r *h2sim.Request) h2sim.Response {
		<-release
		return echo(r)
	}})
	defer close(release)
	c := dial(t, addr, trust)
	id := c.NextID()
	c.Framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, EndHeaders: true,
		BlockFragment: c.Block(":method", "POST", ":scheme", "https", ":path", "/")})
	for range 5 {
		c.Framer.WriteData(id, false, make([]byte, 16384))
	}
	if a := must[*h2raw.Answer](t)(c.Await(id)); a.Reset != http2.ErrCodeFlowControl {
		t.Errorf("got %+v, want FLOW_CONTROL_ERROR", a)
	}
}

func TestRequestsThatAreResetAtOnceDoNotPileUp(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	running, most := 0, 0
	addr, trust, _ := setup(t, h2sim.Config{InitialMaxStreams: 10, Handler: func(r *h2sim.Request) h2sim.Response {
		mu.Lock()
		running++
		most = max(most, running)
		mu.Unlock()
		<-r.Conn.Done()
		mu.Lock()
		running--
		mu.Unlock()
		return h2sim.Response{}
	}})
	c := dial(t, addr, trust)
	go func() {
		for {
			id, err := c.Request("/", nil)
			if err != nil || c.Framer.WriteRSTStream(id, http2.ErrCodeCancel) != nil {
				return
			}
		}
	}()
	if ga := must[*h2raw.GoAway](t)(c.AwaitGoAway()); ga.Code != http2.ErrCodeEnhanceYourCalm {
		t.Errorf("got %+v, want ENHANCE_YOUR_CALM", ga)
	}
	mu.Lock()
	defer mu.Unlock()
	if most > 120 {
		t.Errorf("%d handlers ran at once for a client with 10 streams", most)
	}
}

func TestAnswersWaitForTheClientsWindow(t *testing.T) {
	t.Parallel()
	addr, trust, _ := setup(t, h2sim.Config{})
	c := dial(t, addr, trust)
	c.Framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 3})
	id := must[uint32](t)(c.Request("/", []byte("hello world")))
	if err := c.Until(func() bool { a := c.Answer(id); return a != nil && len(a.Body) >= 3 }); err != nil {
		t.Fatal(err)
	}
	if got := c.Answer(id).Body; string(got) != "hel" {
		t.Errorf("with a window of 3 got %q", got)
	}
	c.Framer.WriteWindowUpdate(id, 100)
	if a := must[*h2raw.Answer](t)(c.Await(id)); string(a.Body) != "hello world" {
		t.Errorf("got %q, want all of it", a.Body)
	}
}

func TestPlainTextIsToldThatThePortSpeaksTLS(t *testing.T) {
	t.Parallel()
	addr, _, _ := setup(t, h2sim.Config{})
	conn := must[net.Conn](t)(net.Dial("tcp", addr))
	defer conn.Close()
	io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	got, _ := io.ReadAll(conn)
	if !strings.Contains(string(got), "speaks TLS") {
		t.Errorf("got %q", got)
	}
}

func TestHTTP1IsRefusedWhereTheProviderHasNone(t *testing.T) {
	t.Parallel()
	addr, trust, _ := setup(t, h2sim.Config{})
	if resp, err := client(trust, true).Get("https://" + addr + "/"); err == nil {
		resp.Body.Close()
		t.Errorf("HTTP/1.1 was answered with %s", resp.Status)
	}
}

func TestCloseCutsConnectionsAndWaitsForHandlers(t *testing.T) {
	t.Parallel()
	began, returned := make(chan struct{}), false
	addr, trust, s := setup(t, h2sim.Config{Handler: func(r *h2sim.Request) h2sim.Response {
		close(began)
		<-r.Context().Done()
		returned = true
		return h2sim.Response{}
	}})
	c := dial(t, addr, trust)
	must[uint32](t)(c.Request("/", nil))
	<-began
	s.Close()
	s.Close()
	if !returned {
		t.Error("Close returned before the handler")
	}
}

func TestAGoAwayOnAConnectionThatIsEndingCutsNothingOff(t *testing.T) {
	t.Parallel()
	addr, trust, s := setup(t, h2sim.Config{})
	c := dial(t, addr, trust)
	id := must[uint32](t)(c.Request("/", []byte("x")))
	must[*h2raw.Answer](t)(c.Await(id))
	conn := s.Conns()[0]
	for range 5 {
		conn.GoAway([]byte("bye"))
	}
	c.Framer.WritePing(false, [8]byte{}) // unread by the server: a cut would reset the connection
	if ga := must[*h2raw.GoAway](t)(c.AwaitGoAway()); ga.Last != id || ga.Debug != "bye" {
		t.Errorf("got %+v", ga)
	}
	select {
	case <-conn.Done():
		t.Error("the connection was cut while the client was still there")
	default:
	}
	if err := c.AwaitEnd(); err != nil {
		t.Errorf("the connection was not closed: %v", err)
	}
}
