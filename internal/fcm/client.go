package fcm

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
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
	cfg         Config
	senders     *provider.Senders[*sender]
	tokenClient *http.Client
	roots       *x509.CertPool // never changes; nil: the system's
	tokenHosts  tokenHosts     // never changes
	now         func() time.Time
	troubles    *provider.Troubles
	tries       provider.Tries
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
	c := &Client{
		cfg: cfg, now: cfg.Now, roots: roots, tokenHosts: hosts, troubles: provider.NewTroubles(cfg.Logger, push.FCM, cfg.Now),
	}
	c.tokenClient = c.newTokenClient()
	c.senders = provider.NewSenders(cfg.Credentials, push.FCM, cfg.Now, cfg.RequestTimeout, c.newSender)
	return c, nil
}

// Forget is called when an app's credential has changed: what is known of it is read again, on new connections.
func (c *Client) Forget(app string) {
	c.troubles.Forget(app)
	c.tries.Forget(app)
	c.senders.Forget(app)
}

// Troubles knows how the apps do with FCM.
func (c *Client) Troubles() *provider.Troubles { return c.troubles }

// Close closes all connections; wakes under way end unclear. It returns when nothing of the client runs any more.
func (c *Client) Close() {
	c.senders.Close()
	c.tokenClient.CloseIdleConnections()
}

var errTimeout error = push.Timeout("FCM did not answer within the request time-out")

// Wake asks FCM to start the app's handler on one device. A nil error says that FCM took the request, not that the phone
// got it; a refusal, or no answer of FCM, is a *push.WakeError. The answer is FCM's own, or says how it failed to come; where
// no access token could be had, it is the token endpoint's. With the same wake's id it can be called again, whatever the
// outcome was.
func (c *Client) Wake(ctx context.Context, d push.Device, w push.Wake) (push.Answer, error) {
	ctx, cancel := provider.Within(ctx, c.cfg.RequestTimeout, errTimeout)
	defer cancel()
	answer, refused := c.wake(ctx, &d, &w)
	var noToken *OAuthError
	c.troubles.Note(&d, &w, &answer, refused, refused != nil && errors.As(refused.Err, &noToken))
	if refused == nil {
		return answer, nil
	}
	return answer, refused
}

// wakeSends is how often one wake goes out at most because of what is ours to mend: an access token that had expired, a
// credential that was replaced meanwhile.
const wakeSends = 3

func (c *Client) wake(ctx context.Context, d *push.Device, w *push.Wake) (out push.Answer, refused *push.WakeError) {
	var mended []push.Answer
	defer func() { out.Mended = mended }()
	data, unsealed := body(d, w, c.now())
	if unsealed != nil {
		return provider.NotSent(push.FCM, unsealed.Reason), unsealed
	}
	renewed := false
	for range wakeSends {
		s, err := c.senders.Of(ctx, d.App)
		if err != nil {
			return c.noSender(err)
		}
		access, err := s.tokens.get(ctx)
		if errors.Is(err, push.ErrUnavailable) && ctx.Err() == nil {
			continue // replaced since; look it up again
		}
		if err != nil {
			return c.noToken(err, d.App)
		}
		resp, err := s.pool.Do(ctx, s.request(data, access))
		if errors.Is(err, h2push.ErrClosed) && !h2push.WasSent(err) && ctx.Err() == nil {
			continue
		}
		if err != nil {
			return c.noAnswer(err, secrets(data, d.ProviderToken, access))
		}
		answer, line, refused := c.judge(resp, w.Attempt, secrets(data, d.ProviderToken, access))
		if refused == nil {
			return answer, nil
		}
		if line.status == http.StatusUnauthorized && line.code == "" {
			s.tokens.drop(access)
			if !renewed {
				renewed, mended = true, append(mended, answer)
				continue
			}
		}
		if refused.Fault == push.FaultCredentials {
			c.senders.Doubt(d.App)
		}
		return answer, refused
	}
	why := errors.New("the credential keeps changing")
	return provider.NotSent(push.FCM, why.Error()), &push.WakeError{Fault: push.FaultProvider, RetryAfter: provider.Soon(), Err: fmt.Errorf("fcm: %w", why)}
}

// secrets are what nobody may read of a request, in whatever answer it is quoted.
func secrets(body []byte, device, access push.Secret) func() []string {
	return func() []string { return []string{access.Reveal(), device.Reveal(), string(body)} }
}

