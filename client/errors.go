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

// ErrUnreachable says that no answer came: the server is down, its name or certificate is wrong, the connection was lost, or
// ctx ended. Whether the server processed the request is unknown.
var ErrUnreachable = errors.New("server not reached")

// Error is a refusal by the server, or an answer of somebody else in its place: see Code. Callers branch on Code, which is
// stable; the text is for people.
type Error struct {
	Status     int                     // HTTP
	Code       string                  // such as not_found; "" if something other than Hush answered, with whatever status
	Detail     string                  // for people
	Fields     []protocol.ProblemField // which fields are at fault, what is wrong, what would be right
	RetryAfter time.Duration           // the wait that the server asked for; 0 if it did not
	Redirect   string                  // the server address that a redirect names: scheme, host, and a path if there is one; "" for none
}

// Error returns everything that the server said, each fault once: a single fault on the same line, several on a line each.
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

// HasCode reports whether err is a refusal by the server with this code.
func HasCode(err error, code string) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == code
}

// problemError returns the Error for a problem, such as that of an item in a batch or an import.
func problemError(p *protocol.Problem) *Error {
	detail := p.Detail
	if detail == "" {
		detail = p.Title
	}
	return &Error{Status: p.Status, Code: string(p.Code), Detail: detail, Fields: p.Errors}
}

// refused returns the Error for an answer whose status is not 2xx, and nil for others. body is the part of the answer that
// was read.
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
		e.Detail = notHush(mediaName(kind), kindProblem)
	case p.Code == "":
		e.Detail = notHush(mediaName(kind)+" without a code", kindProblem+" with one")
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
