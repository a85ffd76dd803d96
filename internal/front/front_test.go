package front

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/hushpush/hush/internal/bucket"
	"github.com/hushpush/hush/internal/logged"
)

// house is an HTTP server behind a front, which answers with the address of its caller. A request to /good shows a valid
// secret.
type house struct {
	t     *testing.T
	front *Listener
	addr  string
	log   *logged.Buffer
}

func setup(t *testing.T, cfg Config) *house {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, log: &logged.Buffer{}}
	cfg.Logger = slog.New(slog.NewTextHandler(h.log, nil))
	if h.front, err = Listen(ln, cfg); err != nil {
		t.Fatal(err)
	}
	h.addr = ln.Addr().String()
	srv := &http.Server{ReadHeaderTimeout: 30 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/good" {
			Known(r.Context())
		}
		fmt.Fprint(w, r.RemoteAddr)
	})}
	h.front.Attach(srv)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := srv.Serve(h.front); !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("Serve: %v", err)
		}
	}()
	t.Cleanup(func() { srv.Close(); <-done })
	return h
}

func (h *house) dial() net.Conn {
	h.t.Helper()
	c, err := net.Dial("tcp", h.addr)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	return c
}

// ask sends the bytes that precede a request, then the request, and returns the answer's status and body, or "" if there is
// no answer.
func ask(c net.Conn, before, path string, headers ...string) string {
	fmt.Fprintf(c, "%sGET %s HTTP/1.1\r\nHost: x\r\n%s\r\n", before, path, strings.Join(append(headers, ""), "\r\n"))
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return ""
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return fmt.Sprint(resp.StatusCode, " ", string(b))
}

func (h *house) open() int {
	h.front.mu.Lock()
	defer h.front.mu.Unlock()
	return h.front.all
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 30 s", what)
		}
	}
}

// ended reports whether the server has closed a connection without sending anything.
func ended(c net.Conn) bool {
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	_, err := c.Read(make([]byte, 1))
	var timeout net.Error
	return !(errors.As(err, &timeout) && timeout.Timeout())
}

func TestStrangersOfOneAddressAreFew(t *testing.T) {
	t.Parallel()
	h := setup(t, Config{Connections: 100, PerAddress: 3})
	good := h.dial()
	if got := ask(good, "", "/good"); !strings.HasPrefix(got, "200") {
		t.Fatalf("a good request: %q", got)
	}
	var strangers []net.Conn
	for i := range 5 { // half-open: a head that never ends
		c := h.dial()
		fmt.Fprint(c, "GET / HTTP/1.1\r\n")
		strangers = append(strangers, c)
		eventually(t, "the stranger is counted", func() bool { return h.open() == 1+min(i+1, 3) })
	}
	for i, c := range strangers[:2] {
		if !ended(c) {
			t.Errorf("stranger %d of 5 with room for 3 is still connected; want the oldest ended", i+1)
		}
	}
	if got := ask(good, "", "/good"); !strings.HasPrefix(got, "200") {
		t.Errorf("who has shown a secret, beside them: %q; want 200", got)
	}
	if got := ask(h.dial(), "", "/good"); !strings.HasPrefix(got, "200") {
		t.Errorf("a new connection beside them: %q; want 200", got)
	}
	if !strings.Contains(h.log.String(), "an address has as many connections") {
		t.Errorf("the log %q; want a warning", h.log)
	}
}

func TestAFullServerMakesRoomForWhoHasASecret(t *testing.T) {
	t.Parallel()
	h := setup(t, Config{Connections: 10, PerAddress: 10})
	known := h.dial()
	ask(known, "", "/good")
	for range 40 { // half-open
		fmt.Fprint(h.dial(), "GET / HTTP/1.1\r\n")
	}
	for i := range 3 {
		if got := ask(h.dial(), "", "/good"); !strings.HasPrefix(got, "200") {
			t.Errorf("request %d beside 40 half-open ones: %q; want 200", i+1, got)
		}
	}
	if got := ask(known, "", "/good"); !strings.HasPrefix(got, "200") {
		t.Errorf("who was there before: %q; want 200", got)
	}
	if n := h.open(); n > 10 {
		t.Errorf("%d connections; want at most 10", n)
	}
	if got := strings.Count(h.log.String(), "connections are full"); got != 1 {
		t.Errorf("%d warnings; want 1 for one spell", got)
	}
}

func TestIdleConnectionsGoWhenThereIsNoRoom(t *testing.T) {
	t.Parallel()
	h := setup(t, Config{Connections: 3})
	first := h.dial()
	ask(first, "", "/good")
	eventually(t, "the first is idle", func() bool {
		h.front.mu.Lock()
		defer h.front.mu.Unlock()
		return h.front.idle.Len() == 1
	})
	for range 3 {
		if got := ask(h.dial(), "", "/good"); !strings.HasPrefix(got, "200") {
			t.Errorf("a new connection: %q; want 200", got)
		}
	}
	if !ended(first) {
		t.Error("the connection longest idle is still there; want it ended")
	}
}

func TestKeepAlivesAreShortWhenConnectionsAreTight(t *testing.T) {
	t.Parallel()
	h := setup(t, Config{Connections: 5})
	var conns []net.Conn
	for i := range 4 {
		c := h.dial()
		ask(c, "", "/good")
		eventually(t, "it is idle, after those before it", func() bool {
			h.front.mu.Lock()
			defer h.front.mu.Unlock()
			return h.front.idle.Len() == i+1
		})
		conns = append(conns, c)
	}
	if !ended(conns[0]) {
		t.Error("an idle connection was kept for 10 s, when 4 of 5 were taken; want it ended after 5")
	}
	eventually(t, "once there is room the others stay", func() bool { return h.open() >= 1 })
}

