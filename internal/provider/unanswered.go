package provider

import (
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/hushpush/hush/internal/h2push"
	"github.com/hushpush/hush/push"
)

// NoAnswer returns the result of a request that brought no answer, for an error of h2push. The wake goes out again after wait, at the
// earliest.
func NoAnswer(p push.Provider, err error, wait time.Duration, secrets Secrets) Result {
	e := &push.WakeError{Fault: push.FaultProvider, RetryAfter: wait, Err: fmt.Errorf("%s: %w", p, err)}
	var lost *h2push.Error
	if errors.As(err, &lost) {
		e.Unclear, e.Reason = lost.Sent, Word(lost.Reason)
		e.RetryAfter = max(e.RetryAfter, lost.RetryAfter)
	}
	answer := Lost(p, err, secrets)
	answer.Reason = e.Reason
	return Result{Answer: answer, Refused: e}
}

// Lost returns an answer that says why none came, for an error of h2push or net/http.
func Lost(p push.Provider, err error, secrets Secrets) push.Answer {
	return push.Answer{Provider: p, Error: h2push.FailureOf(err), Detail: Detail(Cause(err), push.MaxDetailBytes, secrets.reveal()...)}
}

// NotSent returns an answer that says why nothing was sent, such as for want of a valid credential.
func NotSent(p push.Provider, why string) push.Answer {
	return push.Answer{Provider: p, Error: push.FailureNotSent, Detail: Detail(why, push.MaxDetailBytes)}
}

// NoCredentials is the reason of a WakeError where an app has no credential stored.
const NoCredentials = string(push.ReasonNoCredentials)

// NoCredential returns an answer that says why the app's credential is missing, for an error of Senders.Of.
func NoCredential(p push.Provider, err error) push.Answer { return noCredential(p, err).Answer }

func noCredential(p push.Provider, err error) Result {
	var invalid push.FieldErrors
	switch {
	case errors.Is(err, push.ErrNotFound):
		return Result{
			Answer:  NotSent(p, "the app has no credential stored for it"),
			Refused: &push.WakeError{Fault: push.FaultCredentials, Reason: NoCredentials},
		}
	case errors.As(err, &invalid):
		return Result{
			Answer:  NotSent(p, "the stored credential: "+invalid.Error()),
			Refused: &push.WakeError{Fault: push.FaultCredentials, Err: fmt.Errorf("the stored credential: %w", err)},
		}
	}
	return Result{
		Answer:  NotSent(p, "the app's credential could not be looked up"),
		Refused: &push.WakeError{Fault: push.FaultProvider, RetryAfter: Soon(), Err: err},
	}
}

// Cause returns an error's text without what was wrapped around an error of h2push or net/http, such as a URL.
func Cause(err error) string {
	var lost *h2push.Error
	var asked *url.Error
	switch {
	case errors.As(err, &lost):
		return lost.Error()
	case errors.As(err, &asked):
		return asked.Err.Error()
	}
	return err.Error()
}
