package apns

import (
	"context"
	"crypto/tls"
	"fmt"
	"sync"

	"github.com/hushpush/hush/internal/h2push"
	"github.com/hushpush/hush/internal/pemkey"
	"github.com/hushpush/hush/internal/provider"
	"github.com/hushpush/hush/push"
)

// sender is one credential with its connections, which no other credential uses: APNs binds a connection to a team.
type sender struct {
	cfg    Config
	tls    *tls.Config // never changes
	signer *signer     // never changes; nil with a certificate

	mu     sync.Mutex
	closed bool                              // guarded by mu
	pools  map[push.Environment]*h2push.Pool // guarded by mu
}

// newSender makes a sender of a stored credential.
func (c *Client) newSender(id string, cred push.Credential) (*sender, error) {
	s := &sender{cfg: c.cfg, tls: &tls.Config{RootCAs: c.roots}, pools: map[push.Environment]*h2push.Pool{}}
	var errs push.FieldErrors
	switch a := cred.APNs; {
	case a != nil && a.Key != "":
		key, err := pemkey.P256(a.Key.Reveal())
		if err != nil {
			errs.Add("key", push.CodeBadCredential, err.Error())
			return nil, errs.Err()
		}
		fresh := &signer{key: key, keyID: a.KeyID, teamID: a.TeamID, now: c.cfg.Now}
		kept, _ := c.signers.LoadOrStore(id, fresh)
		s.signer = kept.(*signer)
	case a != nil && len(a.P12) > 0:
		cert, err := parseP12(a.P12, a.Password)
		if err != nil {
			errs.Add(locationOf(err), push.CodeBadCredential, err.Error())
			return nil, errs.Err()
		}
		// Always this one, whatever authorities the server names: there is no other.
		s.tls.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil }
	default:
		return nil, push.ErrNotFound
	}
	return s, nil
}

// Send sends a wake; see provider.Sender.
func (s *sender) Send(ctx context.Context, r provider.Request) provider.Result {
	token, err := s.token()
	if err != nil {
		return unsigned(err)
	}
	out := s.do(ctx, r.Environment, authorized(r.Request, token), provider.Secrets{Body: r.Body, Device: r.Token, Access: token})
	out.Mended = r.Mend && out.Refused != nil && s.mend(out.Refused.Reason, token)
	return out
}

// unsigned returns the result of a request for which no provider token could be signed.
func unsigned(err error) provider.Result {
	return provider.Result{
		Answer:  provider.NotSent(push.APNs, err.Error()),
		Refused: &push.WakeError{Fault: push.FaultCredentials, Err: fmt.Errorf("apns: %w", err)},
	}
}

// do makes a request in an environment.
func (s *sender) do(ctx context.Context, env push.Environment, req h2push.Request, secrets provider.Secrets) provider.Result {
	pool, err := s.pool(env)
	var resp h2push.Response
	if err == nil {
		resp, err = pool.Do(ctx, req)
	}
	if err != nil {
		return s.cfg.unanswered(err, s.signer == nil, secrets)
	}
	return s.cfg.interpret(resp, secrets)
}

// pool returns the sender's pool for an environment; h2push.ErrClosed if the sender has been closed.
func (s *sender) pool(env push.Environment) (*h2push.Pool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, h2push.ErrClosed
	}
	if p := s.pools[env]; p != nil {
		return p, nil
	}
	url := s.cfg.URL
	if env == push.Development {
		url = s.cfg.DevelopmentURL
	}
	p, err := h2push.New(h2push.Config{
		URL: url, TLS: s.tls, Proxy: s.cfg.Proxy, Logger: s.cfg.Logger, Proves: proves, Spent: spent,
		Reason: func(debugData []byte) string { return parseRefusal(debugData).reason },
	})
	if err != nil {
		return nil, err
	}
	s.pools[env] = p
	return p, nil
}

// proves reports whether APNs has accepted who we are: until then it takes one request at a time on a connection (Apple,
// "Sending notification requests to APNs"). All else that it refuses, it refuses after that.
func proves(resp h2push.Response) bool {
	return resp.Status != 403 && resp.Status < 500 && isAPNs(resp)
}

// spent reports whether the connection is not to be used any more: its server is going down or has had enough of it, or it is
// bound to another key.
func spent(resp h2push.Response) bool {
	if resp.Status == 200 {
		return false
	}
	switch parseRefusal(resp.Body).reason {
	case "Shutdown", "IdleTimeout", "UnrelatedKeyIdInToken":
		return true
	}
	return false
}

// token returns the provider token to send with; "" with a certificate.
func (s *sender) token() (push.Secret, error) {
	if s.signer == nil {
		return "", nil
	}
	return s.signer.current()
}

// mend does what can be done at once about a refused provider token, and reports whether to send again.
func (s *sender) mend(reason string, token push.Secret) bool {
	if s.signer == nil {
		return false
	}
	switch reason {
	case "ExpiredProviderToken":
		again, err := s.signer.expired(token)
		return again && err == nil
	case "TooManyProviderTokenUpdates":
		return s.signer.tooMany(token)
	case "UnrelatedKeyIdInToken":
		return true // on another connection
	}
	return false
}

// Close closes the sender's connections; see provider.Sender.
func (s *sender) Close(ctx context.Context) {
	s.mu.Lock()
	s.closed = true
	pools := s.pools
	s.pools = map[push.Environment]*h2push.Pool{}
	s.mu.Unlock()
	for _, p := range pools {
		p.Close(ctx)
	}
}
