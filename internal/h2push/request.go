package h2push

import (
	"errors"
	"net/http"
	"strings"
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

// ValidValue reports whether s can be a header field's value on any connection: printable ASCII. One bad value would end
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
	Header Header
	Body   []byte // at most MaxBodyBytes
}

// Header is an answer's header, names in lower case. Of the few fields of an answer most are never asked for, so that a map
// would cost more than it saves.
type Header []Field

// HeaderOf returns the header of an answer that net/http read.
func HeaderOf(h http.Header) Header {
	out := make(Header, 0, len(h))
	for name, values := range h {
		for _, value := range values {
			out = append(out, Field{Name: strings.ToLower(name), Value: value})
		}
	}
	return out
}

// Get returns the first value of a field, whose name is in lower case; "" if there is none.
func (h Header) Get(name string) string {
	for _, f := range h {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

// Error says that a request brought no answer, and what is known of it.
type Error struct {
	Sent       bool          // the peer may have processed it; otherwise it certainly has not
	Reason     string        // of the connection's GOAWAY, as Config.Reason reads it; "" if there was none
	RetryAfter time.Duration // until the pool dials again; 0 if it does at once
	Err        error
}

// Error returns what lies below, with the reason.
func (e *Error) Error() string {
	if below := new(Error); e.Reason == "" || errors.As(e.Err, &below) {
		return e.Err.Error()
	}
	return e.Err.Error() + " (" + e.Reason + ")"
}

// Unwrap returns what lies below.
func (e *Error) Unwrap() error { return e.Err }
