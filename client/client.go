// Package client calls Hush's HTTP API. Go backends and the hush command line use it to send pushes and to manage their apps.
//
//	c, err := client.New(client.Config{Server: "https://push.example.com", Key: push.Secret(os.Getenv("HUSH_KEY"))})
//	if err != nil {
//		log.Fatal(err)
//	}
//	accepted, err := c.Push(context.Background(), "notes", protocol.PushRequest{
//		To: protocol.Audience{Users: []string{"alice"}}, ResourceID: "both", Payload: `{"cursor":1841}`,
//	})
//
// A nil error from Push says that the push is committed and flushed to disk. It does not say that a device has the push:
// Status and Follow report what became of it.
//
// Every method may be called from many goroutines. A refusal by the server is an *Error; a server that did not answer is
// ErrUnreachable. An answer counts as the server's only if it has the status, the content type and the members that the
// operation promises, so that the answer of a login page, or of a proxy that answers everything with 200, is an *Error too.
// The client follows no redirect, and sends the key to no other address than the configured one.
package client

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hushpush/hush/internal/proxy"
	"github.com/hushpush/hush/push"
)

// Config configures a Client. The comment beside a field that is not required says what its zero value means.
type Config struct {
	Server    string              // required; scheme, host and port, such as https://push.example.com
	Key       push.Secret         // a server key; "" sends no key, which only routes such as /healthz allow
	HTTP      *http.Client        // nil: http.DefaultTransport without a timeout of its own; ctx carries the deadline. Its CheckRedirect is ignored
	Proxy     string              // only if HTTP is nil: URL of a proxy, or "direct"; "" means HTTPS_PROXY, HTTP_PROXY and NO_PROXY
	Tries     int                 // of a request that is safe to repeat, the first try included; 0 means 4, 1 never repeats
	RetryWait time.Duration       // before the second try, then doubled, with jitter; 0 means 200ms
	OnAnswer  func(answer []byte) // called with each JSON answer as it came, also with problems; nil: not called
}

// Client calls one server.
type Client struct {
	base      string // never changes: scheme and host, without a slash at the end
	key       push.Secret
	http      *http.Client
	tries     int
	retryWait time.Duration
	onAnswer  func([]byte)
}

// New returns a client after it has checked all of cfg. It does not contact the server.
func New(cfg Config) (*Client, error) {
	u, err := url.Parse(cfg.Server)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, fmt.Errorf("client: server is %q; want http:// or https://, a host, and a port if it is not the usual one", cfg.Server)
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("client: server %s has more than scheme, host, port and path; want those alone", u.Redacted())
	}
	if strings.ContainsAny(cfg.Key.Reveal(), "\r\n") {
		return nil, fmt.Errorf("client: the key has a line break; want it without")
	}
	if cfg.Tries < 0 || cfg.RetryWait < 0 {
		return nil, fmt.Errorf("client: tries is %d and retry wait is %s; want 0 or more", cfg.Tries, cfg.RetryWait)
	}
	c := &Client{
		base:      strings.TrimSuffix(u.String(), "/"),
		key:       cfg.Key,
		tries:     cfg.Tries,
		retryWait: cfg.RetryWait,
		onAnswer:  cfg.OnAnswer,
	}
	if c.http, err = httpClient(cfg); err != nil {
		return nil, err
	}
	if c.tries == 0 {
		c.tries = 4
	}
	if c.retryWait == 0 {
		c.retryWait = 200 * time.Millisecond
	}
	return c, nil
}

// httpClient returns the configured HTTP client, or one that uses the configured proxy. It returns a redirect as an answer.
func httpClient(cfg Config) (*http.Client, error) {
	own := http.Client{}
	switch {
	case cfg.HTTP != nil && cfg.Proxy != "":
		return nil, fmt.Errorf("client: proxy is given beside an HTTP client; want it in that client's transport")
	case cfg.HTTP != nil:
		own = *cfg.HTTP
	case cfg.Proxy != "":
		choice, err := proxy.Parse(cfg.Proxy)
		if err != nil {
			return nil, fmt.Errorf("client: proxy %w", err)
		}
		t := http.DefaultTransport.(*http.Transport).Clone()
		proxy.Dialer{Choice: choice}.Equip(t)
		own.Transport = t
	}
	proxy.FollowNone(&own)
	return &own, nil
}

// Page selects a page of a list. The zero value is the first page, with the server's default length (100).
type Page struct {
	Cursor string // from the previous page; "" for the first
	Limit  int    // at most 1 000; 0 means the server's 100
}
