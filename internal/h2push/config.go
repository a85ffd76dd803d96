package h2push

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/url"
	"time"

	"github.com/hushpush/hush/internal/proxy"
)

// Config says where a pool connects, and how. Zero values mean the defaults.
type Config struct {
	URL string      // required; scheme, host and port
	TLS *tls.Config // roots and client certificate; nil: the system's roots

	// Proxy picks the proxy to connect through; nil: none. TLS with the host goes end to end through its tunnel, for which
	// one with https is trusted by the roots of TLS.
	Proxy proxy.Choice

	// Reason reads the debug data of a GOAWAY (RFC 9113, section 6.8); "" if it says nothing that is known. Nil: none does.
	Reason func(debugData []byte) string

	// Proves reports whether an answer shows that the peer knows who we are. Until one has, a connection carries one request
	// at a time: APNs takes no more from a fresh one. Nil: a fresh connection takes what its SETTINGS allow.
	Proves func(Response) bool

	// Spent reports whether an answer asks for another connection. The one that brought it then takes no more requests, and is
	// closed once its last answer has come. Nil: none does.
	Spent func(Response) bool

	// HTTP1 allows peers that speak HTTP/1.1 only, with or without TLS; then a connection carries one request at a time.
	HTTP1 bool

	MaxConns    int           // 0 means 8, or 64 requests at once over HTTP/1.1
	GrowAt      int           // requests in flight on every connection that make one more useful; 0 means 100
	DialTimeout time.Duration // until the peer's SETTINGS have come; 0 means 10s
	WarmUpWait  time.Duration // how long a fresh connection's one request may keep others waiting; 0 means 3s
	PingAfter   time.Duration // silence, with requests in flight, after which the peer is pinged; 0 means 5s
	PingTimeout time.Duration // for the peer to answer a ping; then the connection is lost; 0 means 5s
	IdlePing    time.Duration // the same as PingAfter with nothing in flight; 0 means 1h, as Apple suggests

	Logger *slog.Logger // nil discards
}

func (c Config) withDefaults() Config {
	if c.MaxConns == 0 {
		c.MaxConns = 8
	}
	if c.GrowAt == 0 {
		c.GrowAt = 100
	}
	for _, d := range []struct {
		at       *time.Duration
		standard time.Duration
	}{
		{&c.DialTimeout, 10 * time.Second},
		{&c.WarmUpWait, 3 * time.Second},
		{&c.PingAfter, 5 * time.Second},
		{&c.PingTimeout, 5 * time.Second},
		{&c.IdlePing, time.Hour},
	} {
		if *d.at == 0 {
			*d.at = d.standard
		}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// endpoint is a URL taken apart.
type endpoint struct {
	scheme    string
	plain     bool   // no TLS
	addr      string // host:port, to dial
	name      string // host alone, for TLS
	authority string // as the URL spells it
}

func parseEndpoint(raw string) (endpoint, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return endpoint{}, fmt.Errorf("%q is not a URL", raw)
	}
	if u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" {
		return endpoint{}, fmt.Errorf("%q: want https://host:port", raw)
	}
	if u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.User != nil {
		return endpoint{}, fmt.Errorf("%q: want scheme, host and port only", u.Redacted())
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	return endpoint{
		scheme:    u.Scheme,
		plain:     u.Scheme == "http",
		addr:      net.JoinHostPort(u.Hostname(), port),
		name:      u.Hostname(),
		authority: u.Host,
	}, nil
}

// CheckURL returns what is wrong with a URL for a pool; nil: nothing. Only HTTP/1.1 is spoken without TLS.
func CheckURL(raw string, http1 bool) error {
	host, err := parseEndpoint(raw)
	if err == nil && host.plain && !http1 {
		return fmt.Errorf("%q: want https: HTTP/2 needs TLS here", raw)
	}
	return err
}

const (
	firstBackOff   = 100 * time.Millisecond
	longestBackOff = 30 * time.Second
)

// backOff returns how long to wait before the next dial after so many failures in a row, with jitter. The first reconnect is
// at once: most lost connections were closed by a server that is being restarted, and another takes over.
func backOff(fails int) time.Duration {
	if fails <= 1 {
		return 0
	}
	d := longestBackOff
	if shift := fails - 2; shift < 9 {
		d = min(d, firstBackOff<<shift)
	}
	return d/2 + rand.N(d/2)
}