// judge is what an answer to a try means, with its line of the table; a nil error: FCM took the wake.
func (c *Client) judge(resp h2push.Response, attempt int, secrets func() []string) (push.Answer, answer, *push.WakeError) {
	out := push.Answer{Provider: push.FCM, Status: resp.Status}
	if resp.Status == http.StatusOK {
		if id := name(resp.Body); id != "" {
			out.ProviderID = provider.ID(id, isMessageName, secrets)
			return out, answer{}, nil
		}
	}
	r := parseRefusal(resp.Status, resp.Body)
	if resp.Status == http.StatusOK || !r.own {
		out, refused := provider.Stranger(push.FCM, resp, c.now(), c.cfg.RetryWait, secrets()...)
		return out, answer{}, refused
	}
	out.Reason, out.Detail = r.reason(), provider.Detail(r.message, push.MaxDetailBytes, secrets()...)
	line := meaning(resp.Status, r)
	return out, line, &push.WakeError{
		Fault: line.fault, Reach: reach(r.code), Reason: out.Reason, Unclear: line.unclear,
		RetryAfter: c.cfg.after(line, attempt, provider.RetryAfter(resp.Header, c.now())),
	}
}

// name is what FCM calls a message that it took; "": this is not its answer.
func name(body []byte) string {
	if usual := usualName(body); usual != "" {
		return usual
	}
	var b struct {
		Name string `json:"name"`
	}
	if json.Unmarshal(body, &b) != nil {
		return ""
	}
	return b.Name
}

// usualName reads an answer as FCM writes it, an object with a name of usual form and nothing else, without reflection; "" for
// any other body, whatever it is.
func usualName(body []byte) string {
	const space = " \t\r\n"
	rest, ok := body, true
	for _, token := range []string{`{`, `"name"`, `:`, `"`} {
		if rest, ok = bytes.CutPrefix(bytes.TrimLeft(rest, space), []byte(token)); !ok {
			return ""
		}
	}
	value, rest, ok := bytes.Cut(rest, []byte(`"`))
	if name := string(value); ok && isMessageName(name) && string(bytes.Trim(rest, space)) == `}` {
		return name
	}
	return ""
}

// isMessageName reports whether a name has the form of FCM's (FCM, "REST Resource: projects.messages"):
// projects/[a-z0-9:.-]{1,40}/messages/[0-9A-Za-z:%-]{1,48}, the project's id or number, and an id too short for a token.
func isMessageName(name string) bool {
	const digits, lower, upper = "0123456789", "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	rest, named := strings.CutPrefix(name, "projects/")
	project, id, ok := strings.Cut(rest, "/messages/")
	return named && ok && madeOf(project, 40, digits+lower+":.-") && madeOf(id, 48, digits+lower+upper+":%-")
}

// madeOf reports whether s has 1 to most characters, all of those given.
func madeOf(s string, most int, characters string) bool {
	return s != "" && len(s) <= most && strings.TrimLeft(s, characters) == ""
}

// noAnswer is what it means that none came. The wake goes out again after RetryWait, at the earliest: Google wants no
// retry at once, and what was lost may have been an overloaded server's.
func (c *Client) noAnswer(err error, secrets func() []string) (push.Answer, *push.WakeError) {
	e := &push.WakeError{Fault: push.FaultProvider, RetryAfter: provider.Jittered(c.cfg.RetryWait), Err: fmt.Errorf("fcm: %w", err)}
	var lost *h2push.Error
	if errors.As(err, &lost) {
		e.Unclear, e.Reason = lost.Sent, provider.Word(lost.Reason)
		e.RetryAfter = max(e.RetryAfter, lost.RetryAfter)
	}
	answer := provider.Lost(push.FCM, err, secrets()...)
	answer.Reason = e.Reason
	return answer, e
}

// noToken is what it means that no access token could be had. FCM has not seen the wake.
func (c *Client) noToken(err error, app string) (push.Answer, *push.WakeError) {
	e := &push.WakeError{Fault: push.FaultProvider, RetryAfter: provider.Jittered(c.cfg.RetryWait), Err: fmt.Errorf("fcm: %w", err)}
	out := push.Answer{Provider: push.FCM, Error: push.FailureOther}
	var refused *OAuthError
	if errors.As(err, &refused) {
		out.Status, out.Reason, out.Error, out.Detail, e.Reason = refused.Status, refused.Reason, refused.Failure, refused.Detail, refused.Reason
		e.RetryAfter = max(e.RetryAfter, refused.retryAfter)
		if refused.refused() {
			e.Fault, e.RetryAfter = push.FaultCredentials, 0
			c.senders.Doubt(app)
		}
	}
	return out, e
}

// noSender is what it means that the app's credential could not be had.
func (c *Client) noSender(err error) (push.Answer, *push.WakeError) {
	answer, e := provider.NoCredential(push.FCM, err)
	if e.Fault == push.FaultProvider {
		e.RetryAfter = provider.Jittered(c.cfg.RetryWait)
	}
	return answer, e
}
