package provider

import (
	"errors"
	"net/http"
	"time"

	"github.com/hushpush/hush/internal/h2push"
	"github.com/hushpush/hush/push"
)

// strangerWait is how long a wake waits after a stranger's answer, unless the room's own wait is shorter, or
// Retry-After asks for another. Delivery doubles it from try to try.
const strangerWait = 10 * time.Second

// Stranger returns the result of an answer that is not the provider's own, but that of a proxy, a captive portal, or another server
// under its name. It says nothing of the token, the credential or the push, so that nothing is dropped and the wake goes out
// again. The result is unclear if the request may have been passed on.
func Stranger(p push.Provider, resp h2push.Response, now time.Time, wait time.Duration, secrets Secrets) Result {
	e := &push.WakeError{Fault: push.FaultProvider, RetryAfter: RetryAfter(resp.Header, now), Unclear: passedOn(resp.Status), Err: errStranger}
	if e.RetryAfter == 0 {
		e.RetryAfter = Jittered(min(wait, strangerWait))
	}
	return Result{
		Answer:  push.Answer{Provider: p, Status: resp.Status, Error: push.FailureStranger, Detail: quote(resp, secrets.reveal())},
		Refused: e,
	}
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

// quote returns a stranger's content type and the beginning of its page.
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
