package h2push

import (
	"errors"
	"net/http"
	"time"
)

// MaxBodyBytes bounds how much of an answer's body is kept; what is longer is cut off there.
const MaxBodyBytes = 32 << 10

// Request is a POST to the pool's host.
type Request struct {
	Path   string
	Header []Field // in the order in which they are sent; names in lower case
	Body   []byte
	// FreshPath says that every request has another path, so that HPACK's table should not remember it.
	FreshPath bool
}

// Field is one header field.
type Field struct {
	Name, Value string
	Fresh       bool // every request has another value, so that HPACK's table should not remember it
}

// ValidValue tells whether s can be a header field's value on any connection: printable ASCII. One bad value would end
// the connection for all requests on it.
func ValidValue(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// Response is an answer, whole.
type Response struct {
	Status int
	Header http.Header
	Body   []byte // at most MaxBodyBytes
}

// Error says that a request brought no answer, and what is known of it.
type Error struct {
	Sent       bool          // the peer may have processed it; otherwise it certainly has not
	Reason     string        // the reason in the JSON of the connection's GOAWAY; "" if there was none
	RetryAfter time.Duration // until the pool dials again; 0 if it does at once
	Err        error
}

// Error tells what lies below.
func (e *Error) Error() string {
	s := "h2push: " + e.Err.Error()
	if e.Reason != "" {
		s += " (" + e.Reason + ")"
	}
	return s
}

// Unwrap is what lies below.
func (e *Error) Unwrap() error { return e.Err }

// WasSent tells whether the peer may have got the request that an error of Do is about.
func WasSent(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Sent
}
