package fcmtest

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hushpush/hush/pushtest/internal/h2sim/h2raw"
	"github.com/hushpush/hush/pushtest/internal/simkit"
	"golang.org/x/net/http2"
)

func (w *world) raw() *h2raw.Client {
	w.t.Helper()
	c, err := h2raw.Dial(w.Addr(), &tls.Config{RootCAs: w.Pool(), ServerName: "fcm.googleapis.com"})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(c.Close)
	return c
}

// TestNodesSchemeIsTaken holds for firebase-admin for node, which sends ":scheme: https:" when it sends over HTTP/2.
func TestNodesSchemeIsTaken(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.phone("a:1", true)
	c := w.raw()
	for i, scheme := range []string{"https:", "https"} {
		id := c.NextID()
		body := []byte(`{"validate_only":false,"message":{"token":"a:1","android":{"priority":"normal"}}}`)
		err := c.Framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, EndHeaders: true, BlockFragment: c.Block(
			":path", "/v1/projects/demo/messages:send", ":scheme", scheme, ":method", "POST", ":authority", "fcm.googleapis.com",
			"access_token_auth", "true", "authorization", w.bearer, "content-type", "application/json;charset=utf-8",
			"content-length", fmt.Sprint(len(body)))})
		if err == nil {
			err = c.Framer.WriteData(id, true, body)
		}
		if err != nil {
			t.Fatal(err)
		}
		a, err := c.Await(id)
		if err != nil {
			t.Fatalf("scheme %q: %v", scheme, err)
		}
		if a.Status != 200 || len(p.messages()) != i+1 {
			t.Errorf("scheme %q: got %d %s (reset %v)", scheme, a.Status, a.Body, a.WasReset)
		}
	}
}

func TestGoAwayCarriesItsReasonAndTakesNothing(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.phone("a:1", true)
	w.fault(Fault{Do: simkit.GoAway, Reason: reason(`{"reason":"Shutdown"}`)})
	c := w.raw()
	id, err := c.Request("/v1/projects/demo/messages:send", []byte(`{"message":{"token":"a:1"}}`), "authorization", w.bearer)
	if err != nil {
		t.Fatal(err)
	}
	g, err := c.AwaitGoAway()
	if err != nil {
		t.Fatal(err)
	}
	if g.Last >= id || g.Code != http2.ErrCodeNo || g.Debug != `{"reason":"Shutdown"}` || len(p.messages()) != 0 {
		t.Errorf("got GOAWAY %+v for stream %d, %d messages", g, id, len(p.messages()))
	}
}

func TestHundredsOfStreamsAtOnce(t *testing.T) {
	t.Parallel()
	w := setup(t, Set("transport.streams", "500"))
	w.StopClock() // however slow the machine is
	w.phone("a:1", true)
	w.phone("b:1", true)
	// All on one connection, made beforehand: hundreds of handshakes at once would keep a busy machine from anything else.
	if got := w.to("b:1", ""); got.status != 200 {
		t.Fatalf("the first: %d %s", got.status, got.raw)
	}
	var wg sync.WaitGroup
	for range 500 {
		wg.Go(func() {
			if got := w.to("a:1", `"ttl":"60s"`); got.status != 200 && got.status != 429 {
				t.Errorf("got %d %s", got.status, got.raw)
			}
		})
	}
	wg.Wait()
	ok := 0
	for _, r := range w.Requests() {
		if r.Status == 200 && r.Token == "a:1" {
			ok++
		}
	}
	if ok != 240 {
		t.Errorf("%d of 500 to one device were taken, want its 240 a minute", ok)
	}
}

func TestIdleConnectionsAreEnded(t *testing.T) {
	t.Parallel()
	w := setup(t, Set("transport.idle", "1s"))
	if ga, err := w.raw().AwaitGoAway(); err != nil || ga.Debug != "session_timed_out" || ga.Code != http2.ErrCodeNo {
		t.Errorf("HTTP/2: got %+v, %v; want GOAWAY session_timed_out", ga, err)
	}
	var b []byte
	var err error
	for range 20 { // on a busy machine the request may come after the connection has been idle for too long
		if b, err = w.getByHTTP1(); err == nil && len(b) > 0 {
			break
		}
	}
	if err != nil || !bytes.HasPrefix(b, []byte("HTTP/1.1 404")) {
		t.Errorf("HTTP/1.1: got %q, %v; want an answer, and then the end", b, err)
	}
}

