package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/hushpush/hush/internal/bucket"
	"github.com/hushpush/hush/internal/rest"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// Short names for the codes of problems.
const (
	codeBadJSON         = protocol.ProblemBadJSON
	codeUnauthenticated = protocol.ProblemUnauthenticated
	codeTokenExpired    = protocol.ProblemTokenExpired
	codeRegisterAgain   = protocol.ProblemRegisterAgain
	codeForbidden       = protocol.ProblemForbidden
	codeDeviceTaken     = protocol.ProblemDeviceTaken
	codeNotFound        = protocol.ProblemNotFound
	codeMethod          = protocol.ProblemMethod
	codeConflict        = protocol.ProblemConflict
	codeBodyTooLarge    = protocol.ProblemBodyTooLarge
	codeInvalid         = protocol.ProblemInvalid
	codeRateLimited     = protocol.ProblemRateLimited
	codeUnavailable     = protocol.ProblemUnavailable
	codeBacklogFull     = protocol.ProblemBacklogFull
	codeInternal        = protocol.ProblemInternal
)

// retryAfterSeconds is the Retry-After of 503 where the error has none.
const retryAfterSeconds = 1

// refusal is a problem with what its headers need. It is an error, so that handlers can return it.
type refusal struct {
	protocol.Problem
	wait time.Duration // until the client may try again; 0: retryAfterSeconds
}

func newProblem(status int, code protocol.ProblemCode, detail string) *refusal {
	return &refusal{Problem: protocol.Problem{Title: http.StatusText(status), Status: status, Code: code, Detail: detail}}
}

// after sets when the client may try again.
func (p *refusal) after(wait time.Duration) *refusal {
	p.wait = wait
	return p
}

// Error returns status, code and detail, which carry no secrets, for logs.
func (p *refusal) Error() string { return fmt.Sprintf("%d %s: %s", p.Status, p.Code, p.Detail) }

// setHeaders sets the headers that belong to the status.
func (p *refusal) setHeaders(h http.Header) {
	switch p.Status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", `Bearer realm="hush"`)
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		h.Set("Retry-After", strconv.Itoa(max(retryAfterSeconds, bucket.Seconds(p.wait))))
	}
}

// problemOf turns any error into a problem: it is the one place where errors get their status and code. It shows nothing of an
// unexpected error; the caller logs it.
func problemOf(err error) *refusal {
	var p *refusal
	var fields push.FieldErrors
	var full *push.BacklogFull
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &full):
		return newProblem(http.StatusServiceUnavailable, codeBacklogFull, full.Error()+"; nothing was accepted, come back after Retry-After").after(full.RetryAfter)
	case errors.As(err, &fields):
		var f faults
		_ = f.addFrom("body.", fields)
		return problemOf(f.err())
	case errors.Is(err, push.ErrTokenExpired):
		return newProblem(http.StatusUnauthorized, codeTokenExpired, "the user token has expired; want a new one")
	case errors.Is(err, push.ErrRegisterAgain):
		return newProblem(http.StatusUnauthorized, codeRegisterAgain, "the device credential is unknown or void; register again")
	case errors.Is(err, push.ErrUnauthenticated):
		return newProblem(http.StatusUnauthorized, codeUnauthenticated, unauthenticatedDetail(err))
	case errors.Is(err, push.ErrDeviceTaken):
		return newProblem(http.StatusForbidden, codeDeviceTaken, "the device is registered, and its credential was not given, or another phone uses the device too, as after a restored backup; want its credential, or another device id")
	case errors.Is(err, push.ErrForbidden):
		return newProblem(http.StatusForbidden, codeForbidden, "this key or token may not do this")
	case errors.Is(err, push.ErrNotFound):
		return newProblem(http.StatusNotFound, codeNotFound, "there is no such thing")
	case errors.Is(err, push.ErrTooManyDevices):
		return newProblem(http.StatusConflict, codeConflict,
			"the user has as many devices as limits.devices_per_user allows, and each was heard within the last 7 days; want one of them unregistered first")
	case errors.Is(err, push.ErrConflict):
		return newProblem(http.StatusConflict, codeConflict, "what is there does not allow it")
	case errors.Is(err, push.ErrUnavailable), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return newProblem(http.StatusServiceUnavailable, codeUnavailable, "the server cannot answer now; try again")
	}
	return newProblem(http.StatusInternalServerError, codeInternal, "the server could not answer; its log says why")
}

// unauthenticatedDetail says what is wrong with a token, if the error says so; it never shows the token.
func unauthenticatedDetail(err error) string {
	var bad interface{ Wrong() string }
	if errors.As(err, &bad) {
		return bad.Wrong()
	}
	return "the secret is missing, unknown, or of another kind; want a server key or a user token in Authorization: Bearer, a device's credential in Hush-Device"
}

// notFound returns the 404 for what the path names.
func notFound(what, name string) error {
	return newProblem(http.StatusNotFound, codeNotFound, fmt.Sprintf("there is no %s %s", what, strconv.Quote(name)))
}

// missing turns push.ErrNotFound into a problem that names the thing; it returns any other error unchanged.
func missing(err error, what, name string) error {
	if errors.Is(err, push.ErrNotFound) {
		return notFound(what, name)
	}
	return err
}

// writeProblem answers with a problem.
func writeProblem(w http.ResponseWriter, p *refusal) {
	p.setHeaders(w.Header())
	rest.WriteProblem(w, p.Status, string(p.Code), p.Problem)
}
