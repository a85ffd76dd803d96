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
	cfg      Config
	senders  *provider.Senders[*sender]
	signers  sync.Map       // credential's id → *signer; they outlive their senders: a key's token must not be signed too often
	roots    *x509.CertPool // never changes; nil: the system's
	now      func() time.Time
	troubles *provider.Troubles
	tries    provider.Tries
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
	c := &Client{cfg: cfg, now: cfg.Now, roots: roots, troubles: provider.NewTroubles(cfg.Logger, push.APNs, cfg.Now)}
	c.senders = provider.NewSenders(cfg.Credentials, push.APNs, cfg.Now, cfg.RequestTimeout, c.newSender)
	return c, nil
}

// Forget is called when an app's credential has changed: what is known of it is read again, on new connections.
func (c *Client) Forget(app string) {
	c.troubles.Forget(app)
	c.tries.Forget(app)
	c.senders.Forget(app)
}

// Troubles knows how the apps do with APNs.
func (c *Client) Troubles() *provider.Troubles { return c.troubles }

// Close closes all connections; wakes under way end unclear. It returns when nothing of the client runs any more.
func (c *Client) Close() { c.senders.Close() }

var errTimeout error = push.Timeout("APNs did not answer within the request time-out")

// Wake asks APNs to start the app's handler on one device. A nil error says that APNs took the request, not that the
// phone got it; a refusal, or no answer of APNs, is a *push.WakeError. The answer is APNs' own, or says how it failed to
// come. With the same wake's id it can be called again, whatever the outcome was.
func (c *Client) Wake(ctx context.Context, d push.Device, w push.Wake) (push.Answer, error) {
	ctx, cancel := provider.Within(ctx, c.cfg.RequestTimeout, errTimeout)
	defer cancel()
	answer, refused := c.wake(ctx, &d, &w)
	c.troubles.Note(&d, &w, &answer, refused, false)
	if refused == nil {
		return answer, nil
	}
	return answer, refused
}

// wakeSends is how often one wake goes out at most because of what is ours to mend: a provider token that had expired, a
// credential that was replaced meanwhile.
const wakeSends = 3

func (c *Client) wake(ctx context.Context, d *push.Device, w *push.Wake) (out push.Answer, refused *push.WakeError) {
	var mended []push.Answer
	defer func() { out.Mended = mended }()
	if !h2push.ValidValue(d.BundleID) {
		why := errors.New("no topic can be named like the device's bundle id")
		return provider.NotSent(push.APNs, why.Error()), &push.WakeError{Fault: push.FaultPush, Reason: "BadTopic", Err: fmt.Errorf("apns: not sent: %w", why)}
	}
	req, unsealed := request(d, w, c.now())
	if unsealed != nil {
		return provider.NotSent(push.APNs, unsealed.Reason), unsealed
	}
	renewed := false
	for range wakeSends {
		s, err := c.senders.Of(ctx, d.App)
		if err != nil {
			return c.noSender(err)
		}
		pool, err := s.pool(d.Environment)
		if err != nil {
			continue // replaced since; look it up again
		}
		token, err := s.token()
		if err != nil {
			return provider.NotSent(push.APNs, err.Error()), &push.WakeError{Fault: push.FaultCredentials, Err: fmt.Errorf("apns: %w", err)}
		}
		resp, err := pool.Do(ctx, authorized(req, token))
		if errors.Is(err, h2push.ErrClosed) && !h2push.WasSent(err) && ctx.Err() == nil {
			continue
		}
		if err != nil {
			return c.noAnswer(err, s, secrets(req.Body, d.ProviderToken, token))
		}
		answer, refused := c.judge(resp, secrets(req.Body, d.ProviderToken, token))
		if refused == nil {
			return answer, nil
		}
		if !renewed && s.mend(refused.Reason, token) {
			renewed, mended = true, append(mended, answer)
			continue
		}
		if refused.Fault == push.FaultCredentials {
			c.senders.Doubt(d.App)
		}
		return answer, refused
	}
	why := errors.New("the credential keeps changing")
	return provider.NotSent(push.APNs, why.Error()), &push.WakeError{Fault: push.FaultProvider, RetryAfter: provider.Soon(), Err: fmt.Errorf("apns: %w", why)}
}

// secrets are what nobody may read of a request, in whatever answer it is quoted.
func secrets(body []byte, device, token push.Secret) func() []string {
	return func() []string { return []string{token.Reveal(), device.Reveal(), string(body)} }
}

// isUUID reports whether s has the form of an apns-id: 8-4-4-4-12 hex digits (Apple, "Sending notification requests to APNs").
func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
				return false
			}
		}
	}
	return true
}

// judge is what an answer means; nil: APNs took the wake.
func (c *Client) judge(resp h2push.Response, secrets func() []string) (push.Answer, *push.WakeError) {
	if !isAPNs(resp) {
		return provider.Stranger(push.APNs, resp, c.now(), c.cfg.RetryWait, secrets()...)
	}
	answer := push.Answer{
		Provider: push.APNs, Status: resp.Status,
		ProviderID: provider.ID(resp.Header.Get("apns-id"), isUUID, secrets),
	}
	if resp.Status == 200 {
		return answer, nil
	}
	r := parseRefusal(resp.Body)
	answer.Reason = r.reason
	m := meaning(resp.Status, r.reason)
	e := &push.WakeError{
		Fault: m.fault, Reach: reach(r.reason), Reason: r.reason, Unclear: m.unclear,
		RetryAfter: m.wait.after(c.cfg.RetryWait, provider.RetryAfter(resp.Header, c.now())),
	}
	if m.fault == push.FaultToken {
		e.DeadSince = r.since
	}
	return answer, e
}

// noAnswer is what it means that none came.
func (c *Client) noAnswer(err error, s *sender, secrets func() []string) (push.Answer, *push.WakeError) {
	e := &push.WakeError{Fault: push.FaultProvider, RetryAfter: provider.Soon(), Err: fmt.Errorf("apns: %w", err)}
	var lost *h2push.Error
	if errors.As(err, &lost) {
		e.Unclear = lost.Sent
		e.Reason = provider.Word(lost.Reason)
		if m, known := ofGoAway(lost.Reason); known {
			e.Fault = m.fault
			e.RetryAfter = m.wait.after(c.cfg.RetryWait, 0)
		}
		if e.Fault == push.FaultProvider {
			e.RetryAfter = max(e.RetryAfter, lost.RetryAfter)
		}
	}
	if s.certificate() && h2push.IsAlert(err) {
		e.Fault, e.Reason, e.RetryAfter = push.FaultCredentials, "BadCertificate", 0
	}
	answer := provider.Lost(push.APNs, err, secrets()...)
	answer.Reason = e.Reason
	return answer, e
}

// noSender is what it means that the app's credential could not be had.
func (c *Client) noSender(err error) (push.Answer, *push.WakeError) {
	answer, e := provider.NoCredential(push.APNs, err)
	if e.Fault == push.FaultProvider {
		e.RetryAfter = provider.Soon()
	}
	return answer, e
}
