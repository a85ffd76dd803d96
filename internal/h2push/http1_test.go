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
	"testing"
	"time"

	"github.com/hushpush/hush/internal/h2push"
	"github.com/hushpush/hush/push"
)

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

// raw1 returns a peer of HTTP/1.1 that says this to each request and hangs up after the last of it.
func raw1(t *testing.T, answers ...string) *peer {
	t.Helper()
	return newPeerALPN(t, "http/1.1", func(nc net.Conn, _ int) error {
		in := bufio.NewReader(nc)
		for _, answer := range answers {
			r, err := http.ReadRequest(in)
			if err != nil {
				return err
			}
			if _, err := io.Copy(io.Discard, r.Body); err != nil {
				return err
			}
			if _, err := io.WriteString(nc, answer); err != nil {
				return err
			}
		}
		return nil
	})
}

func TestWhatAPeerOfHTTP1Says(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", h2push.MaxBodyBytes)
	const head = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n"
	for name, c := range map[string]struct {
		answer string
		body   string       // of the answer
		class  push.Failure // "": it is answered
	}{
		"an answer":                   {head + "\r\nx", "x", push.FailureNone},
		"informational before it":     {"HTTP/1.1 103 Early Hints\r\n\r\n" + head + "\r\nx", "x", push.FailureNone},
		"the last on this connection": {head + "Connection: close\r\n\r\nx", "x", push.FailureNone},
		"more than is kept":           {fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%sy", len(long)+1, long), long, push.FailureNone},
		"nothing":                     {"", "", push.FailureLost},
		"half a head":                 {"HTTP/1.1 200 OK\r\nx: y\r\n", "", push.FailureLost},
		"half a body":                 {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nx", "", push.FailureLost},
		"no HTTP":                     {"hello, who are you?\r\n\r\n", "", push.FailureProtocol},
		"a bad header":                {"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "", push.FailureProtocol},
		"too long a head":             {"HTTP/1.1 200 OK\r\nx: " + long + "\r\n\r\n", "", push.FailureProtocol},
	} {
		p := raw1(t, c.answer)
		resp, err := p.pool(func(c *h2push.Config) { c.HTTP1 = true }).Do(within(t, time.Minute), post("x"))
		switch {
		case c.class == push.FailureNone:
			if err != nil || resp.Status != 200 || string(resp.Body) != c.body {
				t.Errorf("%s: got %d %.20q, %v; want 200 %.20q", name, resp.Status, resp.Body, err, c.body)
			}
		case err == nil || h2push.FailureOf(err) != c.class || !isError(t, err).Sent:
			t.Errorf("%s: got %v, class %q; want %q, and that it was sent", name, err, h2push.FailureOf(err), c.class)
		}
	}
}

func TestAnHTTP1ConnectionThatEndsIsReplaced(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"it says that it closes": "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx",
		"more than is kept":      fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", h2push.MaxBodyBytes+1, strings.Repeat("x", h2push.MaxBodyBytes+1)),
	} {
		p := raw1(t, answer)
		pool := p.pool(func(c *h2push.Config) { c.HTTP1 = true })
		for range 3 {
			if resp := mustSend(t, pool, "x"); resp.Status != 200 {
				t.Errorf("%s: got %d, want 200", name, resp.Status)
			}
		}
		if got := p.connections(); got != 3 {
			t.Errorf("%s: %d connections for 3 requests, want 3", name, got)
		}
	}
}

func TestAnHTTP1RequestWithoutAnAnswerEndsWithItsContext(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	p := newPeerALPN(t, "http/1.1", func(nc net.Conn, _ int) error { <-release; return nil })
	t.Cleanup(func() { close(release) })
	pool := p.pool(func(c *h2push.Config) { c.HTTP1 = true })
	late := errors.New("too late")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 100*time.Millisecond, late)
	defer cancel()
	if _, err := pool.Do(ctx, post("x")); !errors.Is(err, late) {
		t.Errorf("got %v, want the cause of its context", err)
	}
}
