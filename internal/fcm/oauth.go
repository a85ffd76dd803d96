package fcm

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/hushpush/hush/internal/h2push"
	"github.com/hushpush/hush/push"
)

const (
	scope     = "https://www.googleapis.com/auth/firebase.messaging"
	grantType = "urn:ietf:params:oauth:grant-type:jwt-bearer"

	assertionLife = time.Hour        // the longest that Google allows
	clockSkew     = 10 * time.Second // our clock may be ahead of Google's
	longestLife   = 24 * time.Hour   // of an access token, whatever expires_in says
	renewBefore   = time.Minute      // its expiry, or a tenth of its life if that is shorter
	maxTokenBody  = 64 << 10
)

// assertion returns the JWT with which an access token is requested (Google, "Using OAuth 2.0 for Server to Server
// Applications").
func (a *account) assertion(now time.Time, tokenURI string) (push.Secret, error) {
	iat := now.Add(-clockSkew)
	t := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
		"iss": a.email, "scope": scope, "aud": tokenURI, "iat": iat.Unix(), "exp": iat.Add(assertionLife).Unix(),
	})
	if a.keyID != "" {
		t.Header["kid"] = a.keyID
	}
	signed, err := t.SignedString(a.key)
	if err != nil {
		return "", fmt.Errorf("its private_key does not sign: %w", err)
	}
	return push.Secret(signed), nil
}

// OAuthError is a refusal of the token endpoint, or the lack of its answer.
type OAuthError struct {
	Status     int          // HTTP; 0: none came
	Reason     string       // the member "error" as Google spells it, such as "invalid_grant"
	Failure    push.Failure // push.FailureNone: the endpoint itself answered
	Detail     string       // for people; see tokens.mayQuote
	retryAfter time.Duration
	err        error
}

// Error names status and reason.
func (e *OAuthError) Error() string {
	switch {
	case e.Detail != "":
		return "oauth: " + e.Detail
	case e.err != nil:
		return "oauth: " + e.err.Error()
	}
	return fmt.Sprintf("oauth: the token endpoint answered %d %s", e.Status, e.Reason)
}

// Unwrap returns what lies below.
func (e *OAuthError) Unwrap() error { return e.err }

// refused reports whether the endpoint will not have this account, rather than not being able to answer.
func (e *OAuthError) refused() bool {
	return e.Failure == push.FailureNone && e.Status >= 400 && e.Status < 500 && e.Status != http.StatusRequestTimeout && e.Status != http.StatusTooManyRequests
}

// tokens holds the access token of one service account. One request for a new one is under way at a time; all who need
// it wait for that one.
type tokens struct {
	account   *account
	url       string // where to ask: the account's token_uri, unless the configuration says otherwise; the assertion is for it
	mayQuote  bool   // what the endpoint says may be told; see mayQuote
	http      *http.Client
	now       func() time.Time
	retryWait time.Duration

	ctx  context.Context // ends with stop
	stop context.CancelFunc
	work sync.WaitGroup // the request under way

	mu       sync.Mutex
	token    push.Secret // guarded by mu
	until    time.Time   // guarded by mu; from then on it is due
	failed   error       // guarded by mu; of the last request; nil if it brought a token
	failedAt time.Time   // guarded by mu
	underWay *fetching   // guarded by mu; nil: none is under way
}

// fetching is one request for a token. Its result stands once done is closed.
type fetching struct {
	done  chan struct{}
	token push.Secret
	err   error
}

// get returns a valid token. The error is an *OAuthError, or the context's.
func (t *tokens) get(ctx context.Context) (push.Secret, error) {
	t.mu.Lock()
	now := t.now()
	if t.ctx.Err() != nil {
		defer t.mu.Unlock()
		return "", &OAuthError{Failure: push.FailureStopping, err: h2push.ErrClosed}
	}
	if t.token != "" && now.Before(t.until) {
		defer t.mu.Unlock()
		return t.token, nil
	}
	if t.failed != nil && now.Sub(t.failedAt) < t.retryWait && now.Sub(t.failedAt) >= 0 {
		defer t.mu.Unlock()
		return "", t.failed // asking again at once would bring the same, for each waiting wake anew
	}
	f := t.underWay
	if f == nil {
		f = &fetching{done: make(chan struct{})}
		t.underWay = f
		t.work.Go(func() { t.fetch(f) })
	}
	t.mu.Unlock()
	select {
	case <-f.done:
		return f.token, f.err
	case <-ctx.Done():
		return "", t.lost(context.Cause(ctx))
	}
}

// drop is called when FCM refused a token: the next get requests a new one, unless one has come meanwhile.
func (t *tokens) drop(refused push.Secret) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.token == refused {
		t.token = ""
	}
}

// fetch makes the request that is under way, and gives its result to all who wait.
func (t *tokens) fetch(f *fetching) {
	token, life, err := t.ask()
	t.mu.Lock()
	defer t.mu.Unlock()
	f.token, f.err = token, err
	t.failed, t.failedAt = err, t.now()
	if err == nil {
		t.token = token
		t.until = t.now().Add(life - min(renewBefore, life/10))
	}
	t.underWay = nil
	close(f.done)
}

// ask makes the request.
func (t *tokens) ask() (push.Secret, time.Duration, error) {
	assertion, err := t.account.assertion(t.now(), t.url)
	if err != nil {
		return "", 0, &OAuthError{Failure: push.FailureNotSent, Detail: "the service account: " + err.Error(), err: err}
	}
	form := url.Values{"grant_type": {grantType}, "assertion": {assertion.Reveal()}}
	req, err := http.NewRequestWithContext(t.ctx, http.MethodPost, t.url, strings.NewReader(form.Encode()))
	if err != nil {
		return "", 0, &OAuthError{Failure: push.FailureNotSent, Detail: "the token endpoint's URL is malformed", err: err}
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	resp, err := t.http.Do(req)
	if err != nil {
		return "", 0, t.lost(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxTokenBody))
	if err != nil {
		return "", 0, t.lost(fmt.Errorf("read the answer: %w", err))
	}
	token, life := parseToken(body)
	if resp.StatusCode != http.StatusOK || token == "" {
		return "", 0, t.refusal(h2push.Response{Status: resp.StatusCode, Header: h2push.HeaderOf(resp.Header), Body: body}, assertion)
	}
	return token, life, nil
}

// parseToken reads the token endpoint's answer (RFC 6749, section 5.1). A token that could not stand in a header is none.
func parseToken(body []byte) (token push.Secret, life time.Duration) {
	var b struct {
		AccessToken string      `json:"access_token"`
		ExpiresIn   json.Number `json:"expires_in"`
	}
	if json.Unmarshal(body, &b) != nil {
		return "", 0
	}
	if strings.ContainsFunc(b.AccessToken, func(r rune) bool { return r <= ' ' || r > '~' }) {
		b.AccessToken = ""
	}
	life = assertionLife // where expires_in is not said (RFC 6749 allows it), as Google usually says
	if s, err := b.ExpiresIn.Float64(); err == nil {
		life = time.Duration(min(max(s, 0), longestLife.Seconds()) * float64(time.Second))
	}
	return push.Secret(b.AccessToken), life
}

// close ends a request under way, and waits for it.
func (t *tokens) close() {
	t.mu.Lock()
	t.stop()
	t.mu.Unlock()
	t.work.Wait()
}
