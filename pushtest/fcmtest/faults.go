package fcmtest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/hushpush/hush/pushtest/internal/h2sim"
	"github.com/hushpush/hush/pushtest/internal/simkit"
)

// The endpoints that a fault may be for.
const (
	endpointSend  = "send"
	endpointOAuth = "oauth"
	endpointOther = "other" // in the ledger only
)

// What faults do; see the control API for each.
const (
	Answer       = simkit.Answer
	Delay        = simkit.Delay
	GoAway       = simkit.GoAway
	CutOff       = simkit.Close
	HalfOpen     = simkit.HalfOpen
	TakeAndClose = simkit.TakeAndClose
	Lose         = simkit.Lose
	Twice        = simkit.Twice
	Throttle     = simkit.Throttle
)

// Wait is a span in a fault.
type Wait = simkit.Duration

// checkFault refuses what means nothing for a token request: it delivers nothing.
func checkFault(f Fault) (field, message string) {
	if f.Match.Endpoint != endpointOAuth {
		return "", ""
	}
	switch {
	case slices.Contains([]simkit.Do{simkit.Lose, simkit.Twice, simkit.Throttle}, f.Do):
		return "do", "means nothing at the endpoint oauth, which delivers no message"
	case f.Match.Token != "":
		return "match.token", "means nothing at the endpoint oauth, which knows no device"
	}
	return "", ""
}

// spoiled returns what a fault of kind answer makes: the raw body, or the usual one for its status and reason.
func spoiled(f *Fault, endpoint string) answer {
	a := answer{status: f.Status, reason: f.ReasonText()}
	switch {
	case f.Body != nil:
		a.body = f.RawBody()
		a.header = [][2]string{{"content-type", contentType(a.body)}}
		if a.status == 0 {
			a.status = 200
		}
	case f.Status == 502 && f.Reason == nil:
		a = htmlPage(502)
	case endpoint == endpointOAuth:
		word := f.ReasonText()
		if word == "" {
			word = usualOAuthError(f.Status)
		}
		a = (&oauthError{Error: word, Description: "Answered by a fault of the simulator."}).answer()
		a.status = f.Status
	default:
		code := ErrorCode(f.ReasonText())
		if f.Reason == nil {
			code = usualCode[f.Status]
		}
		r := refusal{status: f.Status, code: code, message: cmp.Or(codeMessage[code], statusMessage[f.Status], "The request was refused."),
			challenge: f.Status == 401 && code == ""}
		if code == QuotaExceeded {
			r.quota = "fault"
		}
		a = r.answer()
	}
	if n := f.RetryAfterSeconds(); n > 0 {
		a.retryAfter(n)
	}
	return a
}

// usualOAuthError returns the error that a status goes with, in RFC 6749's words (sections 4.1.2.1 and 5.2).
func usualOAuthError(status int) string {
	switch {
	case status == http.StatusUnauthorized:
		return "invalid_client"
	case status == http.StatusForbidden:
		return "access_denied"
	case status == http.StatusServiceUnavailable:
		return "temporarily_unavailable"
	case status >= 500:
		return "server_error"
	}
	return "invalid_request"
}

func contentType(body []byte) string {
	switch {
	case json.Valid(body):
		return "application/json; charset=UTF-8"
	case bytes.HasPrefix(bytes.TrimSpace(body), []byte("<")):
		return "text/html; charset=UTF-8"
	}
	return "text/plain; charset=UTF-8"
}

func (a *answer) retryAfter(seconds int) {
	a.header = append(a.header, [2]string{"retry-after", strconv.Itoa(seconds)})
}

// delay waits in real time; it reports false if the client gave up meanwhile.
func delay(r *h2sim.Request, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-r.Context().Done():
		return false
	}
}
