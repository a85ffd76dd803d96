package client

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/hushpush/hush/internal/stranger"
	"github.com/hushpush/hush/protocol"
)

// promise is what an operation's success looks like. Anything else is an *Error, whatever its status: between a client and
// its server stand login pages, redirects and proxies, which answer 200 to everything.
type promise struct {
	statuses []int
	kind     string   // the body's media type; "": there is no body, and the answer has protocol.HeaderAPI
	members  []string // that the body's JSON object has, and not as null or ""
}

const (
	kindJSON    = "application/json"
	kindNDJSON  = "application/x-ndjson"
	kindEvents  = "text/event-stream"
	kindProblem = "application/problem+json"
)

// promised is what method's success looks like unless an operation says otherwise: PUT makes or finds, DELETE answers
// nothing where nobody asks for an answer.
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

// kept says why an answer is not what was promised; nil: it is. The body is looked at where it is a JSON object.
func (p promise) kept(resp *http.Response, body []byte) error {
	if err := p.begun(resp); err != nil || p.kind != kindJSON {
		return err
	}
	if why := stranger.Lacks(body, p.members); why != "" {
		return p.broken(resp, why)
	}
	return nil
}

// begun is kept for what stands before the body.
func (p promise) begun(resp *http.Response) error {
	switch kind := stranger.MediaType(resp.Header); {
	case !slices.Contains(p.statuses, resp.StatusCode):
		return p.broken(resp, "")
	case p.kind == "" && resp.Header.Get(protocol.HeaderAPI) == "":
		return p.broken(resp, "the header "+protocol.HeaderAPI+", which Hush sends, is missing")
	case p.kind != "" && kind != p.kind:
		return p.broken(resp, "")
	}
	return nil
}

// broken is the error for an answer with a status of success that cannot be Hush's.
func (p promise) broken(resp *http.Response, why string) error {
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
	return &Error{Status: resp.StatusCode, Detail: strangers(came(stranger.MediaType(resp.Header)), wanted)}
}

// strangers says that an answer is somebody else's: what came, and what Hush's would have been.
func strangers(came, want string) string {
	return fmt.Sprintf("not an answer of Hush: it came with %s, want %s. Something else answers at this address; nothing is known to have been done", came, want)
}

// came is a media type as people read it.
func came(kind string) string {
	if kind == "" {
		return "no content type"
	}
	return kind
}

// redirected is the error for a redirect, which is never followed: the address is the caller's to choose, and the key is
// meant for that one only.
func redirected(resp *http.Response, path string) *Error {
	e := &Error{Status: resp.StatusCode, Redirect: stranger.RedirectBase(resp, path)}
	if e.Redirect == "" {
		e.Detail = "a redirect to no address that a server could have; it is not followed"
		return e
	}
	e.Detail = fmt.Sprintf("a redirect, which is not followed; if the server is at %s, use that as its address", e.Redirect)
	return e
}
