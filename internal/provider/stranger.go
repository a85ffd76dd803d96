package provider

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hushpush/hush/internal/h2push"
	"github.com/hushpush/hush/push"
)

// strangerWait is how long a wake waits after somebody else answered it, unless the room's own wait is shorter, or
// Retry-After asks for another. Delivery doubles it from try to try.
const strangerWait = 10 * time.Second

// Stranger is what an answer means that does not look like the provider's: of a proxy, a captive portal, or another server
// under its name. Whatever it says, it says nothing of the token, the credential or the push, so that nothing is dropped and
// the wake goes out again. It is unclear where the request may have been passed on.
func Stranger(p push.Provider, resp h2push.Response, now time.Time, wait time.Duration, secrets ...string) (push.Answer, *push.WakeError) {
	a := push.Answer{Provider: p, Status: resp.Status, Error: push.FailureStranger, Detail: quote(resp, secrets)}
	e := &push.WakeError{Fault: push.FaultProvider, RetryAfter: RetryAfter(resp.Header, now), Unclear: passedOn(resp.Status), Err: errStranger}
	if e.RetryAfter == 0 {
		e.RetryAfter = Jittered(min(wait, strangerWait))
	}
	return a, e
}

var errStranger = errors.New("somebody answered who is not the provider")

// passedOn reports whether a stranger with this status may have passed the request on: one that claims success, or one that
// waited for an answer in vain.
func passedOn(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return status >= 200 && status < 300
}

// quote is a stranger's content type and the beginning of its page.
func quote(resp h2push.Response, secrets []string) string {
	kind := Detail(resp.Header.Get("content-type"), 60, secrets...)
	if kind == "" {
		kind = "no content type"
	}
	page := Detail(string(resp.Body), excerptBytes, secrets...)
	if page == "" {
		return kind + ", no body"
	}
	return kind + ": " + page
}

// Lost is the answer where none came, for an error of h2push or net/http.
func Lost(p push.Provider, err error, secrets ...string) push.Answer {
	return push.Answer{Provider: p, Error: h2push.FailureOf(err), Detail: Detail(Cause(err), push.MaxDetailBytes, secrets...)}
}

// NotSent is the answer where nothing could be sent, for want of a good credential.
func NotSent(p push.Provider, why string) push.Answer {
	return push.Answer{Provider: p, Error: push.FailureNotSent, Detail: Detail(why, push.MaxDetailBytes)}
}

// NoCredentials is the reason of a WakeError where an app has no credential stored.
const NoCredentials = string(push.ReasonNoCredentials)

// NoCredential is what it means that an app's credential could not be had, for an error of h2push.Senders.
func NoCredential(p push.Provider, err error) (push.Answer, *push.WakeError) {
	var wrong push.FieldErrors
	switch {
	case errors.Is(err, push.ErrNotFound):
		return NotSent(p, "the app has no credential stored for it"), &push.WakeError{Fault: push.FaultCredentials, Reason: NoCredentials}
	case errors.As(err, &wrong):
		return NotSent(p, "the stored credential: "+wrong.Error()), &push.WakeError{Fault: push.FaultCredentials, Err: fmt.Errorf("the stored credential: %w", err)}
	}
	return NotSent(p, "the app's credential could not be looked up"), &push.WakeError{Fault: push.FaultProvider, Err: err}
}

// Cause is an error's text without what h2push and net/http put before it: a package's name, a URL.
func Cause(err error) string {
	var lost *h2push.Error
	var asked *url.Error
	switch {
	case errors.As(err, &lost):
		reason := ""
		if lost.Reason != "" {
			reason = " (" + lost.Reason + ")"
		}
		return strings.TrimPrefix(lost.Err.Error(), "h2push: ") + reason
	case errors.As(err, &asked):
		return asked.Err.Error()
	}
	return err.Error()
}

// Word is s if it can be a reason or a code as providers spell them: up to 64 letters and underscores. Of anything else it
// is "": a reason is told as it stands, and must not be a token that a stranger has read in a request.
func Word(s string) string {
	if len(s) > 64 {
		return ""
	}
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r != '_' {
			return ""
		}
	}
	return s
}
