package apns

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/hushpush/hush/internal/h2push"
	"github.com/hushpush/hush/internal/provider"
	"github.com/hushpush/hush/push"
)

// wait says when the same wake may go out again.
type wait int

const (
	never wait = iota // not as it is: a credential, a token or a fault of ours must change first
	soon              // after a second: another connection or server takes it
	later             // after Config.RetryWait (Apple: 15 minutes), or what Retry-After asks for
)

// answer is a line of the table: what a status and a reason mean.
type answer struct {
	status  int
	reason  string
	fault   push.Fault
	wait    wait
	unclear bool // it may have been delivered all the same
}

// answers are all that APNs is known to say but 200 (Apple, "Handling notification responses from APNs").
var answers = []answer{
	{400, "BadCollapseId", push.FaultPush, never, false},
	{400, "BadDeviceToken", push.FaultSuspect, never, false}, // invalid, or of the other environment
	{400, "BadExpirationDate", push.FaultPush, never, false},
	{400, "BadMessageId", push.FaultPush, never, false},
	{400, "BadPriority", push.FaultPush, never, false},
	{400, "BadTopic", push.FaultCredentials, never, false},
	{400, "DeviceTokenNotForTopic", push.FaultSuspect, never, false}, // may be good for another topic
	{400, "DuplicateHeaders", push.FaultPush, never, false},
	{400, "IdleTimeout", push.FaultProvider, soon, false},
	{400, "InvalidPushType", push.FaultPush, never, false},
	{400, "MissingDeviceToken", push.FaultPush, never, false},
	{400, "MissingTopic", push.FaultCredentials, never, false},
	{400, "PayloadEmpty", push.FaultPush, never, false},
	{400, "TopicDisallowed", push.FaultCredentials, never, false}, // the key or certificate is not for it
	{403, "BadCertificate", push.FaultCredentials, never, false},
	{403, "BadCertificateEnvironment", push.FaultCredentials, never, false},
	{403, "ExpiredProviderToken", push.FaultCredentials, later, false}, // after one new signature: the clock is wrong
	{403, "Forbidden", push.FaultCredentials, never, false},
	{403, "InvalidProviderToken", push.FaultCredentials, never, false},
	{403, "MissingProviderToken", push.FaultCredentials, never, false},
	{403, "UnrelatedKeyIdInToken", push.FaultCredentials, never, false},
	{403, "BadEnvironmentKeyIdInToken", push.FaultCredentials, never, false},
	{403, "BadEnvironmentKeyInToken", push.FaultCredentials, never, false}, // how APNs really spells the one above
	{404, "BadPath", push.FaultPush, never, false},
	{405, "MethodNotAllowed", push.FaultPush, never, false},
	{410, "ExpiredToken", push.FaultToken, never, false}, // dead, unless registered again since
	{410, "Unregistered", push.FaultToken, never, false}, // dead, unless registered again since
	{413, "PayloadTooLarge", push.FaultPush, never, false},
	{429, "TooManyProviderTokenUpdates", push.FaultCredentials, later, false}, // with the old token
	{429, "TooManyRequests", push.FaultPace, later, false},                    // this device, later
	{500, "InternalServerError", push.FaultProvider, later, false},
	{503, "ServiceUnavailable", push.FaultProvider, later, true},
	{503, "Shutdown", push.FaultProvider, soon, true}, // on another connection
}

// unknown is what a status means whose reason is not in the table: a new one. Nothing is dropped for it.
var unknown = []answer{
	{400, "", push.FaultPush, never, false},
	{401, "", push.FaultCredentials, never, false},
	{403, "", push.FaultCredentials, never, false},
	{404, "", push.FaultPush, never, false},
	{405, "", push.FaultPush, never, false},
	{408, "", push.FaultProvider, later, true},
	{413, "", push.FaultPush, never, false},
	{421, "", push.FaultProvider, soon, false}, // misdirected: another connection
	{429, "", push.FaultPace, later, false},
	{500, "", push.FaultProvider, later, false},
	{502, "", push.FaultProvider, later, true},
	{503, "", push.FaultProvider, later, true},
	{504, "", push.FaultProvider, later, true},
}

// meaning returns the line for a status and a reason. A status that no line has is the provider's fault: nothing is dropped
// because of an unknown answer.
func meaning(status int, reason string) answer {
	for _, table := range [][]answer{answers, unknown} {
		for _, a := range table {
			if a.status == status && (a.reason == reason || a.reason == "") {
				return a
			}
		}
	}
	return answer{status: status, reason: reason, fault: push.FaultProvider, wait: later, unclear: status >= 500}
}

