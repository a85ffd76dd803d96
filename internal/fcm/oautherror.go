package fcm

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/url"
	"strings"

	"github.com/hushpush/hush/internal/h2push"
	"github.com/hushpush/hush/internal/provider"
	"github.com/hushpush/hush/push"
)

// mayQuote reports whether the answers of a token endpoint may be quoted: Google's may, and the operator's. A service account may
// name another, and its owner must not read through us the answers of a host that only we can reach.
func (c *Client) mayQuote(tokenURL string) bool {
	u, err := url.Parse(tokenURL)
	if err != nil {
		return false
	}
	return c.cfg.TokenURL != "" || c.tokenHosts.origins[originOf(u)]
}

// host returns the place where access tokens are requested, in the words of a detail.
func (t *tokens) host() string {
	u, err := url.Parse(t.url)
	if err != nil {
		return "token endpoint"
	}
	return "token endpoint " + u.Host
}

// lost returns the error for a request that brought no answer. What a host that may not be quoted has shown of itself, such as a certificate's names, is
// left out.
func (t *tokens) lost(err error) *OAuthError {
	e := &OAuthError{Failure: h2push.FailureOf(err), err: err}
	why := strings.ReplaceAll(string(e.Failure), "_", " ")
	if t.mayQuote || e.Failure == push.FailureTimeout {
		why = provider.Cause(err)
	}
	e.Detail = provider.Detail(t.host()+": "+why, push.MaxDetailBytes)
	return e
}

// refusal returns what an answer without a token means: OAuth's own (RFC 6749, section 5.2), Google's, or a stranger's.
func (t *tokens) refusal(resp h2push.Response, assertion push.Secret) *OAuthError {
	e := &OAuthError{Status: resp.Status, retryAfter: provider.RetryAfter(resp.Header, t.now())}
	reason, text := oauthReason(resp.Body)
	if r := parseRefusal(resp.Status, resp.Body); reason == "" && r.own && t.mayQuote {
		reason, text = r.reason(), r.message
	}
	switch {
	case resp.Status >= 400 && reason != "":
		e.Reason = reason
	case t.mayQuote:
		stranger := provider.Stranger(push.FCM, resp, t.now(), 0, provider.Secrets{Access: assertion})
		e.Failure, text = push.FailureStranger, stranger.Answer.Detail
	default:
		e.Failure = push.FailureStranger
	}
	if !t.mayQuote {
		text = kindOf(resp)
	}
	e.Detail = provider.Detail(t.host()+": "+text, push.MaxDetailBytes, assertion.Reveal())
	return e
}

// oauthReason reads OAuth's error and its description. An error is a word of lower-case letters; anything else is a page's.
func oauthReason(body []byte) (reason, description string) {
	var b struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if json.Unmarshal(body, &b) != nil || provider.Word(b.Error) != strings.ToLower(b.Error) {
		return "", ""
	}
	return b.Error, b.Description
}

// kindOf returns the kind of a page, and nothing of its content.
func kindOf(resp h2push.Response) string {
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("content-type"))
	switch {
	case kind == "application/json":
		return "answered JSON"
	case kind == "text/html":
		return "answered HTML"
	case len(resp.Body) == 0:
		return "answered without a body"
	}
	return "answered something else"
}

// withoutToken returns the result of a wake for which there is no access token. FCM has not seen it.
func (c Config) withoutToken(err error) provider.Result {
	e := &push.WakeError{Fault: push.FaultProvider, RetryAfter: provider.Jittered(c.RetryWait), Err: fmt.Errorf("fcm: %w", err)}
	out := provider.Result{Answer: push.Answer{Provider: push.FCM, Error: push.FailureOther}, Refused: e, Shared: true}
	var refused *OAuthError
	if errors.As(err, &refused) {
		out.Answer.Status, out.Answer.Reason, out.Answer.Error, out.Answer.Detail = refused.Status, refused.Reason, refused.Failure, refused.Detail
		e.Reason, e.RetryAfter = refused.Reason, max(e.RetryAfter, refused.retryAfter)
		if refused.refused() {
			e.Fault, e.RetryAfter = push.FaultCredentials, 0
		}
	}
	return out
}
