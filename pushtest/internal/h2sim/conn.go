package h2sim

import (
	"crypto/tls"
	"net"
)

// Conn is one client's connection. Its methods may be called from any goroutine, handlers and OnConn included.
type Conn struct {
	ID    int                 // counts from 1 in order of arrival
	TLS   tls.ConnectionState // never changes after the handshake; holds the client's certificates
	Value any                 // the simulator's own; set by OnConn and never changed afterwards

	nc net.Conn // what Close closes
}

// Close cuts the connection at once: no GOAWAY, no answers. It may be called twice and does not wait.
func (c *Conn) Close() { c.nc.Close() }
