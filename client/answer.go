package client

import (
	"fmt"
	"net/http"

	"github.com/hushpush/hush/internal/stranger"
	"github.com/hushpush/hush/protocol"
)

// The media types of answers that come piece by piece.
const (
	kindNDJSON = "application/x-ndjson"
	kindEvents = "text/event-stream"
)

// promised returns the promise of a method, unless an operation has one of its own: PUT answers 200 or 201, and without an
// answer to decode the status is 204.
func promised(method string, answers bool, members []string) stranger.Promise {
	p := stranger.Promise{Statuses: []int{http.StatusOK}, Kind: stranger.KindJSON, Members: members}
	switch {
	case method == http.MethodPut:
		p.Statuses = []int{http.StatusOK, http.StatusCreated}
	case !answers:
		p.Statuses, p.Kind = []int{http.StatusNoContent}, ""
	}
	return p
}

// broken returns the *Error for an answer of success that breaks its promise, which cannot be Hush's; nil for nil.
func broken(resp *http.Response, m *stranger.Mismatch) error {
	if m == nil {
		return nil
	}
	want := m.Want
	switch {
	case m.Header != "":
		want += "; the header " + m.Header + ", which Hush sends, is missing"
	case m.Body != "":
		want += "; " + m.Body
	}
	return &Error{Status: resp.StatusCode, Detail: notHush(m.Got, want)}
}

// refused returns the Error for an answer whose status is not 2xx, and nil for others. body is the part of the answer that
// was read. No redirect is followed: the caller chooses the address, and the key is meant only for that address.
func refused(resp *http.Response, path string, body []byte) *Error {
	if stranger.IsSuccess(resp.StatusCode) {
		return nil
	}
	r := stranger.Refused(resp, path, body)
	e := &Error{Status: resp.StatusCode}
	advice := r.AddressAdvice("its address")
	switch {
	case r.Problem != nil:
		e = problemError(r.Problem)
	case advice != "":
		e.Detail = advice
	case r.IsRedirect:
		e.Detail = "a redirect to no address that a server could have; it is not followed"
	case r.NoCode:
		e.Detail = notHush(r.Got+" without a code", stranger.KindProblem+" with one")
	default:
		e.Detail = notHush(r.Got, stranger.KindProblem)
	}
	if r.PathAdvice != "" {
		e.Detail += "; " + r.PathAdvice
	}
	e.Redirect, e.RetryAfter = r.Redirect, r.RetryAfter
	return e
}

// notHush returns the detail of an error about somebody else's answer: what it is, and what Hush would have sent.
func notHush(got, want string) string {
	return fmt.Sprintf("not an answer of Hush: it came with %s, want %s. Something else answers at this address; nothing is known to have been done", got, want)
}

// problemError returns the Error for a problem, such as that of an item in a batch or an import.
func problemError(p *protocol.Problem) *Error {
	return &Error{Status: p.Status, Code: string(p.Code), Detail: stranger.Detail(p), Fields: p.Errors}
}
