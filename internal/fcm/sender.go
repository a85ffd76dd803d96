package fcm

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/url"

	"github.com/hushpush/hush/internal/h2push"
	"github.com/hushpush/hush/internal/provider"
	"github.com/hushpush/hush/internal/proxy"
	"github.com/hushpush/hush/push"
)

// sender is one service account with its access token and its connections.
type sender struct {
	cfg    Config
	path   string // of a send, with the project in it
	tokens *tokens
	pool   *h2push.Pool
}

// newSender makes a sender of a stored credential.
func (c *Client) newSender(cred push.Credential) (*sender, error) {
	if cred.FCM == nil {
		return nil, push.ErrNotFound
	}
	a, err := c.read(cred.FCM.ServiceAccount) // what was stored may be from before, or the settings others
	if err != nil {
		return nil, err
	}
	pool, err := h2push.New(h2push.Config{
		URL: c.cfg.URL, TLS: &tls.Config{RootCAs: c.roots}, Proxy: c.cfg.Proxy, HTTP1: true, Logger: c.cfg.Logger,
	})
	if err != nil {
		return nil, err
	}
	tokenURL := a.tokenURI
	if c.cfg.TokenURL != "" {
		tokenURL = c.cfg.TokenURL
	}
	t := &tokens{account: a, url: tokenURL, mayQuote: c.mayQuote(tokenURL), http: c.tokenClient, now: c.cfg.Now, retryWait: c.cfg.RetryWait}
	t.ctx, t.stop = context.WithCancel(context.Background())
	return &sender{cfg: c.cfg, path: "/v1/projects/" + url.PathEscape(a.project) + "/messages:send", tokens: t, pool: pool}, nil
}

// Send sends a wake; see provider.Sender.
func (s *sender) Send(ctx context.Context, r provider.Request) provider.Result {
	access, err := s.tokens.get(ctx)
	if err != nil {
		return s.cfg.withoutToken(err)
	}
	secrets := provider.Secrets{Body: r.Body, Device: r.Token, Access: access}
	resp, err := s.pool.Do(ctx, s.request(r.Body, access))
	if err != nil {
		return s.cfg.unanswered(err, secrets)
	}
	out, badToken := s.cfg.interpret(resp, r.Attempt, secrets)
	if badToken {
		s.tokens.drop(access)
	}
	out.Mended = badToken && r.Mend
	return out
}

// Close closes the sender's connections; see provider.Sender.
func (s *sender) Close(ctx context.Context) {
	s.pool.Close(ctx)
	s.tokens.close()
}

// newTokenClient is for token endpoints: rare, small requests, to hosts that service accounts name. A redirect is no
// answer: the assertion is meant for the host that it was sent to.
func (c *Client) newTokenClient() *http.Client {
	transport := &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: c.roots, MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2: true,
		DisableKeepAlives: true, // a token is good for an hour
	}
	proxy.Dialer{Choice: c.cfg.Proxy, Roots: c.roots}.Equip(transport)
	client := &http.Client{Timeout: c.cfg.RequestTimeout, Transport: transport}
	proxy.FollowNone(client)
	return client
}
