package rest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"reflect"
)

// Reply is the answer of a handler: *Answer, *None or Stream.
type Reply interface {
	// Send answers a request. usual is the status of the route's success.
	Send(w http.ResponseWriter, r *http.Request, usual int)

	// body returns the type of the answer's body; nil if there is no body, or its type is not known.
	body() reflect.Type
}

// Answer is a status with a JSON body. 204 has no body.
type Answer[T any] struct {
	Status int // 0: the route's
	Body   T
}

// NewAnswer returns an answer.
func NewAnswer[T any](status int, body T) *Answer[T] { return &Answer[T]{Status: status, Body: body} }

// Send writes the status and the body.
func (a *Answer[T]) Send(w http.ResponseWriter, _ *http.Request, usual int) {
	status := a.Status
	if status == 0 {
		status = usual
	}
	if status == http.StatusNoContent {
		w.WriteHeader(status)
		return
	}
	WriteJSON(w, status, "application/json", a.Body)
}

func (*Answer[T]) body() reflect.Type { return reflect.TypeFor[T]() }

// None is an answer without a body, or the input of a handler that takes no parameters.
type None struct{}

// Send writes the route's status.
func (*None) Send(w http.ResponseWriter, _ *http.Request, usual int) { w.WriteHeader(usual) }

func (*None) body() reflect.Type { return nil }

// Stream is an answer that the function itself writes, piece by piece.
type Stream func(w http.ResponseWriter, r *http.Request)

// Send calls the function.
func (s Stream) Send(w http.ResponseWriter, r *http.Request, _ int) { s(w, r) }

func (Stream) body() reflect.Type { return nil }

// WriteJSON answers with v as JSON and a line feed.
func WriteJSON(w http.ResponseWriter, status int, mediaType string, v any) {
	w.Header().Set("Content-Type", mediaType)
	w.WriteHeader(status)
	_ = encode(w, v) // a client that has gone reads no answer
}

// AppendJSON appends v to dst as WriteJSON writes it, without the line feed.
func AppendJSON(dst []byte, v any) ([]byte, error) {
	b := bytes.NewBuffer(dst)
	err := encode(b, v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// encode writes v as JSON for API clients: without escapes for HTML.
func encode(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
