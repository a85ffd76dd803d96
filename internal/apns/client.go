package apns

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/hushpush/hush/internal/h2push"
	"github.com/hushpush/hush/internal/provider"
	"github.com/hushpush/hush/internal/proxy"
	"github.com/hushpush/hush/push"
)

// Apple's hosts.
const (
	ProductionURL  = "https://api.push.apple.com"
	DevelopmentURL = "https://api.sandbox.push.apple.com"
)

// Config says how to reach APNs. Zero values mean the defaults.
type Config struct {
	Credentials    provider.Credentials // required
	URL            string               // for production; "" means Apple's
	DevelopmentURL string               // for development; "" means URL if that is set, else Apple's
	CA             []byte               // PEM of certificates to trust besides the system's
	Proxy          proxy.Choice         // nil: every connection is direct
	RetryWait      time.Duration        // after a 5xx, and after too many requests to one device; 0 means 15m, as Apple asks
	RequestTimeout time.Duration        // for one wake with all that it needs; 0 means 15s
	Logger         *slog.Logger         // nil discards
	Now            func() time.Time     // nil means time.Now

	// Topics are bundle ids of the app's devices, at most limit, to try a credential with that names none; nil: none.
	Topics func(ctx context.Context, app string, limit int) ([]string, error)
}

func (c Config) withDefaults() (Config, error) {
	if c.Credentials == nil {
		return c, errors.New("apns: Credentials is nil")
	}
	if c.DevelopmentURL == "" {
		c.DevelopmentURL = c.URL
	}
	if c.URL == "" {
		c.URL = ProductionURL
	}
	if c.DevelopmentURL == "" {
		c.DevelopmentURL = DevelopmentURL
	}
	if c.RetryWait < 0 || c.RequestTimeout < 0 {
		return c, fmt.Errorf("apns: RetryWait is %s and RequestTimeout %s; want 0 (for the default) or more", c.RetryWait, c.RequestTimeout)
	}
	if c.RetryWait == 0 {
		c.RetryWait = 15 * time.Minute
	}
	if c.RequestTimeout == 0 {
		c.RequestTimeout = 15 * time.Second
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c, nil
}

// Client wakes apps through APNs. Its methods may be called at the same time.
type Client struct {
	*provider.Client
	cfg     Config
	signers sync.Map       // credential's id → *signer; they outlive their senders: a key's token must not be signed too often
	roots   *x509.CertPool // never changes; nil: the system's
}

// New checks the configuration. It connects when the first wake needs it.
func New(cfg Config) (*Client, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	for name, url := range map[string]string{"URL": cfg.URL, "DevelopmentURL": cfg.DevelopmentURL} {
		if err := h2push.CheckURL(url, false); err != nil {
			return nil, fmt.Errorf("apns: %s: %w", name, err)
		}
	}
	roots, err := provider.Roots(cfg.CA)
	if err != nil {
		return nil, fmt.Errorf("apns: CA: %w", err)
	}
	cfg.Logger = cfg.Logger.With("room", "apns")
	c := &Client{cfg: cfg, roots: roots}
	c.Client = provider.NewClient(provider.Config{
		Provider: push.APNs, Credentials: cfg.Credentials, RequestTimeout: cfg.RequestTimeout, TimedOut: errTimeout, Logger: cfg.Logger, Now: cfg.Now,
		NewSender: func(id string, cred push.Credential) (provider.Sender, error) { return c.newSender(id, cred) },
		Try:       c.try,
	})
	return c, nil
}

var errTimeout error = push.Timeout("APNs did not answer within the request time-out")

// Wake asks APNs to start the app's handler on one device. A nil error says that APNs took the request, not that the
// phone got it; a refusal, or no answer of APNs, is a *push.WakeError. The answer is APNs' own, or says how it failed to
// come. With the same wake's id it can be called again, whatever the outcome was.
func (c *Client) Wake(ctx context.Context, d push.Device, w push.Wake) (push.Answer, error) {
	req, impossible := request(&d, &w, c.cfg.Now())
	return c.Send(ctx, &d, &w, req, impossible)
}
