package sdk

import (
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
	if !stranger.IsSuccess(resp.StatusCode) {
		return refusal(resp, body)
	}
	promise := stranger.Promise{Statuses: []int{http.StatusNoContent}}
	if answers {
		promise = stranger.Promise{Statuses: []int{http.StatusOK}, Kind: stranger.KindJSON, Members: members}
	}
	m := promise.Check(resp, body)
	if m == nil {
		return nil
	}
	e := &Error{Status: resp.StatusCode, Detail: m.Got + ", want " + m.Want}
	switch {
	case m.Header != "":
		e.Detail = fmt.Sprintf("the header %s is missing", m.Header)
	case m.Body != "":
		e.Detail = m.Body
	}
	return e
}

// refusal returns what an answer says that is not a success, of a call or of a session's handshake. Only Hush's problems have
// a code, on which the client acts. Of a redirect's address it names scheme and host, which is all that Config.Server needs.
func refusal(resp *http.Response, body []byte) *Error {
	r := stranger.Refused(resp, "", body)
	e := &Error{Status: resp.StatusCode, RetryAfter: min(r.RetryAfter, maxRetryAfter), Detail: r.AddressAdvice("Config.Server")}
	switch {
	case r.Problem != nil:
		e.Code, e.Detail = string(r.Problem.Code), stranger.Detail(r.Problem)
		for _, f := range r.Problem.Errors {
			e.Detail += fmt.Sprintf("; %s: %s", f.Location, f.Message)
		}
	case e.Detail != "":
	case r.IsRedirect:
		e.Detail = "a redirect, which is not followed"
	default:
		e.Detail = r.Got + ", want " + stranger.KindProblem + " with a code"
	}
	return e
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
