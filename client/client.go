// Package client calls Hush's HTTP API: what a Go backend, and the hush command line, send pushes and look after their
// apps with.
//
//	c, err := client.New(client.Config{Server: "https://push.example.com", Key: push.Secret(os.Getenv("HUSH_KEY"))})
//	if err != nil {
//		log.Fatal(err)
//	}
//	accepted, err := c.Push(context.Background(), "notes", protocol.PushRequest{
//		To: protocol.Audience{Users: []string{"alice"}}, ResourceID: "both", Payload: `{"cursor":1841}`,
//	})
//
// A nil error from Push says that the push is committed and flushed to disk. It does not say that a device has it: Status
// and Follow tell what became of it.
//
// Every method may be called from many goroutines. A refusal by the server is an *Error; a server that did not answer is
// ErrUnreachable. An answer counts as the server's only with the status, the content type and the members that the operation
// promises, so that a login page or a proxy that answers everything with 200 is an *Error too. No redirect is followed, and
// the key goes to no other address than the one that it was configured for.
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

// Config is what New needs. The zero value of a field that is not required means what is said beside it.
type Config struct {
	Server    string              // required; scheme, host and port, such as https://push.example.com
	Key       push.Secret         // a server key; "" asks without one, which only /healthz and its like allow
	HTTP      *http.Client        // nil: http.DefaultTransport without a time-out of its own; ctx carries the deadline. Its CheckRedirect does not count
	Proxy     string              // beside no HTTP: URL of a proxy, or "direct"; "" means HTTPS_PROXY, HTTP_PROXY and NO_PROXY
	Tries     int                 // of a request that is safe to repeat, the first included; 0 means 4, 1 never repeats
	RetryWait time.Duration       // before the second try, then doubled, with jitter; 0 means 200ms
	OnAnswer  func(answer []byte) // called with each JSON answer as it came, a problem too; nil: nobody wants it
}

// Client asks one server.
type Client struct {
	base      string // never changes: scheme and host, without a slash at the end
	key       push.Secret
	http      *http.Client
	tries     int
	retryWait time.Duration
	onAnswer  func([]byte)
}

// New checks the whole of cfg. It asks the server nothing.
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

// httpClient is the configured client, or one with its proxy. It hands a redirect on as the answer that it is.
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

// Page asks for one page of a list. The zero value is the first page, as long as the server makes it (100).
type Page struct {
	Cursor string // of the page before; "" for the first
	Limit  int    // at most 1 000; 0 means the server's 100
}
