package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hushpush/hush/internal/bucket"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// The codes of problems, as they are called here.
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

// problemType is the media type of errors (RFC 9457).
const problemType = "application/problem+json"

// retryAfterSeconds is what 503 asks for where nobody knows better.
const retryAfterSeconds = 1

// refusal is a problem on its way to the client. It is a huma.StatusError, so that handlers can return it.
type refusal struct {
	protocol.Problem
	wait time.Duration // until it may be tried again; 0: retryAfterSeconds
}

func newProblem(status int, code protocol.ProblemCode, detail string) *refusal {
	return &refusal{Problem: protocol.Problem{Title: http.StatusText(status), Status: status, Code: code, Detail: detail}}
}

// after says when it may be tried again.
func (p *refusal) after(wait time.Duration) *refusal {
	p.wait = wait
	return p
}

// Error is for logs: status, code and detail, which carry no secrets.
func (p *refusal) Error() string { return fmt.Sprintf("%d %s: %s", p.Status, p.Code, p.Detail) }

// Schema is a problem's, for huma.
func (*refusal) Schema(r huma.Registry) *huma.Schema { return schemaOf[protocol.Problem](r) }

// GetStatus is the HTTP status, for huma.
func (p *refusal) GetStatus() int { return p.Status }

// ContentType is the media type of errors, for huma.
func (p *refusal) ContentType(string) string { return problemType }

// GetHeaders are those that belong to the status, for huma.
func (p *refusal) GetHeaders() http.Header {
	h := http.Header{}
	switch p.Status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", `Bearer realm="hush"`)
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		h.Set("Retry-After", strconv.Itoa(max(retryAfterSeconds, bucket.Seconds(p.wait))))
	}
	return h
}

// init makes problems of what Huma itself refuses, so that every error has the one shape. Lists are never null here.
func init() {
	huma.NewError = func(status int, message string, errs ...error) huma.StatusError {
		switch {
		case status == http.StatusUnprocessableEntity:
			return newProblem(status, codeInvalid, message)
		case status >= 400 && status < 500:
			return newProblem(status, codeBadJSON, message)
		}
		return newProblem(status, codeInternal, "the server could not answer; its log says why")
	}
	huma.DefaultArrayNullable = false
}

// faults are the fields at fault of one request, by their full locations (body.to.users[3]). Of each location the first
// fault counts, and what is missing or of the wrong type has no faults inside: what only follows is not worth telling. There
// are at most maxFaults.
type faults []push.FieldError

// maxFaults bounds an answer, and the work on it: a body of 10 000 bad ids need not be told all of them.
const maxFaults = 100

func (f *faults) add(location string, code push.Code, format string, args ...any) {
	if len(*f) < maxFaults && !f.has(location) {
		*f = append(*f, push.FieldError{Location: location, Code: code, Message: fmt.Sprintf(format, args...)})
	}
}

// has tells whether a location, or what it is part of, is known to be at fault.
func (f *faults) has(location string) bool {
	return slices.ContainsFunc(*f, func(e push.FieldError) bool {
		rest, within := strings.CutPrefix(location, e.Location)
		if !within || rest == "" {
			return within
		}
		return (e.Code == push.CodeWrongType || e.Code == push.CodeRequired) && (rest[0] == '.' || rest[0] == '[')
	})
}

// take adds the field errors in err, a domain's answer to a check, under a prefix such as "body.". Any other error is given
// back.
func (f *faults) take(prefix string, err error) error {
	var fields push.FieldErrors
	if !errors.As(err, &fields) {
		return err
	}
	for _, e := range fields {
		location := strings.TrimSuffix(prefix+e.Location, ".")
		if strings.HasPrefix(e.Location, "query.") {
			location = e.Location // the store's word on a cursor
		}
		f.add(location, e.Code, "%s", e.Message)
	}
	return nil
}

// err is the problem that tells them; nil if there are none.
func (f faults) err() error {
	if len(f) == 0 {
		return nil
	}
	p := newProblem(http.StatusUnprocessableEntity, codeInvalid, "")
	for _, e := range f {
		p.Errors = append(p.Errors, protocol.ProblemField{Location: e.Location, Code: e.Code, Message: e.Message})
	}
	p.Detail = fmt.Sprintf("%s %s", f[0].Location, f[0].Message)
	if more := len(f) - 1; more > 0 {
		p.Detail += fmt.Sprintf("; and %d more", more)
	}
	return p
}

// problemOf makes the problem of any error: the one place where errors get their status and code. Nothing of an unexpected
// error is shown; it is logged by the caller.
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
		_ = f.take("body.", fields)
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

// unauthenticatedDetail keeps what auth said of a token; it never shows the token.
func unauthenticatedDetail(err error) string {
	if _, why, ok := strings.Cut(err.Error(), push.ErrUnauthenticated.Error()+": "); ok {
		return why
	}
	return "the secret is missing, unknown, or of another kind; want a server key or a user token in Authorization: Bearer, a device's credential in Hush-Device"
}

// notFound names what the path names.
func notFound(what, name string) error {
	return newProblem(http.StatusNotFound, codeNotFound, fmt.Sprintf("there is no %s %s", what, strconv.Quote(name)))
}

// missing turns push.ErrNotFound into a problem that names the thing; any other error stays.
func missing(err error, what, name string) error {
	if errors.Is(err, push.ErrNotFound) {
		return notFound(what, name)
	}
	return err
}

// writeProblem answers with a problem.
func writeProblem(w http.ResponseWriter, p *refusal) {
	for name, values := range p.GetHeaders() {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", problemType)
	w.WriteHeader(p.Status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	_ = e.Encode(p.Problem) // a client that has gone reads no answer
}
