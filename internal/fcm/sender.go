package fcm

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/url"

	"github.com/hushpush/hush/internal/h2push"
	"github.com/hushpush/hush/internal/proxy"
	"github.com/hushpush/hush/push"
)

// sender is one service account with its access token and its connections.
type sender struct {
	path   string // of a send, with the project in it
	tokens *tokens
	pool   *h2push.Pool
}

// newSender reads a credential as it is stored.
func (c *Client) newSender(_ string, cred push.Credential) (*sender, error) {
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
	t := &tokens{account: a, url: tokenURL, mayQuote: c.mayQuote(tokenURL), http: c.tokenClient, now: c.now, retryWait: c.cfg.RetryWait}
	t.ctx, t.stop = context.WithCancel(context.Background())
	return &sender{path: "/v1/projects/" + url.PathEscape(a.project) + "/messages:send", tokens: t, pool: pool}, nil
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
