package fcmtest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
)

// The body of a refusal is Google's envelope {"error": {code, message, status, details}}; the FcmError among the details has
// the errorCode. Source: firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode; bodies as captured in bloomberg/pushiko.

// ErrorCode is FCM's own word for a refusal.
type ErrorCode string

// The error codes of FCM's HTTP v1 API, but for UNSPECIFIED_ERROR, which comes by faults alone.
const (
	InvalidArgument  ErrorCode = "INVALID_ARGUMENT"
	Unregistered     ErrorCode = "UNREGISTERED"
	SenderIDMismatch ErrorCode = "SENDER_ID_MISMATCH"
	QuotaExceeded    ErrorCode = "QUOTA_EXCEEDED"
	Unavailable      ErrorCode = "UNAVAILABLE"
	Internal         ErrorCode = "INTERNAL"
	ThirdPartyAuth   ErrorCode = "THIRD_PARTY_AUTH_ERROR"
)

const (
	typeFcmError     = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
	typeBadRequest   = "type.googleapis.com/google.rpc.BadRequest"
	typeQuotaFailure = "type.googleapis.com/google.rpc.QuotaFailure"
	typeApnsError    = "type.googleapis.com/google.firebase.fcm.v1.ApnsError"
	typeErrorInfo    = "type.googleapis.com/google.rpc.ErrorInfo"
)

// Violation is one field at fault, in a google.rpc.BadRequest.
type Violation struct {
	Field       string `json:"field,omitempty"`
	Description string `json:"description"`
}

// refusal is one error answer. It is made by the constructors below, so that no rule spells a body of its own.
type refusal struct {
	status     int
	message    string
	code       ErrorCode // "" omits the FcmError
	fields     []Violation
	quota      string     // whose quota is used up; "" omits the QuotaFailure
	apns       *apnsError // what APNs said; nil omits the ApnsError
	info       string     // reason of an ErrorInfo; "" omits it
	retryAfter int        // seconds; 0 sends no header
	challenge  bool       // WWW-Authenticate
}

// apnsError is APNs' refusal within FCM's.
type apnsError struct {
	status int
	reason string
}

// statusText is the google.rpc.Code that goes with an HTTP status (googleapis, google/rpc/code.proto).
var statusText = map[int]string{
	400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 409: "ABORTED",
	429: "RESOURCE_EXHAUSTED", 499: "CANCELLED", 500: "INTERNAL", 501: "UNIMPLEMENTED", 503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED",
}

// codeMessage is the message that comes with an error code when no rule has a better one.
var codeMessage = map[ErrorCode]string{
	InvalidArgument:  "Request contains an invalid argument.",
	Unregistered:     "Requested entity was not found.",
	SenderIDMismatch: "SenderId mismatch",
	QuotaExceeded:    "Quota exceeded.",
	Unavailable:      "The service is currently unavailable.",
	Internal:         "Internal error encountered.",
	ThirdPartyAuth:   "Auth error from APNS or Web Push Service",
}

// statusMessage is the message of a refusal that has no error code of FCM's (googleapis, google/rpc/code.proto, in the words
// of Google's front end).
var statusMessage = map[int]string{
	400: "Request contains an invalid argument.", 401: "Request had invalid authentication credentials. " + expected,
	403: "The caller does not have permission", 404: "Requested entity was not found.", 429: "Resource has been exhausted (e.g. check quota).",
	500: "Internal error encountered.", 503: "The service is currently unavailable.", 504: "Deadline expired before operation could complete.",
}

// usualCode is the FcmError that an injected answer gets when the fault does not say.
var usualCode = map[int]ErrorCode{400: InvalidArgument, 404: Unregistered, 429: QuotaExceeded, 500: Internal, 503: Unavailable}

// invalid returns a 400 of FCM proper: the request could be read, and one field is wrong. An empty field names none.
func invalid(message, field, description string) *refusal {
	r := &refusal{status: http.StatusBadRequest, message: message, code: InvalidArgument}
	if field != "" {
		r.fields = []Violation{{field, description}}
	}
	return r
}

// badShape returns a 400 of the layer before FCM: the JSON does not fit the schema. It has no FcmError.
func badShape(fields ...Violation) *refusal {
	parts := make([]string, len(fields))
	for i, f := range fields {
		parts[i] = f.Description
	}
	return &refusal{status: http.StatusBadRequest, message: strings.Join(parts, "\n"), fields: fields}
}

// quotaExceeded returns a 429; whose names the quota, as in a QuotaFailure's subject.
func quotaExceeded(message, whose string, retryAfter int) *refusal {
	return &refusal{status: http.StatusTooManyRequests, message: message, code: QuotaExceeded, quota: whose, retryAfter: retryAfter}
}

// body returns the JSON of the refusal, indented as Google does.
func (r *refusal) body() []byte {
	var details []map[string]any
	if r.code != "" {
		details = append(details, map[string]any{"@type": typeFcmError, "errorCode": r.code})
	}
	if len(r.fields) > 0 {
		details = append(details, map[string]any{"@type": typeBadRequest, "fieldViolations": r.fields})
	}
	if r.quota != "" {
		details = append(details, map[string]any{"@type": typeQuotaFailure, "violations": []map[string]string{{"subject": r.quota, "description": r.message}}})
	}
	if r.apns != nil {
		details = append(details, map[string]any{"@type": typeApnsError, "statusCode": r.apns.status, "reason": r.apns.reason})
	}
	if r.info != "" {
		details = append(details, map[string]any{"@type": typeErrorInfo, "reason": r.info, "domain": "googleapis.com",
			"metadata": map[string]string{"service": "fcm.googleapis.com", "method": "google.firebase.fcm.v1.FcmService.SendMessage"}})
	}
	type envelope struct {
		Code    int              `json:"code"`
		Message string           `json:"message"`
		Status  string           `json:"status"`
		Details []map[string]any `json:"details,omitempty"`
	}
	return googleJSON(map[string]envelope{"error": {r.status, r.message, r.statusText(), details}})
}

func (r *refusal) statusText() string {
	if s := statusText[r.status]; s != "" {
		return s
	}
	return "UNKNOWN"
}

// reason returns what the ledger says: FCM's error code or, without one, the status in words.
func (r *refusal) reason() string {
	if r.code != "" {
		return string(r.code)
	}
	return r.statusText()
}

func (r *refusal) answer() answer {
	a := answer{status: r.status, body: r.body(), reason: r.reason(), header: jsonHeader()}
	if r.retryAfter > 0 {
		a.retryAfter(r.retryAfter)
	}
	if r.challenge {
		a.header = append(a.header, [2]string{"www-authenticate", `Bearer realm="https://accounts.google.com/", error="invalid_token"`})
	}
	return a
}

// googleJSON marshals as Google's front end prints: two spaces, no HTML escapes, a line break at the end.
func googleJSON(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		panic("fcmtest: own answer does not marshal: " + err.Error())
	}
	return b.Bytes()
}

func jsonHeader() [][2]string {
	return [][2]string{{"content-type", "application/json; charset=UTF-8"}}
}

// htmlPage returns what Google's front end answers when no API stands behind a path, or when the API behind it fails (502).
func htmlPage(status int) answer {
	title := http.StatusText(status)
	body := "<!DOCTYPE html>\n<html lang=en>\n  <meta charset=utf-8>\n  <title>Error " + title + "</title>\n  <p>" + title + "\n"
	return answer{status: status, body: []byte(body), reason: title, header: [][2]string{{"content-type", "text/html; charset=UTF-8"}}}
}
