package protocol

import (
	"fmt"

	"github.com/hushpush/hush/push"
)

// Problem is an error (RFC 9457).
type Problem struct {
	Type   string         `json:"type,omitempty" doc:"urn:hush:no-such-path for a path that Hush does not have; missing otherwise"`
	Title  string         `json:"title"`
	Status int            `json:"status"`
	Detail string         `json:"detail,omitempty"`
	Code   ProblemCode    `json:"code"`
	Errors []ProblemField `json:"errors,omitempty"`
}

// ProblemTypeNoPath is the type of the 404 for a path that Hush does not have, as opposed to a thing that is not there.
const ProblemTypeNoPath = "urn:hush:no-such-path"

// ProblemField is one field at fault: which, what is wrong, what would be right.
type ProblemField struct {
	Location string    `json:"location" doc:"where the field is, such as body.to.users[3] or query.limit"`
	Code     push.Code `json:"code"`
	Message  string    `json:"message"`
}

// Summary returns the detail of a problem that says no more than its fields: the first of them, and how many more there are.
func Summary(fields []ProblemField) string {
	if len(fields) == 0 {
		return ""
	}
	first := fields[0].Location + " " + fields[0].Message
	if more := len(fields) - 1; more > 0 {
		return fmt.Sprintf("%s; and %d more", first, more)
	}
	return first
}

// ProblemCode is the stable name of a problem, for programs to branch on.
type ProblemCode string

// The codes, each with its status.
const (
	ProblemBadJSON         ProblemCode = "bad_json"           // 400: the body is no JSON as Hush takes it
	ProblemBadSubprotocol  ProblemCode = "bad_subprotocol"    // 400: the socket's client does not speak ours
	ProblemUnauthenticated ProblemCode = "unauthenticated"    // 401: the secret is missing, unknown or of the wrong kind
	ProblemTokenExpired    ProblemCode = "token_expired"      // 401: the user token was good; a new one is needed
	ProblemRegisterAgain   ProblemCode = "register_again"     // 401: the device's credential is unknown or void
	ProblemForbidden       ProblemCode = "forbidden"          // 403: the secret is good, but not for this
	ProblemDeviceTaken     ProblemCode = "device_taken"       // 403: the device is another's
	ProblemNotFound        ProblemCode = "not_found"          // 404
	ProblemMethod          ProblemCode = "method_not_allowed" // 405
	ProblemConflict        ProblemCode = "conflict"           // 409: what is there does not allow it
	ProblemBodyTooLarge    ProblemCode = "body_too_large"     // 413
	ProblemInvalid         ProblemCode = "invalid"            // 422: a field or a parameter is at fault; errors names each
	ProblemUpgradeRequired ProblemCode = "upgrade_required"   // 426: want a WebSocket
	ProblemRateLimited     ProblemCode = "rate_limited"       // 429: come back later
	ProblemInternal        ProblemCode = "internal"           // 500: the server's log says why
	ProblemUnavailable     ProblemCode = "unavailable"        // 503: try again
	ProblemBacklogFull     ProblemCode = "backlog_full"       // 503: nothing was accepted; try again after Retry-After
)

// ProblemCodes lists all codes.
func ProblemCodes() []ProblemCode {
	return []ProblemCode{
		ProblemBadJSON, ProblemBadSubprotocol, ProblemUnauthenticated, ProblemTokenExpired, ProblemRegisterAgain, ProblemForbidden,
		ProblemDeviceTaken, ProblemNotFound, ProblemMethod, ProblemConflict, ProblemBodyTooLarge, ProblemInvalid,
		ProblemUpgradeRequired, ProblemRateLimited, ProblemInternal, ProblemUnavailable, ProblemBacklogFull,
	}
}
