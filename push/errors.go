package push

import "errors"

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
