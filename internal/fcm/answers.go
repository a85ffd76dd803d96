package fcm

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hushpush/hush/internal/h2push"
	"github.com/hushpush/hush/internal/provider"
	"github.com/hushpush/hush/push"
)

// wait says when the same wake may go out again.
type wait int

const (
	never wait = iota // not as it is: a credential, a token or a fault of ours must change first
	later             // after Config.RetryWait with jitter, or what Retry-After asks for (Google: 10 seconds at least)
	quota             // after Config.QuotaWait, or what Retry-After asks for (Google: a minute)
)

// about says what the details of a refusal point at.
type about string

const (
	anything about = ""
	token    about = "token"  // the registration token, and nothing else
	device   about = "device" // the rate of one device
)

// answer is a line of the table: what a refusal means. FCM's errorCode decides, without one the RPC status, without that
// the HTTP status; the message never does (Firebase, "ErrorCode").
type answer struct {
	status  int    // HTTP
	rpc     string // error.status
	code    string // errorCode of the FcmError; "": there is none
	about   about
	fault   push.Fault
	wait    wait
	unclear bool // it may have been delivered all the same
}

// answers are all that FCM is known to say but 200. Of two lines that fit, the first counts.
var answers = []answer{
	{400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", token, push.FaultSuspect, never, false},
	{400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", anything, push.FaultPush, never, false}, // size, keys, ttl: never the token
	{400, "INVALID_ARGUMENT", "", anything, push.FaultPush, never, false},                 // the JSON's shape
	{401, "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR", anything, push.FaultCredentials, never, false},
	{401, "UNAUTHENTICATED", "APNS_AUTH_ERROR", anything, push.FaultCredentials, never, false}, // its older name
	{401, "UNAUTHENTICATED", "", anything, push.FaultCredentials, later, false},                // after one new access token
	{403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH", anything, push.FaultSuspect, never, false},
	{403, "PERMISSION_DENIED", "", anything, push.FaultCredentials, never, false}, // the account may not, or the API is off
	{404, "NOT_FOUND", "UNREGISTERED", anything, push.FaultToken, never, false},
	{404, "NOT_FOUND", "", anything, push.FaultCredentials, never, false}, // wrong project or path: no token is to blame
	{429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED", device, push.FaultPace, quota, false},
	{429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED", anything, push.FaultQuota, quota, false},
	{429, "RESOURCE_EXHAUSTED", "", device, push.FaultPace, quota, false},
	{429, "RESOURCE_EXHAUSTED", "", anything, push.FaultQuota, quota, false},
	{500, "INTERNAL", "INTERNAL", anything, push.FaultProvider, later, false},
	{500, "INTERNAL", "UNSPECIFIED_ERROR", anything, push.FaultProvider, later, false}, // with any status
	{500, "INTERNAL", "", anything, push.FaultProvider, later, false},
	{503, "UNAVAILABLE", "UNAVAILABLE", anything, push.FaultProvider, later, true},
	{503, "UNAVAILABLE", "", anything, push.FaultProvider, later, true},
	{504, "DEADLINE_EXCEEDED", "", anything, push.FaultProvider, later, true},
}

// reach returns how much a refusal of our credentials concerns: the project's credentials for APNs or web push concern only the
// tokens that go that way.
func reach(code string) push.Reach {
	switch code {
	case "THIRD_PARTY_AUTH_ERROR", "APNS_AUTH_ERROR":
		return push.ReachDevice
	}
	return push.ReachEnvironment
}

// refusal is what FCM wrote in the body of an answer that is not 200.
type refusal struct {
	rpc     string // error.status
	code    string // errorCode of the FcmError
	about   about
	message string // error.message, for people only
	cause   string // reason of the ErrorInfo, such as SERVICE_DISABLED; for people only
	own     bool   // it is Google's error object; else a stranger's page
}

// reason returns the refusal as FCM spells it: its errorCode, or else the RPC status.
func (r refusal) reason() string {
	if r.code != "" {
		return r.code
	}
	return r.rpc
}

// meaning returns the line for a refusal. One that no line has is the provider's fault: nothing is dropped because
// of an unknown answer.
func meaning(status int, r refusal) answer {
	fits := []func(answer) bool{
		func(a answer) bool { return r.code != "" && a.code == r.code },
		func(a answer) bool { return a.code == "" && r.rpc != "" && a.rpc == r.rpc },
		func(a answer) bool { return a.code == "" && a.status == status },
	}
	for _, fit := range fits {
		for _, a := range answers {
			if fit(a) && (a.about == r.about || a.about == anything) {
				return a
			}
		}
	}
	return answer{status: status, fault: push.FaultProvider, wait: later, unclear: status >= 500}
}

// The details that matter, by the end of their @type.
const (
	fcmError     = "google.firebase.fcm.v1.FcmError"
	badRequest   = "google.rpc.BadRequest"
	quotaFailure = "google.rpc.QuotaFailure"
	errorInfo    = "google.rpc.ErrorInfo"
)

// envelope is Google's error body.
type envelope struct {
	Error struct {
		Code    json.Number       `json:"code"`
		Message string            `json:"message"`
		Status  string            `json:"status"`
		Details []json.RawMessage `json:"details"`
	} `json:"error"`
}

type detail struct {
	Type            string      `json:"@type"`
	ErrorCode       string      `json:"errorCode"`
	FieldViolations []violation `json:"fieldViolations"`
	Violations      []violation `json:"violations"`
	Reason          string      `json:"reason"`
}

type violation struct {
	Field       string `json:"field"`
	Subject     string `json:"subject"`
	Description string `json:"description"`
}

// parseRefusal reads the error body of an answer with a status. What is not one, such as a proxy's page, has neither status
// nor code: Google's names its HTTP status, its RPC status or its errorCode. A detail that cannot be read is passed over.
func parseRefusal(status int, body []byte) refusal {
	var e envelope
	if json.Unmarshal(body, &e) != nil {
		return refusal{}
	}
	r := refusal{rpc: provider.Word(e.Error.Status), message: e.Error.Message}
	var fields []string
	for _, raw := range e.Error.Details {
		var d detail
		if json.Unmarshal(raw, &d) != nil {
			continue
		}
		switch {
		case strings.HasSuffix(d.Type, fcmError):
			r.code = provider.Word(d.ErrorCode)
		case strings.HasSuffix(d.Type, errorInfo):
			r.cause = provider.Word(d.Reason)
		case strings.HasSuffix(d.Type, badRequest):
			for _, v := range d.FieldViolations {
				fields = append(fields, v.Field)
			}
		case strings.HasSuffix(d.Type, quotaFailure) && slices.ContainsFunc(d.Violations, ofDevice):
			r.about = device
		}
	}
	if aboutToken(fields, e.Error.Message) {
		r.about = token
	}
	r.own = r.rpc != "" || r.code != "" || e.Error.Code.String() == strconv.Itoa(status)
	return r
}

// aboutToken reports whether an invalid argument is surely the token: a violation on it and on nothing else, or, with no
// violation at all, the text that FCM has for it. Anything less has cost projects their tokens (Firebase, "Best practices
// for FCM registration token management").
func aboutToken(fields []string, message string) bool {
	if len(fields) == 0 {
		return strings.Contains(message, "not a valid FCM registration token")
	}
	return !slices.ContainsFunc(fields, func(f string) bool { return f != "message.token" })
}

// ofDevice reports whether a quota that was exceeded is a device's, not the project's.
func ofDevice(v violation) bool {
	text := strings.ToLower(v.Subject + " " + v.Description)
	return strings.Contains(text, "device") || strings.HasPrefix(text, "token")
}

// interpret returns what an answer to a try means, and whether it refuses the access token and nothing else.
func (c Config) interpret(resp h2push.Response, attempt int, secrets provider.Secrets) (_ provider.Result, badToken bool) {
	out := push.Answer{Provider: push.FCM, Status: resp.Status}
	if resp.Status == http.StatusOK {
		if id := name(resp.Body); id != "" {
			out.ProviderID = provider.ID(id, isMessageName, secrets)
			return provider.Result{Answer: out}, false
		}
	}
	r := parseRefusal(resp.Status, resp.Body)
	if resp.Status == http.StatusOK || !r.own {
		return provider.Stranger(push.FCM, resp, c.Now(), c.RetryWait, secrets), false
	}
	out.Reason, out.Detail = r.reason(), secrets.Detail(r.message)
	line := meaning(resp.Status, r)
	return provider.Result{Answer: out, Refused: &push.WakeError{
		Fault: line.fault, Reach: reach(r.code), Reason: out.Reason, Unclear: line.unclear,
		RetryAfter: c.after(line, attempt, provider.RetryAfter(resp.Header, c.Now())),
	}}, line.status == http.StatusUnauthorized && line.code == ""
}

// unanswered returns the result of a send that brought no answer. The wake goes out again after RetryWait, at the earliest: Google
// wants no immediate retry, and the server that did not answer may be overloaded.
func (c Config) unanswered(err error, secrets provider.Secrets) provider.Result {
	return provider.NoAnswer(push.FCM, err, provider.Jittered(c.RetryWait), secrets)
}

// longestQuotaWait ends the doubling of waits for a quota.
const longestQuotaWait = time.Hour

// after returns how long a wake waits before its next try; asked is what Retry-After asked for. Delivery makes the waits
// longer from try to try, but for a quota's: that holds all of an app's sends, and is doubled here.
func (c Config) after(a answer, attempt int, asked time.Duration) time.Duration {
	switch {
	case a.wait == never:
		return 0
	case asked > 0:
		return asked
	case a.wait == later:
		return provider.Jittered(c.RetryWait)
	case a.fault == push.FaultQuota:
		return min(c.QuotaWait<<min(max(attempt-1, 0), 16), max(c.QuotaWait, longestQuotaWait))
	}
	return c.QuotaWait
}
