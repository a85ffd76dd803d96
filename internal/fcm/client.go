package fcm

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/hushpush/hush/internal/h2push"
	"github.com/hushpush/hush/internal/provider"
	"github.com/hushpush/hush/internal/proxy"
	"github.com/hushpush/hush/push"
)

// URL is Google's host for sends.
const URL = "https://fcm.googleapis.com"

// Config says how to reach FCM. Zero values mean the defaults.
type Config struct {
	Credentials    provider.Credentials // required
	URL            string               // for sends: scheme, host and port; "" means Google's
	TokenURL       string               // for access tokens; "" means each service account's token_uri
	TokenHosts     []string             // host or host:port that a token_uri may name, besides Google's and URL
	CA             []byte               // PEM of certificates to trust besides the system's
	Proxy          proxy.Choice         // nil: every connection is direct
	RetryWait      time.Duration        // after a 5xx, and between requests for an access token that fail; 0 means 10s
	QuotaWait      time.Duration        // after a quota was exceeded, if FCM does not say how long; 0 means 60s
	RequestTimeout time.Duration        // for one wake with all that it needs; 0 means 15s (Google: 10s at least)
	Logger         *slog.Logger         // nil discards
	Now            func() time.Time     // nil means time.Now
}

func (c Config) withDefaults() (Config, error) {
	if c.Credentials == nil {
		return c, errors.New("fcm: Credentials is nil")
	}
	if c.URL == "" {
		c.URL = URL
	}
	for _, d := range []struct {
		name     string
		at       *time.Duration
		standard time.Duration
	}{
		{"RetryWait", &c.RetryWait, 10 * time.Second},
		{"QuotaWait", &c.QuotaWait, time.Minute},
		{"RequestTimeout", &c.RequestTimeout, 15 * time.Second},
	} {
		if *d.at < 0 {
			return c, fmt.Errorf("fcm: %s is %s; want 0 (for %s) or more", d.name, *d.at, d.standard)
		}
		if *d.at == 0 {
			*d.at = d.standard
		}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c, nil
}

// Client wakes apps through FCM. Its methods may be called at the same time.
type Client struct {
	*provider.Client
	cfg         Config
	tokenClient *http.Client
	roots       *x509.CertPool // never changes; nil: the system's
	tokenHosts  tokenHosts     // never changes
}

// New checks the configuration. It connects when the first wake needs it.
func New(cfg Config) (*Client, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := h2push.CheckURL(cfg.URL, true); err != nil {
		return nil, fmt.Errorf("fcm: URL: %w", err)
	}
	if cfg.TokenURL != "" {
		if err := checkTokenURL(cfg.TokenURL); err != nil {
			return nil, fmt.Errorf("fcm: TokenURL: %q %w", cfg.TokenURL, err)
		}
	}
	hosts, err := newTokenHosts(cfg.URL, cfg.TokenHosts)
	if err != nil {
		return nil, fmt.Errorf("fcm: TokenHosts: %w", err)
	}
	roots, err := provider.Roots(cfg.CA)
	if err != nil {
		return nil, fmt.Errorf("fcm: CA: %w", err)
	}
	cfg.Logger = cfg.Logger.With("room", "fcm")
	c := &Client{cfg: cfg, roots: roots, tokenHosts: hosts}
	c.tokenClient = c.newTokenClient()
	c.Client = provider.NewClient(provider.Config{
		Provider: push.FCM, Credentials: cfg.Credentials, RequestTimeout: cfg.RequestTimeout, TimedOut: errTimeout, Logger: cfg.Logger, Now: cfg.Now,
		NewSender: func(_ string, cred push.Credential) (provider.Sender, error) { return c.newSender(cred) },
		Try:       c.try,
	})
	return c, nil
}

// Close closes all connections; wakes under way end unclear. It returns when nothing of the client runs any more.
func (c *Client) Close() {
	c.Client.Close()
	c.tokenClient.CloseIdleConnections()
}

var errTimeout error = push.Timeout("FCM did not answer within the request time-out")

// Wake asks FCM to start the app's handler on one device. A nil error says that FCM took the request, not that the phone
// got it; a refusal, or no answer of FCM, is a *push.WakeError. The answer is FCM's own, or says how it failed to come; where
// no access token could be had, it is the token endpoint's. With the same wake's id it can be called again, whatever the
// outcome was.
func (c *Client) Wake(ctx context.Context, d push.Device, w push.Wake) (push.Answer, error) {
	data, impossible := body(&d, &w, c.cfg.Now())
	req := provider.Request{Request: h2push.Request{Body: data}, Token: d.ProviderToken, Attempt: w.Attempt}
	return c.Send(ctx, &d, &w, req, impossible)
}
