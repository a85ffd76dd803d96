package h2push_test

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/hushpush/hush/internal/h2push"
	"github.com/hushpush/hush/internal/proxy"
	"github.com/hushpush/hush/internal/proxy/proxytest"
)

// through has a pool connect to peer.example by a proxy that has the credentials me and hunter2.
func through(t *testing.T, p *proxytest.Proxy) func(*h2push.Config) {
	t.Helper()
	choice, err := proxy.Parse("http://me:hunter2@" + proxytest.Address(p.URL))
	if err != nil {
		t.Fatal(err)
	}
	return func(c *h2push.Config) {
		c.URL, c.Proxy = "https://peer.example", choice
		c.TLS.ServerName = "localhost" // as the peer's certificate has it
	}
}

func TestAPoolConnectsThroughAProxyThatAloneKnowsTheName(t *testing.T) {
	t.Parallel()
	peer := newPeer(t, nil, (*wire).echo)
	way := proxytest.Start(t, map[string]string{"peer.example:443": proxytest.Address(peer.URL)})
	way.Want("me", "hunter2")
	resp, err := peer.pool(through(t, way)).Do(within(t, long), h2push.Request{Path: "/", Body: []byte("hello")})
	if err != nil || string(resp.Body) != "hello" {
		t.Errorf("got %q, %v; want the peer's echo", resp.Body, err)
	}
	if asked := way.Asked(); !slices.Equal(asked, []string{"CONNECT peer.example:443"}) {
		t.Errorf("the proxy was asked for %v", asked)
	}
}

func TestTheHostsNameIsCheckedBehindAProxy(t *testing.T) {
	t.Parallel()
	peer := newPeer(t, []http2.Setting{}, (*wire).echo)
	way := proxytest.Start(t, map[string]string{"peer.example:443": proxytest.Address(peer.URL)})
	pool := peer.pool(func(c *h2push.Config) {
		through(t, way)(c)
		c.TLS.ServerName = ""
	})
	_, err := pool.Do(within(t, long), h2push.Request{Path: "/"})
	var refused *h2push.ProxyError
	if err == nil || !strings.Contains(err.Error(), "certificate") || errors.As(err, &refused) {
		t.Errorf("got %v; want the certificate of another name refused, which is not the proxy's doing", err)
	}
}

func TestARefusalByTheProxyIsItsOwnAndHasNoPassword(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		make   func(*proxytest.Proxy)
		status int
	}{
		{"other credentials are wanted", func(p *proxytest.Proxy) { p.Want("me", "other") }, 407},
		{"the host is not found", func(*proxytest.Proxy) {}, 502},
		{"nothing is answered", (*proxytest.Proxy).Hang, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			peer := newPeer(t, nil, (*wire).echo)
			way := proxytest.Start(t, map[string]string{})
			test.make(way)
			pool := peer.pool(func(c *h2push.Config) {
				through(t, way)(c)
				if test.status == 0 { // a busy machine may take longer for an answer that does come
					c.DialTimeout = 200 * time.Millisecond
				}
			})
			_, err := pool.Do(within(t, long), h2push.Request{Path: "/"})
			var refused *h2push.ProxyError
			if !errors.As(err, &refused) || refused.Status != test.status || isError(t, err).Sent {
				t.Fatalf("got %v; want a *ProxyError with status %d, and nothing sent", err, test.status)
			}
			for _, secret := range []string{"hunter2", url.QueryEscape("me:hunter2"), "bWU6aHVudGVyMg"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("the error has the proxy's credentials: %v", err)
				}
			}
		})
	}
}
