package h2sim

import (
	"crypto/tls"
	"time"
)

// Config says how a server treats its clients. What a client is told in the first SETTINGS stands here too.
type Config struct {
	TLS     *tls.Config // required; its NextProtos are set by Serve
	Handler Handler     // required
	OnConn  func(*Conn) // called once a connection, before its first request; may set Conn.Value and call SetMaxStreams
	OnEnd   func(*Conn) // called once a connection when it is over and its handlers have returned
	HTTP1   bool        // also serves HTTP/1.1 to clients that do not ask for h2

	InitialMaxStreams  uint32 // MAX_CONCURRENT_STREAMS of the first SETTINGS, which bind the client once it has acknowledged them; 0 means 100
	MaxBodyBytes       int    // of a request; 0 means 64 KiB
	MaxHeaderListBytes uint32 // MAX_HEADER_LIST_SIZE, as RFC 9113 counts it; beyond it: 431; 0 means 8000
	MaxConns           int    // beyond it, admission says which one goes; 0 means 2048
	MaxHeldBytes       int64  // by requests on their way, over all connections; beyond it, memoryBudget says which connection goes; 0 means 128 MiB

	HandshakeWait time.Duration // for TLS and the client's preface; 0 means 30s, for busy machines
	BodyWait      time.Duration // for a request's headers and body to end; beyond it: RST_STREAM; 0 means 60s
	WriteWait     time.Duration // for a client to take what it is sent; beyond it the connection is cut; 0 means 30s
	NewcomerWait  time.Duration // on a full server, for a new connection to have its first good answer; 0 means 1s
	IdleWait      time.Duration // without any frame; then GOAWAY with IdleDebug; 0 means never
	IdleDebug     []byte
}

// withDefaults fills in what the zero value stands for.
func (c Config) withDefaults() Config {
	def(&c.InitialMaxStreams, 100)
	def(&c.MaxBodyBytes, 64<<10)
	def(&c.MaxHeaderListBytes, 8000)
	def(&c.MaxConns, 2048)
	def(&c.MaxHeldBytes, 128<<20)
	def(&c.HandshakeWait, 30*time.Second)
	def(&c.BodyWait, 60*time.Second)
	def(&c.WriteWait, 30*time.Second)
	def(&c.NewcomerWait, time.Second)
	return c
}

// def sets *v to d if it is zero.
func def[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}
