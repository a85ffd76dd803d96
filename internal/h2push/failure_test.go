package h2push_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/hushpush/hush/internal/h2push"
	"github.com/hushpush/hush/push"
)

// listen returns the address of a server that does this with each connection.
func listen(t *testing.T, do func(net.Conn)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			do(c)
			_ = c.Close()
		}
	}()
	return ln.Addr().String()
}

func TestALackOfAnAnswerHasAClass(t *testing.T) {
	t.Parallel()
	foreign := httptest.NewUnstartedServer(http.NotFoundHandler())
	foreign.EnableHTTP2 = true
	foreign.Config.ErrorLog = nil
	foreign.StartTLS()
	t.Cleanup(foreign.Close)
	only1 := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(only1.Close)
	trust := &tls.Config{InsecureSkipVerify: true}
	closed := listen(t, func(c net.Conn) { _, _ = c.Read(make([]byte, 64<<10)) })
	first := make([]byte, 1)
	for name, c := range map[string]struct {
		url  string
		tls  *tls.Config
		want push.Failure
	}{
		"nobody listens":   {"https://127.0.0.1:1", nil, push.FailureRefused},
		"no such host":     {"https://push.invalid", nil, push.FailureNoSuchHost},
		"a foreign CA":     {foreign.URL, nil, push.FailureUntrusted},
		"HTTP/1.1 only":    {only1.URL, trust, push.FailureProtocol},
		"closes at once":   {"https://" + closed, nil, push.FailureLost},
		"does not do TLS":  {"https://" + listen(t, func(c net.Conn) { _, _ = c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")); _, _ = c.Read(first) }), nil, push.FailureTLS},
		"says nothing":     {"https://" + listen(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }), nil, push.FailureTimeout},
		"resets":           {"https://" + listen(t, reset), nil, push.FailureReset},
		"the pool is shut": {"", nil, push.FailureStopping},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := c.url
			if url == "" {
				url = "https://127.0.0.1:1"
			}
			wait := 15 * time.Second // a busy machine takes its time for a handshake
			if c.want == push.FailureTimeout {
				wait = 500 * time.Millisecond
			}
			pool, err := h2push.New(h2push.Config{URL: url, TLS: c.tls, DialTimeout: wait})
			if err != nil {
				t.Fatal(err)
			}
			defer closeNow(pool)
			if c.url == "" {
				closeNow(pool)
			}
			_, err = pool.Do(within(t, 20*time.Second), post("x"))
			if got := h2push.FailureOf(err); got != c.want {
				t.Errorf("%v is %s, want %s", err, got, c.want)
			}
		})
	}
}

// reset ends a connection with unread bytes and without lingering, which is a reset.
func reset(c net.Conn) {
	_, _ = c.Read(make([]byte, 1))
	_ = c.(*net.TCPConn).SetLinger(0)
}

func TestAnErrorThatNobodyKnowsIsOther(t *testing.T) {
	t.Parallel()
	if got := h2push.FailureOf(errors.New("x")); got != push.FailureOther {
		t.Errorf("got %s, want other", got)
	}
	if got := h2push.FailureOf(push.Timeout("x")); got != push.FailureTimeout {
		t.Errorf("got %s, want timeout", got)
	}
}

func TestAStreamThatAPeerOfNetHTTPResetsIsReset(t *testing.T) {
	t.Parallel()
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	srv.EnableHTTP2 = true
	srv.StartTLS()
	t.Cleanup(srv.Close)
	resp, err := srv.Client().Post(srv.URL, "text/plain", nil)
	if err == nil {
		_ = resp.Body.Close()
	}
	if got := h2push.FailureOf(err); got != push.FailureReset {
		t.Errorf("%v is %s, want reset", err, got)
	}
}
