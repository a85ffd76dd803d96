package h2sim

import (
	"context"

	"golang.org/x/net/http2/hpack"
)

// Request is one request whose body has ended, or has been cut at the limit. It may be read until the handler returns.
type Request struct {
	Conn     *Conn
	StreamID uint32 // 0 for HTTP/1.1

	Method, Scheme, Authority, Path string // as the client spelled them; Path with its query

	// Header holds the fields in the order of the wire, names in lower case, repeated ones kept, without pseudo headers.
	// For HTTP/1.1 the order between different names is not kept.
	Header []hpack.HeaderField

	Body         []byte // at most Config.MaxBodyBytes of it
	BodyTooLarge bool   // the body went beyond Config.MaxBodyBytes; the rest is not read

	ctx context.Context
}

// Context ends when the client resets the stream, or the connection ends.
func (r *Request) Context() context.Context { return r.ctx }

// Get returns the first value of a header (in lower case), "" if there is none.
func (r *Request) Get(name string) string {
	for _, f := range r.Header {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

// Values returns all values of a header (in lower case), in order.
func (r *Request) Values(name string) (vs []string) {
	for _, f := range r.Header {
		if f.Name == name {
			vs = append(vs, f.Value)
		}
	}
	return vs
}

// Response is what a handler answers. Status 0 sends nothing: the stream stays open, and the client waits, until one of the
// two gives up. Header names must be in lower case; content-length is the handler's affair.
type Response struct {
	Status int
	Header []hpack.HeaderField
	Body   []byte
}

// Handler answers requests. It is called on a goroutine of its own for each request, of which a connection has at most
// about twice as many as streams; it should return soon after the request's context has ended.
type Handler func(*Request) Response
