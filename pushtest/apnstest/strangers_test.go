package apnstest_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/http2"

	"github.com/hushpush/hush/pushtest/internal/h2sim/h2raw"
)

// raw returns a connection that sends the frames it is told to.
func (w *world) raw(cert *tls.Certificate) *h2raw.Client {
	w.t.Helper()
	cfg := &tls.Config{RootCAs: w.Pool(), ServerName: "localhost"}
	if cert != nil {
		cfg.Certificates = []tls.Certificate{*cert}
	}
	c, err := h2raw.Dial(w.Addr(), cfg)
	if err != nil {
		w.t.Fatalf("dialling: %v", err)
	}
	w.t.Cleanup(c.Close)
	return c
}

// fields returns the headers of a good request, with these instead or besides.
func (w *world) fields(more ...string) []string {
	all := []string{"authorization", "bearer " + w.jwt, "apns-topic", topic, "apns-push-type", "background", "apns-priority", "5"}
	for i := 0; i+1 < len(more); i += 2 {
		replaced := false
		for j := 0; j+1 < len(all); j += 2 {
			if all[j] == more[i] {
				all[j+1], replaced = more[i+1], true
			}
		}
		if !replaced {
			all = append(all, more[i], more[i+1])
		}
	}
	return all
}

func (w *world) rawSend(c *h2raw.Client, more ...string) *h2raw.Answer {
	w.t.Helper()
	id, err := c.Request("/3/device/"+token(1), []byte(ping), w.fields(more...)...)
	return w.await(c, id, err)
}

func (w *world) rawTo(c *h2raw.Client, token string) *h2raw.Answer {
	w.t.Helper()
	id, err := c.Request("/3/device/"+token, []byte(ping), w.fields()...)
	return w.await(c, id, err)
}

func (w *world) await(c *h2raw.Client, id uint32, err error) *h2raw.Answer {
	w.t.Helper()
	var a *h2raw.Answer
	if err == nil {
		a, err = c.Await(id)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

// stillServes wants the simulator to serve others as if nothing had been.
func (w *world) stillServes() {
	w.t.Helper()
	w.send().mustBe(w.t, 200, "", "another connection's request")
}

func TestPlainTextAndHTTP1AreNoProviderAPI(t *testing.T) {
	t.Parallel()
	w := setup(t)
	conn, err := net.Dial("tcp", w.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "POST /3/device/"+token(1)+" HTTP/1.1\r\nHost: x\r\n\r\n")
	if got, _ := io.ReadAll(conn); !strings.HasPrefix(string(got), "HTTP/1.0 400") {
		t.Errorf("plain text got %q", got)
	}
	for _, protos := range [][]string{{"http/1.1"}, nil} {
		tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: w.Pool(), NextProtos: protos}, TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{}}
		if protos == nil { // no ALPN at all
			tr.DialTLSContext = func(_ context.Context, network, addr string) (net.Conn, error) {
				return tls.Dial(network, addr, &tls.Config{RootCAs: w.Pool()})
			}
		}
		if resp, err := (&http.Client{Transport: tr}).Do(w.request()); err == nil {
			resp.Body.Close()
			t.Errorf("HTTP/1.1 with ALPN %v was answered with %s", protos, resp.Status)
		}
		tr.CloseIdleConnections()
	}
	w.stillServes()
}

func TestFiveThousandStreamsHurtNobody(t *testing.T) {
	t.Parallel()
	w := setup(t)
	c := w.raw(nil)
	w.rawSend(c) // raises the limit to 1000
	ids := make(chan uint32, 5000)
	go func() {
		defer close(ids)
		for range 5000 { // without a body yet: they stay open
			id := c.NextID()
			if c.Framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, EndHeaders: true, BlockFragment: c.Block(append([]string{
				":method", "POST", ":scheme", "https", ":path", "/3/device/" + token(1)}, w.fields()...)...)}) != nil {
				return
			}
			ids <- id
		}
	}()
	var all []uint32
	for id := range ids {
		all = append(all, id)
	}
	refused := 0
	for _, id := range all[1000:] {
		if a := w.await(c, id, nil); a.Reset == http2.ErrCodeRefusedStream {
			refused++
		}
	}
	if refused != 4000 {
		t.Errorf("%d of 5000 streams were refused, want the 4000 above the limit", refused)
	}
	w.stillServes()
	c.Framer.WriteData(all[0], true, []byte(ping))
	if a := w.await(c, all[0], nil); a.Status != 200 {
		t.Errorf("the first of them, finished, got %+v", a)
	}
}

func TestABodyThatNeverEndsIsCutAtTheLimit(t *testing.T) {
	t.Parallel()
	w := setup(t)
	c := w.raw(nil)
	id := c.NextID()
	c.Framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, EndHeaders: true, BlockFragment: c.Block(append([]string{
		":method", "POST", ":scheme", "https", ":path", "/3/device/" + token(1)}, w.fields()...)...)})
	for range 3 { // within the window
		c.Framer.WriteData(id, false, make([]byte, 16384))
	}
	if a := w.await(c, id, nil); a.Status != 413 || !bytes.Contains(a.Body, []byte("PayloadTooLarge")) {
		t.Errorf("got %+v, want 413 before the end", a)
	}
	if a := w.rawSend(c); a.Status != 200 {
		t.Errorf("the connection's next request got %+v", a)
	}
	w.stillServes()
}

func TestAMegabyteOfNestingIsTooLarge(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.send(body(strings.Repeat(`{"a":`, 200_000))).mustBe(t, 413, "PayloadTooLarge", "a megabyte of nesting")
	w.send(body(strings.Repeat("[", 4096))).mustBe(t, 200, "", "4096 of nesting, which nobody looks into")
	w.stillServes()
}

func TestWindowUpdatesOfZeroAndOverTheLimit(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for _, tc := range []struct {
		increment uint32
		code      http2.ErrCode
	}{{0, http2.ErrCodeProtocol}, {1<<31 - 1, http2.ErrCodeFlowControl}} {
		c := w.raw(nil)
		w.rawSend(c)
		c.Framer.WriteWindowUpdate(0, tc.increment)
		if ga, err := c.AwaitGoAway(); err != nil || ga.Code != tc.code {
			t.Errorf("window update of %d: got %+v, %v; want %s", tc.increment, ga, err, tc.code)
		}
	}
	w.stillServes()
}

func TestHeaderBlocksOverTheLimitAndInManyFrames(t *testing.T) {
	t.Parallel()
	w := setup(t)
	c := w.raw(nil)
	if a := w.rawSend(c, "x-large", strings.Repeat("x", 8000)); a.Status != 431 {
		t.Errorf("a header list over 8000: got %+v, want 431", a)
	}
	id, b := c.NextID(), c.Block(append([]string{":method", "POST", ":scheme", "https", ":path", "/3/device/" + token(1)}, w.fields()...)...)
	c.Framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: b[:1]})
	for i := 1; i < len(b); i++ {
		c.Framer.WriteContinuation(id, i == len(b)-1, b[i:i+1])
	}
	c.Framer.WriteData(id, true, []byte(ping))
	if a := w.await(c, id, nil); a.Status != 200 {
		t.Errorf("split into single bytes: got %+v, want 200", a)
	}
	id = c.NextID()
	c.Framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id})
	go func() {
		for c.Framer.WriteContinuation(id, false, nil) == nil {
		}
	}()
	if ga, err := c.AwaitGoAway(); err != nil || ga.Code != http2.ErrCodeEnhanceYourCalm {
		t.Errorf("continuations without end: got %+v, %v", ga, err)
	}
	w.stillServes()
}
