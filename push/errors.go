package push

import (
	"errors"
	"strings"
)

// What callers branch on. Everything else is wrapped with what was being done.
var (
	ErrNotFound        = errors.New("not found")
	ErrConflict        = errors.New("conflict")
	ErrUnauthenticated = errors.New("unauthenticated")
	ErrTokenExpired    = errors.New("the user token has expired")
	ErrRegisterAgain   = errors.New("the device credential is unknown or void: register again")
	ErrForbidden       = errors.New("forbidden")
	ErrDeviceTaken     = errors.New("the device is registered, and its credential was not given, or another phone has it too")
	ErrTooManyDevices  = errors.New("the user has as many devices as are allowed, and all were heard within 7 days")
	ErrUnavailable     = errors.New("unavailable")
	ErrStopping        = errors.New("the server is stopping")
)

// Timeout is the cause of a deadline: it says which clock ran out.
type Timeout string

// Error says which.
func (t Timeout) Error() string { return string(t) }

// Timeout is how the standard library asks.
func (Timeout) Timeout() bool { return true }

// Code is the stable name of what is wrong with a field.
type Code string

// The codes of field errors.
const (
	CodeUnknownField    Code = "unknown_field"
	CodeRequired        Code = "required"
	CodeWrongType       Code = "wrong_type"
	CodeBadValue        Code = "bad_value"
	CodeOneOf           Code = "one_of"
	CodeBadID           Code = "bad_id"
	CodeTooMany         Code = "too_many"
	CodeOutOfRange      Code = "out_of_range"
	CodeUnknownResource Code = "unknown_resource"
	CodeUnknownDevice   Code = "unknown_device"
	CodePayloadTooLarge Code = "payload_too_large"
	CodeNotSilent       Code = "not_silent"
	CodeBadCredential   Code = "bad_credential"
)

// FieldError says which field is at fault, what is wrong with it and what would be right.
type FieldError struct {
	Location string // relative to the body, such as to.users[3]; the API puts "body." before it
	Code     Code
	Message  string
}

// FieldErrors are all that could be told at once.
type FieldErrors []FieldError

// Error lists them.
func (e FieldErrors) Error() string {
	parts := make([]string, len(e))
	for i, f := range e {
		parts[i] = f.Location + ": " + f.Message
	}
	return strings.Join(parts, "; ")
}

// Add appends one.
func (e *FieldErrors) Add(location string, code Code, message string) {
	*e = append(*e, FieldError{Location: location, Code: code, Message: message})
}

// Err is nil if there are none.
func (e FieldErrors) Err() error {
	if len(e) == 0 {
		return nil
	}
	return e
}
