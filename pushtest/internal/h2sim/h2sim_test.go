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

// client returns Go's own client. It sends refused requests again after 0, 1, 2, 4, 8, 16 and 32 s, and gets the time for that.
func client(trust *tls.Config, h1 bool) *http.Client {
	p := new(http.Protocols)
	p.SetHTTP1(h1)
	p.SetHTTP2(!h1)
	return &http.Client{Transport: &http.Transport{TLSClientConfig: trust.Clone(), Protocols: p}, Timeout: 2 * time.Minute}
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
	settle(t, c)
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

func TestALimitBindsAClientOnceItHasAcknowledgedIt(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	addr, trust, _ := setup(t, h2sim.Config{InitialMaxStreams: 1, Handler: func(r *h2sim.Request) h2sim.Response {
		<-release
		return echo(r)
	}})
	c := dial(t, addr, trust) // which has not read our SETTINGS yet
	var early []uint32
	for range 100 {
		early = append(early, must[uint32](t)(c.Request("/", nil)))
	}
	settle(t, c)
	late := must[uint32](t)(c.Request("/", nil))
	if a := must[*h2raw.Answer](t)(c.Await(late)); a.Reset != http2.ErrCodeRefusedStream {
		t.Errorf("a stream above the limit after the acknowledgement: %+v, want REFUSED_STREAM", a)
	}
	close(release)
	for i, id := range early {
		if a := must[*h2raw.Answer](t)(c.Await(id)); a.Status != 200 {
			t.Errorf("stream %d of 100 that were opened before the limit could be known: %+v, want 200", i+1, a)
		}
	}
	late = must[uint32](t)(c.Request("/", nil))
	if a := must[*h2raw.Answer](t)(c.Await(late)); a.Status != 200 {
		t.Errorf("a stream after the others have ended: %+v, want 200", a)
	}
}

// settle waits for the server's SETTINGS, which the client acknowledges: from now on they bind it.
func settle(t *testing.T, c *h2raw.Client) {
	t.Helper()
	if err := c.Until(func() bool { return len(c.Settings) > 0 }); err != nil {
		t.Fatal(err)
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

func TestASilencedConnectionStaysOpenAndAnswersNothing(t *testing.T) {
	t.Parallel()
	dead := make(chan struct{})
	addr, trust, s := setup(t, h2sim.Config{IdleWait: 2 * time.Second, Handler: func(r *h2sim.Request) h2sim.Response {
		if r.Path == "/dead" {
			r.Conn.Silence()
			close(dead)
			return h2sim.Response{}
		}
		return echo(r)
	}})
	c := dial(t, addr, trust)
	must[uint32](t)(c.Request("/dead", nil))
	select {
	case <-dead:
	case <-time.After(30 * time.Second):
		t.Fatal("the request did not arrive within 30s")
	}
	must[uint32](t)(c.Request("/", nil))
	c.Framer.WritePing(false, [8]byte{1})
	c.Wait = 2500 * time.Millisecond // longer than others may be idle
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
