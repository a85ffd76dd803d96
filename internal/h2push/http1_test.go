package h2push_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"

	"github.com/hushpush/hush/internal/h2push"
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
