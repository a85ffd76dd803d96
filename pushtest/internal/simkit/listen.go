package simkit

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
)

// AddressError is an address that cannot be listened on, in words for the person at the terminal.
type AddressError struct {
	Field, Flag string // the field of a Config, and the flag, that give the address; Field is "" where listening has failed
	Addr        string
	Err         error // why listening has failed; nil for what is no address
}

// Error returns what is wrong, and names the flag that would choose another address.
func (e *AddressError) Error() string {
	switch {
	case e.Err == nil:
		return fmt.Sprintf("%s (--%s) is %q; want HOST:PORT, such as 127.0.0.1:2197, with a port of 0 (any that is free) to 65535", e.Field, e.Flag, e.Addr)
	case errors.Is(e.Err, syscall.EADDRINUSE):
		return fmt.Sprintf("listen on %s: the address is in use, perhaps by another simulator; "+
			"end that one, or give another address with --%s (port 0 takes a free port): %v", e.Addr, e.Flag, e.Err)
	}
	return fmt.Sprintf("listen on %s (--%s): %v", e.Addr, e.Flag, e.Err)
}

// Unwrap returns why listening has failed.
func (e *AddressError) Unwrap() error { return e.Err }

// Listen opens a TCP listener on addr ("host:port"; port 0 takes a free one). The error is an *AddressError.
func Listen(addr, flag string) (net.Listener, error) {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, &AddressError{Flag: flag, Addr: addr, Err: err}
	}
	return ln, nil
}

// CheckAddress returns an *AddressError for what cannot be listened on.
func CheckAddress(field, flag, addr string) error {
	_, port, err := net.SplitHostPort(addr)
	if err == nil {
		if n, err := strconv.Atoi(port); err == nil && n >= 0 && n <= 65535 {
			return nil
		}
	}
	return &AddressError{Field: field, Flag: flag, Addr: addr}
}

// ReadyLine returns the first line on a simulator's standard output, without the line break. control is "" without a control API.
func ReadyLine(listen, control string) string {
	if control == "" {
		return "ready listen=" + listen
	}
	return "ready listen=" + listen + " control=" + control
}
