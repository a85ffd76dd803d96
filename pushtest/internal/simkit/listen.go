package simkit

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
)

// Listen opens a TCP listener on addr ("host:port"; port 0 takes a free one). If the address is in use the error says so in
// words for the person at the terminal, and names the flag that would choose another one.
func Listen(addr, flag string) (net.Listener, error) {
	ln, err := net.Listen("tcp", addr)
	switch {
	case err == nil:
		return ln, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("listen on %s: the address is in use, perhaps by another simulator; "+
			"end that one, or give another address with --%s (port 0 takes a free port): %w", addr, flag, err)
	default:
		return nil, fmt.Errorf("listen on %s (--%s): %w", addr, flag, err)
	}
}

// ReadyLine is the first line on a simulator's standard output, without the line break. control is "" without a control API.
func ReadyLine(listen, control string) string {
	if control == "" {
		return "ready listen=" + listen
	}
	return "ready listen=" + listen + " control=" + control
}

// CheckAddress says what is wrong with the value of a flag, or of the field of a Config of that name, that is to be listened on.
func CheckAddress(field, flag, addr string) error {
	_, port, err := net.SplitHostPort(addr)
	if err == nil {
		if n, err := strconv.Atoi(port); err == nil && n >= 0 && n <= 65535 {
			return nil
		}
	}
	return fmt.Errorf("%s (--%s) is %q; want HOST:PORT, such as 127.0.0.1:2197, with a port of 0 (any that is free) to 65535", field, flag, addr)
}
