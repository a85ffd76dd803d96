package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/hushpush/hush/internal/stranger"
	"github.com/hushpush/hush/protocol"
)

// ErrUnreachable says that no answer came: the server is down, its name or certificate is wrong, the connection was lost or
// ctx ran out. Whether the server did what was asked is unknown.
var ErrUnreachable = errors.New("server not reached")

// Error is the server's refusal, or the answer of somebody else in its place: see Code. Callers branch on Code, which is
// stable; the words are for people.
type Error struct {
	Status     int                     // HTTP
	Code       string                  // such as not_found; "" when something else than Hush answered, with whatever status
	Detail     string                  // for people
	Fields     []protocol.ProblemField // which fields are at fault, what is wrong, what would be right
	RetryAfter time.Duration           // what the server asked to wait; 0 if it did not
	Redirect   string                  // the address that a redirect names: scheme, host, and a path if it keeps one; "" for none
}

// Error says all that the server said, each fault once: a single one on the same line, several a line each.
func (e *Error) Error() string {
	var b strings.Builder
	code := e.Code
	if code == "" {
		code = http.StatusText(e.Status)
	}
	fmt.Fprintf(&b, "%d %s", e.Status, code)
	if e.Detail != "" && !e.sumsUp() {
		fmt.Fprintf(&b, ": %s", e.Detail)
	}
	before := "\n  "
	if len(e.Fields) == 1 && e.sumsUp() {
		before = ": "
	}
	for _, f := range e.Fields {
		fmt.Fprintf(&b, "%s%s: %s (%s)", before, f.Location, f.Message, f.Code)
	}
	return b.String()
}

// sumsUp reports whether Detail says nothing that Fields do not say: it is empty, or begins with the first of them.
func (e *Error) sumsUp() bool {
	return e.Detail == "" || len(e.Fields) > 0 && strings.HasPrefix(e.Detail, e.Fields[0].Location+" ")
}

// HasCode tells whether err is a refusal by the server with that code.
func HasCode(err error, code string) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == code
}

// problemError makes an Error of an item's problem, as batches and imports carry them.
func problemError(p *protocol.Problem) *Error {
	detail := p.Detail
	if detail == "" {
		detail = p.Title
	}
	return &Error{Status: p.Status, Code: string(p.Code), Detail: detail, Fields: p.Errors}
}

// refused is the Error of an answer that is none of the 2xx; nil of others. body is what was read of it.
func refused(resp *http.Response, path string, body []byte) *Error {
	switch {
	case resp.StatusCode >= 200 && resp.StatusCode <= 299:
		return nil
	case stranger.IsRedirect(resp.StatusCode):
		return redirected(resp, path)
	}
	e := &Error{Status: resp.StatusCode}
	var p protocol.Problem
	switch kind := stranger.MediaType(resp.Header); {
	case stranger.WantsTLS(resp.StatusCode, body):
		e.Detail = "the server speaks TLS at this port; want https:// in its address"
	case kind != kindProblem || json.Unmarshal(body, &p) != nil:
		e.Detail = strangers(came(kind), kindProblem)
	case p.Code == "":
		e.Detail = strangers(came(kind)+" without a code", kindProblem+" with one")
	default:
		p.Status = resp.StatusCode
		e = problemError(&p)
	}
	if advice := stranger.PathAdvice(resp, path, e.Detail, e.Code != ""); advice != "" {
		e.Detail += "; " + advice
	}
	if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && s > 0 {
		e.RetryAfter = time.Duration(s) * time.Second
	}
	return e
}
