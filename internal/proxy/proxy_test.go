package proxy_test

import (
	"bufio"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hushpush/hush/internal/proxy"
	"github.com/hushpush/hush/internal/proxy/proxytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func parse(t *testing.T, setting string) proxy.Choice {
	t.Helper()
	c, err := proxy.Parse(setting)
	if err != nil {
		t.Fatalf("%q: %v", setting, err)
	}
	return c
}

func TestASettingBeatsTheEnvironmentAndItsExceptions(t *testing.T) {
	for _, name := range []string{"https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "no_proxy", "NO_PROXY"} {
		t.Setenv(name, "")
	}
	t.Setenv("HTTPS_PROXY", "http://env:3128")
	t.Setenv("HTTP_PROXY", "plain:3129")
	t.Setenv("NO_PROXY", "inside.example,10.0.0.0/8,other.example:8443")
	for _, test := range []struct {
		setting, scheme, addr, want string
	}{
		{"", "https", "api.push.apple.com:443", "http://env:3128"},
		{"", "http", "fcm.example:80", "http://plain:3129"},
		{"", "https", "api.inside.example:443", ""},
		{"", "https", "10.1.2.3:443", ""},
		{"", "https", "11.1.2.3:443", "http://env:3128"},
		{"", "https", "other.example:8443", ""},
		{"", "https", "other.example:443", "http://env:3128"},
		{"", "https", "127.0.0.1:2197", ""},
		{"", "https", "localhost:2197", ""},
		{"direct", "https", "api.push.apple.com:443", ""},
		{"http://set:1", "https", "api.push.apple.com:443", "http://set:1"},
		{"http://set:1", "https", "api.inside.example:443", "http://set:1"},
		{"http://set:1", "https", "127.0.0.1:2197", "http://set:1"},
		{"set:1", "http", "fcm.example:80", "http://set:1"},
		{"socks5://set", "https", "api.push.apple.com:443", "socks5://set"},
	} {
		got, err := parse(t, test.setting).Of(test.scheme, test.addr)
		if err != nil {
			t.Errorf("%q for %s: %v", test.setting, test.addr, err)
			continue
		}
		name := ""
		if got != nil {
			name = proxy.Name(got)
		}
		if name != test.want {
			t.Errorf("%q for %s %s: %q, want %q", test.setting, test.scheme, test.addr, name, test.want)
		}
	}
}

func TestABadProxyIsRefusedWithoutItsPassword(t *testing.T) {
	t.Setenv("https_proxy", "")
	for _, bad := range []string{
		"ftp://user:hunter2@proxy:21", "http://user:hunter2@", "http://user:hunter2@proxy:99999", "http://user:hunter2@proxy/path",
		"http://user:hunter2@proxy?x=1", "http://user:hunter2@pro xy", "http://user:hunter2@proxy:port", "://user:hunter2@proxy", "%zz:hunter2",
	} {
		_, err := proxy.Parse(bad)
		if err == nil {
			t.Errorf("%q was taken", bad)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: the error repeats the password: %v", bad, err)
		}
		t.Setenv("HTTPS_PROXY", bad)
		_, err = proxy.Parse("")
		if err == nil || !strings.Contains(err.Error(), "HTTPS_PROXY") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("HTTPS_PROXY=%q: %v, want an error that names the variable and not the password", bad, err)
		}
	}
}

// echo is a TCP server that sends back what it gets.
func echo(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); _, _ = io.Copy(c, c) }()
		}
	}()
	t.Cleanup(func() { ln.Close(); <-done })
	return ln.Addr().String()
}

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestATunnelLeadsToAHostThatOnlyTheProxyKnows(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(testing.TB, map[string]string) *proxytest.Proxy{"http": proxytest.Start, "https": proxytest.StartTLS} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t, map[string]string{"only.the.proxy.knows:443": echo(t)})
			p.Want("me", "p:ss/word")
			u, err := url.Parse(p.URL)
			if err != nil {
				t.Fatal(err)
			}
			u.User = url.UserPassword("me", "p:ss/word")
			d := proxy.Dialer{Choice: parse(t, u.String())}
			if name == "https" {
				d.Roots = x509.NewCertPool()
				d.Roots.AddCert(p.Certificate().Leaf)
			}
			conn, err := d.Connect(within(t), "https", "only.the.proxy.knows:443")
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			fmt.Fprintln(conn, "hello")
			if line, err := bufio.NewReader(conn).ReadString('\n'); line != "hello\n" {
				t.Errorf("through the tunnel came %q, %v", line, err)
			}
		})
	}
}