// reach returns how much a refusal of our credentials concerns: that of a topic concerns no other topic of the app.
func reach(reason string) push.Reach {
	switch reason {
	case "BadTopic", "MissingTopic", "TopicDisallowed":
		return push.ReachTopic
	}
	return push.ReachEnvironment
}

// isAPNs reports whether an answer is APNs' own: it gives its id for what it took, and a reason for what it did not (Apple,
// "Handling notification responses from APNs"). Anything else is a stranger's.
func isAPNs(resp h2push.Response) bool {
	if resp.Status == http.StatusOK {
		return resp.Header.Get("apns-id") != ""
	}
	return parseRefusal(resp.Body).reason != ""
}

// ofGoAway returns the meaning of the reason in a GOAWAY, spelt like an answer's; ok is false for one that says nothing of us or
// the provider. A reason that blames a token or a request belongs to another request: APNs ends a
// connection that has brought too many bad ones.
func ofGoAway(reason string) (a answer, ok bool) {
	for _, a := range answers {
		if a.reason == reason && (a.status == 403 || a.fault == push.FaultProvider) {
			return a, true
		}
	}
	return answer{}, false
}

// refusal is what APNs wrote in the body of an answer that is not 200, or in the debug data of a GOAWAY.
type refusal struct {
	reason string
	since  time.Time // with 410: when APNs found that the token was dead; zero otherwise
}

// parseRefusal reads {"reason":"…","timestamp":<ms>}. What is not that has no reason.
func parseRefusal(body []byte) refusal {
	var b struct {
		Reason    string      `json:"reason"`
		Timestamp json.Number `json:"timestamp"`
	}
	if json.Unmarshal(body, &b) != nil {
		return refusal{}
	}
	r := refusal{reason: provider.Word(b.Reason)}
	if ms, err := b.Timestamp.Float64(); err == nil && ms > 0 && ms < 1e15 {
		r.since = time.UnixMilli(int64(ms)).UTC()
	}
	return r
}

// after returns how long a wake waits before its next try; asked is what Retry-After asked for. Delivery makes the wait
// longer from try to try.
func (w wait) after(retryWait, asked time.Duration) time.Duration {
	switch {
	case w == never:
		return 0
	case asked > 0:
		return asked
	case w == soon:
		return provider.Soon()
	}
	return retryWait
}

// interpret returns what an answer means.
func (c Config) interpret(resp h2push.Response, secrets provider.Secrets) provider.Result {
	if !isAPNs(resp) {
		return provider.Stranger(push.APNs, resp, c.Now(), c.RetryWait, secrets)
	}
	answer := push.Answer{
		Provider: push.APNs, Status: resp.Status,
		ProviderID: provider.ID(resp.Header.Get("apns-id"), isUUID, secrets),
	}
	if resp.Status == 200 {
		return provider.Result{Answer: answer}
	}
	r := parseRefusal(resp.Body)
	answer.Reason = r.reason
	m := meaning(resp.Status, r.reason)
	e := &push.WakeError{
		Fault: m.fault, Reach: reach(r.reason), Reason: r.reason, Unclear: m.unclear,
		RetryAfter: m.wait.after(c.RetryWait, provider.RetryAfter(resp.Header, c.Now())),
	}
	if m.fault == push.FaultToken {
		e.DeadSince = r.since
	}
	return provider.Result{Answer: answer, Refused: e}
}

// unanswered returns the result of a request that brought no answer: a GOAWAY's reason or, with a certificate, a TLS alert may
// say that the credential was refused.
func (c Config) unanswered(err error, certificate bool, secrets provider.Secrets) provider.Result {
	r := provider.NoAnswer(push.APNs, err, provider.Soon(), secrets)
	var lost *h2push.Error
	if errors.As(err, &lost) {
		if m, known := ofGoAway(lost.Reason); known {
			r.Refused.Fault, r.Refused.RetryAfter = m.fault, m.wait.after(c.RetryWait, 0)
			if m.fault == push.FaultProvider {
				r.Refused.RetryAfter = max(r.Refused.RetryAfter, lost.RetryAfter)
			}
		}
	}
	if certificate && h2push.IsAlert(err) {
		r.Refused.Fault, r.Refused.Reason, r.Refused.RetryAfter = push.FaultCredentials, "BadCertificate", 0
	}
	r.Answer.Reason = r.Refused.Reason
	return r
}

// isUUID reports whether s has the form of an apns-id: 8-4-4-4-12 hex digits (Apple, "Sending notification requests to APNs").
func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
				return false
			}
		}
	}
	return true
}
