// Package h2sim is an HTTP/2 server at the level of frames, for simulators that must do what no ordinary server does: change
// their SETTINGS while a client is connected, end a connection with a GOAWAY that carries JSON, take a request and never
// answer it, or cut the line in the middle.
//
// It stands on the Framer of golang.org/x/net/http2 and on hpack. It speaks to strangers: every limit is bounded, and a
// client that breaks the protocol loses its own connection, with the error code that RFC 9113 gives for it, and nothing
// else. Where connections run out, one that has had no good answer yet goes first (admission.go); where memory does, the one
// whose client keeps the most of it waiting (memory.go).
//
//	Serve ─▶ Conn (one read loop) ─▶ Handler (one goroutine a request) ─▶ Response
package h2sim