func TestAProxyThatRefusesIsNamedAndItsPasswordIsNot(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		make   func(*testing.T) string // the proxy's host and port
		status int
		words  string
	}{
		{"wants other credentials", func(t *testing.T) string {
			p := proxytest.Start(t, nil)
			p.Want("somebody", "else")
			return proxytest.Address(p.URL)
		}, 407, "want a user and password"},
		{"does not find the host", func(t *testing.T) string { return proxytest.Address(proxytest.Start(t, nil).URL) }, 502, "502 Bad Gateway"},
		{"forbids it", func(t *testing.T) string {
			p := proxytest.Start(t, nil)
			p.Refuse(403)
			return proxytest.Address(p.URL)
		}, 403, "403 Forbidden"},
		{"closes", answers(""), 0, "closed the connection without an answer"},
		{"is none", answers("220 smtp.example ready\r\n"), 0, "its answer"},
		{"speaks before it is asked", answers("HTTP/1.1 200 OK\r\n\r\nsurprise"), 0, "bytes of its own"},
		{"is not there", func(t *testing.T) string {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			return ln.Addr().String()
		}, 0, "refused"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d := proxy.Dialer{Choice: parse(t, "http://me:hunter2@"+test.make(t))}
			conn, err := d.Connect(within(t), "https", "api.push.apple.com:443")
			if err == nil {
				conn.Close()
				t.Fatal("there is a connection")
			}
			var refused *proxy.Error
			if !errors.As(err, &refused) || refused.Status != test.status || refused.Target != "api.push.apple.com:443" {
				t.Errorf("got %#v, want a *proxy.Error with status %d", err, test.status)
			}
			if s := err.Error(); !strings.Contains(s, test.words) || !strings.Contains(s, "the proxy http://127.0.0.1") || strings.Contains(s, "hunter2") {
				t.Errorf("got %q, want the proxy without its password, and %q", s, test.words)
			}
		})
	}
}

// answers returns a function that starts a peer, which sends text to whoever has sent a request's head, and closes.
func answers(text string) func(*testing.T) string {
	return func(t *testing.T) string {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			c, err := ln.Accept()
			if err != nil {
				return
			}
			defer c.Close()
			_, _ = http.ReadRequest(bufio.NewReader(c))
			_, _ = io.WriteString(c, text)
		}()
		t.Cleanup(func() { ln.Close(); <-done })
		return ln.Addr().String()
	}
}

func TestAProxyThatHangsIsLeftWhenTimeIsUp(t *testing.T) {
	t.Parallel()
	p := proxytest.Start(t, nil)
	p.Hang()
	cause := errors.New("this clock ran out")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, cause)
	defer cancel()
	_, err := proxy.Dialer{Choice: parse(t, p.URL)}.Connect(ctx, "https", "api.push.apple.com:443")
	var refused *proxy.Error
	if !errors.As(err, &refused) || !errors.Is(err, cause) {
		t.Errorf("got %v, want a *proxy.Error with the cause", err)
	}
}

func TestATransportGoesThroughTheProxyAndChecksTheTargetsName(t *testing.T) {
	t.Parallel()
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Proto, " ", r.Host, r.Header["Proxy-Authorization"])
	})
	secure := httptest.NewUnstartedServer(handler)
	secure.EnableHTTP2 = true
	secure.StartTLS()
	t.Cleanup(secure.Close)
	plain := httptest.NewServer(handler)
	t.Cleanup(plain.Close)
	p := proxytest.Start(t, map[string]string{
		"example.com:443": secure.Listener.Addr().String(), "other.invalid:443": secure.Listener.Addr().String(),
		"example.com:80": plain.Listener.Addr().String(),
	})
	p.Want("me", "secret")
	transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: secure.Client().Transport.(*http.Transport).TLSClientConfig}
	proxy.Dialer{Choice: parse(t, "http://me:secret@"+proxytest.Address(p.URL))}.Equip(transport)
	t.Cleanup(transport.CloseIdleConnections)
	for target, want := range map[string]string{"https://example.com": "HTTP/2.0 example.com[]", "http://example.com": "HTTP/1.1 example.com[]"} {
		resp, err := (&http.Client{Transport: transport}).Get(target)
		if err != nil {
			t.Errorf("%s: %v", target, err)
			continue
		}
		if body, _ := io.ReadAll(resp.Body); string(body) != want {
			t.Errorf("%s: %q, want %q", target, body, want)
		}
		resp.Body.Close()
	}
	if _, err := (&http.Client{Transport: transport}).Get("https://other.invalid"); err == nil || !strings.Contains(err.Error(), "certificate is valid for") {
		t.Errorf("a target with another name's certificate: %v, want the certificate refused", err)
	}
	if asked := p.Asked(); !slices.Contains(asked, "CONNECT example.com:443") || !slices.Contains(asked, "GET example.com:80") {
		t.Errorf("the proxy was asked for %v", asked)
	}
}
