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
	"github.com/hushpush/hush/internal/proxy"
	"github.com/hushpush/hush/push"
)

// Apple's hosts.
const (
	ProductionURL  = "https://api.push.apple.com"
	DevelopmentURL = "https://api.sandbox.push.apple.com"
)

// NoCredentials is the reason of a WakeError where an app has no credential stored.
const NoCredentials = "no_credentials"

// Config says how to reach APNs. Zero values mean the defaults.
type Config struct {
	Credentials    h2push.Credentials // required
	URL            string             // for production; "" means Apple's
	DevelopmentURL string             // for development; "" means URL if that is set, else Apple's
	CA             []byte             // PEM of certificates to trust besides the system's
	Proxy          proxy.Choice       // nil: every connection is direct
	RetryWait      time.Duration      // after a 5xx, and after too many requests to one device; 0 means 15m, as Apple asks
	RequestTimeout time.Duration      // for one wake with all that it needs; 0 means 15s
	Logger         *slog.Logger       // nil discards
	Now            func() time.Time   // nil means time.Now
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
	cfg     Config
	senders *h2push.Senders[*sender]
	signers sync.Map       // credential's id → *signer; they outlive their senders: a key's token must not be signed too often
	roots   *x509.CertPool // never changes; nil: the system's
	now     func() time.Time
	trouble sync.Map // app → the reason of its last credential trouble, so that a repeated one is logged once
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
	roots, err := h2push.Roots(cfg.CA)
	if err != nil {
		return nil, fmt.Errorf("apns: CA: %w", err)
	}
	cfg.Logger = cfg.Logger.With("room", "apns")
	c := &Client{cfg: cfg, now: cfg.Now, roots: roots}
	c.senders = h2push.NewSenders(cfg.Credentials, push.APNs, cfg.Now, cfg.RequestTimeout, c.newSender)
	return c, nil
}

// Forget is called when an app's credential has changed: what is known of it is read again, on new connections.
func (c *Client) Forget(app string) {
	c.trouble.Delete(app)
	c.senders.Forget(app)
}

// Close closes all connections; wakes under way end unclear. It returns when nothing of the client runs any more.
func (c *Client) Close() { c.senders.Close() }

var errTimeout = errors.New("APNs did not answer within the request time-out")

// Wake asks APNs to start the app's handler on one device. A nil error says that APNs took the request, not that the
// phone got it; a refusal, or no answer, is a *push.WakeError. The answer is APNs' own, its status 0 if there was none.
// With the same wake's id it can be called again, whatever the outcome was.
func (c *Client) Wake(ctx context.Context, d push.Device, w push.Wake) (push.Answer, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.cfg.RequestTimeout, errTimeout)
	defer cancel()
	answer, err := c.wake(ctx, d, w)
	c.note(d.App, err)
	return answer, err
}

// wakeSends is how often one wake goes out at most because of what is ours to mend: a provider token that had expired, a
// credential that was replaced meanwhile.
const wakeSends = 3

func (c *Client) wake(ctx context.Context, d push.Device, w push.Wake) (out push.Answer, err error) {
	none := push.Answer{Provider: push.APNs}
	var mended []push.Answer
	defer func() { out.Mended = mended }()
	if !h2push.ValidValue(d.BundleID) {
		return none, &push.WakeError{Fault: push.FaultPush, Reason: "BadTopic", Err: errors.New("apns: not sent: no topic can be named like the device's bundle id")}
	}
	req := request(d, w, c.now())
	renewed := false
	for range wakeSends {
		s, err := c.senders.Of(ctx, d.App)
		if err != nil {
			return none, c.noSender(err)
		}
		pool, err := s.pool(d.Environment)
		if err != nil {
			continue // replaced since; look it up again
		}
		token, err := s.token()
		if err != nil {
			return none, &push.WakeError{Fault: push.FaultCredentials, Err: fmt.Errorf("apns: %w", err)}
		}
		resp, err := pool.Do(ctx, authorized(req, token))
		if errors.Is(err, h2push.ErrClosed) && !h2push.WasSent(err) && ctx.Err() == nil {
			continue
		}
		if err != nil {
			return c.noAnswer(err, s)
		}
		answer, refused := c.judge(resp)
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
	return none, &push.WakeError{Fault: push.FaultProvider, RetryAfter: h2push.Soon(), Err: errors.New("apns: the credential keeps changing")}
}

// judge is what an answer means; nil: APNs took the wake.
func (c *Client) judge(resp h2push.Response) (push.Answer, *push.WakeError) {
	answer := push.Answer{
		Provider: push.APNs, Status: resp.Status,
		ProviderID: h2push.Printable(resp.Header.Get("apns-id")),
	}
	if resp.Status == 200 {
		return answer, nil
	}
	r := parseRefusal(resp.Body)
	answer.Reason = r.reason
	m := meaning(resp.Status, r.reason)
	e := &push.WakeError{
		Fault: m.fault, Reach: reach(r.reason), Reason: r.reason, Unclear: m.unclear,
		RetryAfter: m.wait.after(c.cfg.RetryWait, h2push.RetryAfter(resp.Header, c.now())),
	}
	if m.fault == push.FaultToken {
		e.DeadSince = r.since
	}
	return answer, e
}

// noAnswer is what it means that none came.
func (c *Client) noAnswer(err error, s *sender) (push.Answer, error) {
	e := &push.WakeError{Fault: push.FaultProvider, RetryAfter: h2push.Soon(), Err: fmt.Errorf("apns: %w", err)}
	var lost *h2push.Error
	if errors.As(err, &lost) {
		e.Unclear = lost.Sent
		e.Reason = lost.Reason
		if m, known := ofGoAway(lost.Reason); known {
			e.Fault = m.fault
			e.RetryAfter = m.wait.after(c.cfg.RetryWait, 0)
		}
		if e.Fault == push.FaultProvider {
			e.RetryAfter = max(e.RetryAfter, lost.RetryAfter)
		}
	}
	if s.certificate() && isAlert(err) {
		e.Fault, e.Reason, e.RetryAfter = push.FaultCredentials, "BadCertificate", 0
	}
	return push.Answer{Provider: push.APNs, Reason: e.Reason}, e
}

// noSender is what it means that the app's credential could not be had.
func (c *Client) noSender(err error) error {
	var wrong push.FieldErrors
	switch {
	case errors.Is(err, push.ErrNotFound):
		return &push.WakeError{Fault: push.FaultCredentials, Reason: NoCredentials}
	case errors.As(err, &wrong):
		return &push.WakeError{Fault: push.FaultCredentials, Err: fmt.Errorf("apns: the stored credential: %w", err)}
	}
	return &push.WakeError{Fault: push.FaultProvider, RetryAfter: h2push.Soon(), Err: fmt.Errorf("apns: %w", err)}
}

// note logs a credential trouble when it begins or changes.
func (c *Client) note(app string, err error) {
	var e *push.WakeError
	if !errors.As(err, &e) || e.Fault != push.FaultCredentials {
		if err == nil {
			c.trouble.Delete(app)
		}
		return
	}
	what := e.Error()
	if was, _ := c.trouble.Swap(app, what); was != what {
		c.cfg.Logger.Warn("APNs wakes fail for want of a good credential", "app", app, "reason", e.Reason, "error", what)
	}
}
