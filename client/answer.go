package client

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/hushpush/hush/internal/stranger"
	"github.com/hushpush/hush/protocol"
)

// promise describes the answer to a successful operation. Any other answer is an *Error, whatever its status: between a
// client and its server there may be login pages, redirects and proxies, which answer 200 to everything.
type promise struct {
	statuses []int
	kind     string   // the body's media type; "": there is no body, and the answer has protocol.HeaderAPI
	members  []string // members of the body's JSON object, none of them null or ""
}

const (
	kindJSON    = "application/json"
	kindNDJSON  = "application/x-ndjson"
	kindEvents  = "text/event-stream"
	kindProblem = "application/problem+json"
)

// promised returns the promise of a method, unless an operation has one of its own: PUT answers 200 or 201, and without an
// answer to decode the status is 204.
func promised(method string, answers bool, members []string) promise {
	p := promise{statuses: []int{http.StatusOK}, kind: kindJSON, members: members}
	switch {
	case method == http.MethodPut:
		p.statuses = []int{http.StatusOK, http.StatusCreated}
	case !answers:
		p.statuses, p.kind = []int{http.StatusNoContent}, ""
	}
	return p
}

// check returns nil if an answer keeps the promise, and otherwise an error that says why not. It looks at the body only if a
// JSON object is promised.
func (p promise) check(resp *http.Response, body []byte) error {
	if err := p.checkHead(resp); err != nil || p.kind != kindJSON {
		return err
	}
	if why := stranger.Lacks(body, p.members); why != "" {
		return p.mismatch(resp, why)
	}
	return nil
}

// checkHead does what check does, for status and header alone.
func (p promise) checkHead(resp *http.Response) error {
	switch kind := stranger.MediaType(resp.Header); {
	case !slices.Contains(p.statuses, resp.StatusCode):
		return p.mismatch(resp, "")
	case p.kind == "" && resp.Header.Get(protocol.HeaderAPI) == "":
		return p.mismatch(resp, "the header "+protocol.HeaderAPI+", which Hush sends, is missing")
	case p.kind != "" && kind != p.kind:
		return p.mismatch(resp, "")
	}
	return nil
}

// mismatch returns the error for an answer of success that cannot be Hush's.
func (p promise) mismatch(resp *http.Response, why string) error {
	want := make([]string, len(p.statuses))
	for i, s := range p.statuses {
		want[i] = fmt.Sprint(s)
	}
	wanted := strings.Join(want, " or ")
	if p.kind != "" {
		wanted += " with " + p.kind
	}
	if why != "" {
		wanted += "; " + why
	}
	return &Error{Status: resp.StatusCode, Detail: notHush(mediaName(stranger.MediaType(resp.Header)), wanted)}
}

// notHush returns the detail of an error about somebody else's answer: what it is, and what Hush would have sent.
func notHush(got, want string) string {
	return fmt.Sprintf("not an answer of Hush: it came with %s, want %s. Something else answers at this address; nothing is known to have been done", got, want)
}

// mediaName returns a media type for people to read.
func mediaName(kind string) string {
	if kind == "" {
		return "no content type"
	}
	return kind
}

// redirected returns the error for a redirect. No redirect is followed: the caller chooses the address, and the key is meant
// only for that address.
func redirected(resp *http.Response, path string) *Error {
	e := &Error{Status: resp.StatusCode, Redirect: stranger.RedirectBase(resp, path)}
	if e.Redirect == "" {
		e.Detail = "a redirect to no address that a server could have; it is not followed"
		return e
	}
	e.Detail = fmt.Sprintf("a redirect, which is not followed; if the server is at %s, use that as its address", e.Redirect)
	return e
}