var loopback = Trusted{netip.MustParsePrefix("127.0.0.0/8")}

func TestATrustedProxyTellsTheClient(t *testing.T) {
	t.Parallel()
	v2 := "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\xc6\x33\x64\x08\x7f\x00\x00\x01\x10\x00\x00\x50"
	for name, c := range map[string]struct {
		trusted Trusted
		before  string
		header  string
		want    string
	}{
		"a forwarded request":           {trusted: loopback, header: "X-Forwarded-For: 9.9.9.9, 198.51.100.7", want: "200 198.51.100.7:0"},
		"PROXY, version 1":              {trusted: loopback, before: "PROXY TCP4 198.51.100.7 127.0.0.1 4000 80\r\n", want: "200 198.51.100.7:4000"},
		"PROXY, version 2":              {trusted: loopback, before: v2, want: "200 198.51.100.8:4096"},
		"PROXY, who then claims more":   {trusted: loopback, before: v2, header: "X-Forwarded-For: 9.9.9.9", want: "200 198.51.100.8:4096"},
		"PROXY of unknown":              {trusted: loopback, before: "PROXY UNKNOWN\r\n", want: "200 127.0.0.1:"},
		"a broken PROXY header":         {trusted: loopback, before: "PROXY TCP4 nonsense\r\n", want: "400 "},
		"nobody's forwarded request":    {header: "X-Forwarded-For: 198.51.100.7", want: "200 127.0.0.1:"},
		"nobody's PROXY header":         {before: "PROXY TCP4 198.51.100.7 127.0.0.1 4000 80\r\n", want: "400 "},
		"nobody's PROXY header, binary": {before: v2, want: "400 "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := setup(t, Config{Trusted: c.trusted})
			var headers []string
			if c.header != "" {
				headers = append(headers, c.header)
			}
			got := ask(h.dial(), c.before, "/good", headers...)
			if !strings.HasPrefix(got, c.want) {
				t.Errorf("%q; want %q", got, c.want)
			}
		})
	}
}

func TestAProxysClientsAreStrangersEachByItself(t *testing.T) {
	t.Parallel()
	h := setup(t, Config{Connections: 100, PerAddress: 2, Trusted: loopback})
	for i := range 5 { // the proxy itself is no stranger
		fmt.Fprint(h.dial(), "GET / HTTP/1.1\r\n")
		eventually(t, "the proxy's connection is counted", func() bool { return h.open() == i+1 })
	}
	for i := range 5 {
		c := h.dial()
		fmt.Fprintf(c, "PROXY TCP4 198.51.100.7 127.0.0.1 %d 80\r\nGET / HTTP/1.1\r\n", 4000+i)
		eventually(t, "the client's connection is counted", func() bool {
			h.front.mu.Lock()
			defer h.front.mu.Unlock()
			of := h.front.strangers[netip.MustParseAddr("198.51.100.7")]
			return of != nil && (of.Len() == 2 || of.Len() == i+1) && h.front.all <= 8
		})
	}
	eventually(t, "five of the proxy and two of the client are left", func() bool { return h.open() == 7 })
}

func TestADoorCountsBadSecretsByAddress(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_000_000, 0)
	d := NewDoor(bucket.Rate{Burst: 3, Every: 100 * time.Millisecond}, func() time.Time { return now })
	for i := range 3 {
		if _, wait := d.Refused("[2001:db8::1]:5"); wait != 0 {
			t.Fatalf("bad secret %d: a wait of %s; want none", i+1, wait)
		}
	}
	fields, wait := d.Refused("[2001:db8::2]:6") // of the same network
	if wait != 100*time.Millisecond || fields.Get("RateLimit") != `"unauthenticated";r=0;t=1` || fields.Get("RateLimit-Policy") != `"unauthenticated";q=3;w=1` {
		t.Errorf("the fourth: a wait of %s, %v; want 100ms and the fields that say so", wait, fields)
	}
	if _, wait := d.Refused("192.0.2.1:7"); wait != 0 {
		t.Errorf("another address: a wait of %s; want none", wait)
	}
}

func FuzzProxyHeader(f *testing.F) {
	f.Add([]byte("PROXY TCP4 198.51.100.7 127.0.0.1 4000 80\r\nrest"))
	f.Add([]byte("PROXY TCP6 ::1 fd00::1 1 2\r\n"))
	f.Add([]byte("\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\xc6\x33\x64\x08\x7f\x00\x00\x01\x10\x00\x00\x50rest"))
	f.Add([]byte("\r\n\r\n\x00\r\nQUIT\n\x21\x21\xff\xff"))
	f.Fuzz(func(t *testing.T, sent []byte) {
		ours, theirs := net.Pipe()
		defer ours.Close()
		go func() { _, _ = theirs.Write(sent); theirs.Close() }()
		l := &Listener{cfg: Config{Trusted: loopback}}
		c := &conn{Conn: ours, listener: l, client: netip.MustParseAddrPort("127.0.0.1:1"), proxied: newProxied(ours)}
		rest, _ := io.ReadAll(c)
		if !bytes.HasSuffix(sent, rest) {
			t.Errorf("%q: read %q; want what comes after the header", sent, rest)
		}
		if !c.client.IsValid() {
			t.Errorf("%q: the client is %s; want an address", sent, c.client)
		}
	})
}