// getByHTTP1 returns all that a connection with one request brings until its end.
func (w *world) getByHTTP1() ([]byte, error) {
	w.t.Helper()
	conn, err := tls.Dial("tcp", w.Addr(), &tls.Config{RootCAs: w.Pool(), NextProtos: []string{"http/1.1"}})
	if err != nil {
		w.t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	return io.ReadAll(conn)
}

func TestAForeignCAIsNotTrusted(t *testing.T) {
	t.Parallel()
	w, other := setup(t), setup(t)
	for name, client := range map[string]*http.Client{"another simulator's": other.Client(), "the system's": {Transport: &http.Transport{}}} {
		res, err := client.Post(w.TokenURL(), "application/x-www-form-urlencoded", nil)
		client.CloseIdleConnections()
		if err == nil {
			res.Body.Close()
		}
		if !errors.As(err, new(x509.UnknownAuthorityError)) {
			t.Errorf("trusting %s CA: got %v, want an unknown authority", name, err)
		}
	}
	if w.phone("a:1", true); w.to("a:1", `{}`).status == 0 {
		t.Error("the simulator does not serve any more")
	}
}

func TestAMegabyteOfNestingIsAnswered(t *testing.T) {
	t.Parallel()
	w := setup(t)
	old := http1Client(w.Server)
	t.Cleanup(old.CloseIdleConnections)
	for name, client := range map[string]*http.Client{"HTTP/2": w.client, "HTTP/1.1": old} {
		got := w.post(client, w.SendURL(), w.bearer, strings.Repeat(`{"a":`, 200_000))
		if got.status != 400 || got.code != "" || !strings.Contains(got.raw, "INVALID_ARGUMENT") {
			t.Errorf("%s: got %d %s; want 400 INVALID_ARGUMENT without an FcmError", name, got.status, got.raw)
		}
	}
}

// TestHTTP1AsStrangersWriteIt pipelines, sends a body in chunks, and cuts a request off before its body ends.
func TestHTTP1AsStrangersWriteIt(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.phone("a:1", true)
	dial := func() *tls.Conn {
		c, err := tls.Dial("tcp", w.Addr(), &tls.Config{RootCAs: w.Pool(), ServerName: "localhost", NextProtos: []string{"http/1.1"}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		c.SetDeadline(time.Now().Add(30 * time.Second))
		return c
	}
	head := "POST /v1/projects/demo/messages:send HTTP/1.1\r\nHost: localhost\r\nAuthorization: " + w.bearer + "\r\n"
	body := `{"message":{"token":"a:1"}}`
	c := dial()
	fmt.Fprintf(c, "%sContent-Length: %d\r\n\r\n%s%sTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", head, len(body), body, head, len(body), body)
	br := bufio.NewReader(c)
	for i := range 2 {
		res, err := http.ReadResponse(br, nil)
		if err != nil {
			t.Fatalf("answer %d: %v", i, err)
		}
		b, _ := io.ReadAll(res.Body)
		if res.StatusCode != 200 {
			t.Errorf("answer %d: %d %s", i, res.StatusCode, b)
		}
	}
	if n := len(p.messages()); n != 2 {
		t.Errorf("the phone got %d messages, want 2", n)
	}
	cut := dial()
	fmt.Fprintf(cut, "%sContent-Length: %d\r\n\r\n%s", head, len(body)+1, body)
	cut.CloseWrite()
	io.Copy(io.Discard, cut)
	if n := len(p.messages()); n != 2 {
		t.Errorf("a request cut off before its end was taken: %d messages", n)
	}
	junk := dial()
	io.WriteString(junk, strings.Repeat("junk\r\n", 1000))
	io.Copy(io.Discard, junk)
	if got := w.to("a:1", ""); got.status != 200 {
		t.Errorf("after strangers: %d", got.status)
	}
}
