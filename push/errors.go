package push

import "errors"

// The errors that callers branch on. Every other error is wrapped with what was being done.
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

// Timeout is the cause of a deadline. It names the clock that ran out.
type Timeout string

// Error names the clock.
func (t Timeout) Error() string { return string(t) }

// Timeout reports true, as net.Error has it.
func (Timeout) Timeout() bool { return true }
