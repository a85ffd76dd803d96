package provider

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/hushpush/hush/internal/h2push"
	"github.com/hushpush/hush/push"
)

// Config is what a provider's room gives its Client. All fields are required.
type Config struct {
	Provider       push.Provider
	Credentials    Credentials
	RequestTimeout time.Duration // for one wake with all that it needs
	TimedOut       error         // the cause of a wake that took longer
	Logger         *slog.Logger
	Now            func() time.Time

	// NewSender makes a sender of a stored credential; id names the credential and is no secret.
	NewSender func(id string, c push.Credential) (Sender, error)
	// Try tries a credential and wakes no device.
	Try func(ctx context.Context, app string, c push.Credential, info push.CredentialInfo) (push.CredentialCheck, error)
}

// Sender is one credential of a provider with its connections.
type Sender interface {
	// Send makes one request and waits for its answer. Where the sender was closed before the request left, the refusal wraps
	// h2push.ErrClosed.
	Send(context.Context, Request) Result
	// Close lets what is in flight end until ctx does. It is safe twice.
	Close(ctx context.Context)
}

// Request is a request for a wake, all but the sender's part of it.
type Request struct {
	h2push.Request
	Environment push.Environment
	Token       push.Secret // the device's
	Attempt     int         // of the wake
	Mend        bool        // whether the sender may renew its token and have the wake sent again; once for each wake
}

// Result is what came of a request.
type Result struct {
	Answer  push.Answer     // the provider's own, or why there is none
	Refused *push.WakeError // nil: the provider took the wake
	Mended  bool            // the sender's token was refused and has been renewed: the wake is to be sent again
	Shared  bool            // what failed is needed for all of the app's wakes, such as an access token
}

// Client sends wakes to one provider. The provider's room embeds it, and says by Config what is the provider's own. Its methods
// may be called at the same time.
type Client struct {
	cfg      Config // never changes
	senders  *Senders
	troubles *Troubles
	tries    Tries
}

// NewClient makes a client. Nothing connects before the first wake.
func NewClient(cfg Config) *Client {
	return &Client{
		cfg:      cfg,
		senders:  NewSenders(cfg.Credentials, cfg.Provider, cfg.Now, cfg.RequestTimeout, cfg.NewSender),
		troubles: NewTroubles(cfg.Logger, cfg.Provider, cfg.Now),
	}
}

// Send sends a wake with the credential of the device's app. impossible says why no request could be made of the wake; nil:
// req is its request. A refusal, or no answer, is a *push.WakeError.
func (c *Client) Send(ctx context.Context, d *push.Device, w *push.Wake, req Request, impossible *push.WakeError) (push.Answer, error) {
	ctx, cancel := Within(ctx, c.cfg.RequestTimeout, c.cfg.TimedOut)
	defer cancel()
	var r Result
	if impossible != nil {
		r = Result{Answer: NotSent(c.cfg.Provider, impossible.Err.Error()), Refused: impossible}
	} else {
		r = c.send(ctx, d.App, req)
	}
	c.troubles.Record(d, w, r)
	if r.Refused != nil {
		return r.Answer, r.Refused
	}
	return r.Answer, nil
}

// sends is how often one wake goes out at most because of a fault of ours that can be mended: a token that had expired, a
// credential that was replaced meanwhile.
const sends = 3

// send sends a request until its result is final. The answers that refused a token are in Mended of the last one.
func (c *Client) send(ctx context.Context, app string, req Request) (last Result) {
	var mended []push.Answer
	defer func() { last.Answer.Mended = mended }()
	for range sends {
		s, err := c.senders.Of(ctx, app)
		if err != nil {
			return noCredential(c.cfg.Provider, err)
		}
		req.Mend = len(mended) == 0
		r := s.Send(ctx, req)
		switch {
		case r.Mended:
			mended = append(mended, r.Answer)
		case !unsent(ctx, r.Refused):
			if r.Refused != nil && r.Refused.Fault == push.FaultCredentials {
				c.senders.Doubt(app)
			}
			return r
		}
	}
	return Result{
		Answer:  NotSent(c.cfg.Provider, errReplaced.Error()),
		Refused: &push.WakeError{Fault: push.FaultProvider, RetryAfter: Soon(), Err: fmt.Errorf("%s: %w", c.cfg.Provider, errReplaced)},
	}
}

var errReplaced = errors.New("the credential keeps changing")

// unsent reports whether a request certainly did not leave because its sender was closed: its credential was replaced.
func unsent(ctx context.Context, refused *push.WakeError) bool {
	return refused != nil && errors.Is(refused.Err, h2push.ErrClosed) && !refused.Unclear && ctx.Err() == nil
}

// Try tries the app's stored credential and wakes no device. It uses connections of its own, and no wake is delayed by what it
// finds. The error is the store's; push.ErrNotFound: the app has no credential.
func (c *Client) Try(ctx context.Context, app string) (push.CredentialCheck, error) {
	return c.tries.Do(ctx, app, func(ctx context.Context) (push.CredentialCheck, error) {
		cred, info, err := c.cfg.Credentials.Credential(ctx, app, c.cfg.Provider)
		if err != nil {
			return push.CredentialCheck{}, fmt.Errorf("%s: look up the credential: %w", c.cfg.Provider, err)
		}
		return c.cfg.Try(ctx, app, cred, info)
	})
}

// Forget is called when an app's credential has changed: what is known of it is read again, on new connections.
func (c *Client) Forget(app string) {
	c.troubles.Forget(app)
	c.tries.Forget(app)
	c.senders.Forget(app)
}

// Troubles returns how the apps do with the provider.
func (c *Client) Troubles() *Troubles { return c.troubles }

// Close closes all connections; wakes under way end unclear. It returns when nothing of the client runs any more.
func (c *Client) Close() { c.senders.Close() }
