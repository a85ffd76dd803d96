package simkit

import (
	"errors"
	"fmt"
	"net"
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
