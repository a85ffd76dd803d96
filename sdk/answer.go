package sdk

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/hushpush/hush/internal/stranger"
	"github.com/hushpush/hush/protocol"
)

// The client does not believe what a stranger in between could have written. Between a phone and its server stand the login
// pages of hotels, which answer 200 to everything, and proxies with refusals of their own. So an answer is the server's only
// with the status, the content type and the members that the call promises, and a refusal only as problem+json with a code.

// checkAnswer returns nil if an answer is the success of a call, and otherwise why it is not. A call with an answer promises
// 200 and a JSON object that has the members; one without promises 204 and the header that all of Hush's answers have.
func checkAnswer(resp *http.Response, body []byte, answers bool, members []string) *Error {
	not := func(format string, args ...any) *Error {
		return &Error{Status: resp.StatusCode, Detail: fmt.Sprintf(format, args...)}
	}
	switch kind := stranger.MediaType(resp.Header); {
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		return refusal(resp, body)
	case !answers && resp.StatusCode != http.StatusNoContent:
		return not("%s, want 204", describe(kind))
	case !answers && resp.Header.Get(protocol.HeaderAPI) == "":
		return not("the header %s is missing", protocol.HeaderAPI)
	case !answers:
		return nil
	case resp.StatusCode != http.StatusOK || kind != "application/json":
		return not("%s, want 200 with application/json", describe(kind))
	}
	if why := stranger.Lacks(body, members); why != "" {
		return not("%s", why)
	}
	return nil
}

// refusal returns what an answer says that is not a success, of a call or of a session's handshake. Only a problem (RFC 9457)
// has a code, on which the client acts.
func refusal(resp *http.Response, body []byte) *Error {
	e := &Error{Status: resp.StatusCode, RetryAfter: retryAfter(resp.Header)}
	kind := stranger.MediaType(resp.Header)
	var p protocol.Problem
	switch {
	case stranger.IsRedirect(resp.StatusCode):
		e.Detail = redirect(resp)
		return e
	case stranger.WantsTLS(resp.StatusCode, body):
		e.Detail = "the server speaks TLS at this port; want https:// in Config.Server"
		return e
	case kind != "application/problem+json" || json.Unmarshal(body, &p) != nil || p.Code == "":
		e.Detail = describe(kind) + ", want application/problem+json with a code"
		return e
	}
	e.Code, e.Detail = string(p.Code), p.Detail
	if e.Detail == "" {
		e.Detail = p.Title
	}
	for _, f := range p.Errors {
		e.Detail += fmt.Sprintf("; %s: %s", f.Location, f.Message)
	}
	return e
}

// redirect returns where a redirect leads: its scheme and host, which is all that Config.Server needs.
func redirect(resp *http.Response) string {
	base := stranger.RedirectBase(resp, "")
	if base == "" {
		return "a redirect, which is not followed"
	}
	return fmt.Sprintf("a redirect, which is not followed; if the server is at %s, use that as Config.Server", base)
}

func describe(kind string) string {
	if kind == "" {
		return "no content type"
	}
	return kind
}

// answersAll reports whether an answer has one result for each receipt that was sent, in the same order, as the server
// promises. Otherwise nothing is known of any receipt.
func answersAll(sent []protocol.Receipt, answers []protocol.ReceiptAnswer) bool {
	if len(sent) != len(answers) {
		return false
	}
	for i, a := range answers {
		if a.PushID != sent[i].PushID || a.Status == "" {
			return false
		}
	}
	return true
}
