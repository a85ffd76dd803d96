package simkit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/hushpush/hush/internal/rest"
)

// maxControlBody is the most bytes of a control request's body.
const maxControlBody = 1 << 20

// Control is the control API: typed routes over plain HTTP, and the OpenAPI document that describes them. Routes are added before
// Serve.
type Control struct {
	mux      *rest.Mux
	document *rest.Document

	mu     sync.Mutex
	server *http.Server // guarded by mu; nil before Serve
	closed bool         // guarded by mu
	served sync.WaitGroup
}

// NewControl makes an API without routes but that of its document; title heads that.
func NewControl(title string) *Control {
	schemas := rest.NewSchemas()
	schemas.Inline, schemas.NullIsNil = true, true
	schemas.Component("Problem", problemSchema(schemas))
	c := &Control{mux: rest.NewMux(noRoute), document: rest.NewDocument(rest.Info{Title: title, Version: "1"}, schemas)}
	c.mux.Handle(http.MethodGet, "/_sim/openapi.json", c.describe)
	return c
}

// problemSchema returns a problem's schema with the codes that are used here.
func problemSchema(schemas *rest.Schemas) *rest.Schema {
	problem := rest.SchemaFor[rest.Problem](schemas)
	problem.Properties["code"].Enum = []string{"invalid", "not_found", "method_not_allowed", "body_too_large", "internal"}
	problem.Properties["errors"].Items.Properties["code"].Enum = []string{
		"unknown_field", "required", "wrong_type", "bad_value", "one_of", "too_many", "out_of_range", "bad_json",
	}
	return problem
}

// noRoute answers for paths, and methods of paths, that do not exist.
var noRoute = rest.Refusals{
	Path: func(w http.ResponseWriter, r *http.Request, _ string) {
		refuse(w, rest.NotFound("nothing is at "+rest.Clip(r.URL.Path)+"; /_sim/openapi.json lists what is"))
	},
	Method: func(w http.ResponseWriter, _ *http.Request, _, detail string) {
		refuse(w, rest.NewProblem(http.StatusMethodNotAllowed, "method_not_allowed", detail))
	},
}

// refuse answers with an error: a *rest.Problem as it is, others as 500.
func refuse(w http.ResponseWriter, err error) {
	p := rest.NewProblem(http.StatusInternalServerError, "internal", err.Error())
	errors.As(err, &p)
	rest.WriteProblem(w, p.Status, p.Code, p)
}

// Handle adds a route. The handler's error is the answer: a *rest.Problem as it is, others as 500. Requests that do not fit I never
// reach it.
func Handle[I any, O rest.Reply](c *Control, r rest.Route, handle func(context.Context, *I) (O, error)) {
	e := add[I, O](c, r)
	c.mux.Handle(r.Method, r.Path, func(w http.ResponseWriter, req *http.Request) {
		in := new(I)
		_, err := read(e.Input, req, in)
		if err != nil {
			refuse(w, err)
			return
		}
		out, err := handle(req.Context(), in)
		if err != nil {
			refuse(w, err)
			return
		}
		out.Send(w, req, r.Success())
	})
}

// add puts a route into the document, with what it is refused with.
func add[I any, O rest.Reply](c *Control, r rest.Route) *rest.Endpoint {
	r.OptionalBody = true // an empty one is {}
	e := rest.Add[I, O](c.document, r)
	if e.Input.Body != nil {
		e.Operation.RequestBody.Required = len(e.Input.Body.Required) > 0
	}
	problem := rest.Problems(c.document.Components.Schemas.Refer("Problem"))
	e.Operation.Responses["422"] = &rest.Response{Description: "The request is wrong, and has changed nothing.", Content: problem}
	if len(e.Input.Parameters) > 0 && e.Input.Parameters[0].In == "path" {
		e.Operation.Responses["404"] = &rest.Response{Description: "What the path names is not known.", Content: problem}
	}
	return e
}

// Validator is a control body that can say what its schema cannot, such as two fields that exclude each other.
type Validator interface{ Validate() rest.Faults }

// strict is how control bodies are read.
var strict = rest.Strict{Depth: 32, Formats: formats}

// noBody is the shape of a body that a route does not take.
var noBody = &rest.Schema{Type: rest.Object, Closed: true}

// read reads a request into a handler's type and returns its body. It refuses with a *rest.Problem that names all that is wrong.
func read(in *rest.Input, req *http.Request, into any) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(req.Body, maxControlBody+1))
	switch {
	case err != nil:
		return nil, rest.Invalid(rest.Fault{Location: "body", Code: "bad_json", Message: "did not come whole"})
	case len(body) > maxControlBody:
		return nil, rest.NewProblem(http.StatusRequestEntityTooLarge, "body_too_large", fmt.Sprintf("a control body may have %d bytes", maxControlBody))
	case len(body) == 0:
		body = []byte("{}")
	}
	shape := in.Body
	if shape == nil {
		shape = noBody
	}
	faults := in.Check(req, formats, true)
	found, err := strict.Check(body, "body", shape, nil)
	if err != nil {
		found = rest.Faults{{Location: "body", Code: "bad_json", Message: "is not readable as JSON: " + err.Error()}}
	}
	if faults = append(faults, found...); len(faults) > 0 {
		return nil, rest.Invalid(faults...)
	}
	if err := in.Fill(into, req, body); err != nil {
		return nil, rest.Invalid(rest.Fault{Location: "body", Code: rest.WrongType, Message: err.Error()})
	}
	if v, ok := in.BodyOf(into).(Validator); ok {
		faults = v.Validate()
	}
	if len(faults) > 0 {
		return nil, rest.Invalid(faults...)
	}
	return body, nil
}

// describe answers with the document, indented for people.
func (c *Control) describe(w http.ResponseWriter, _ *http.Request) {
	document, err := rest.AppendJSON(nil, c.document)
	if err != nil {
		refuse(w, err)
		return
	}
	var indented bytes.Buffer
	_ = json.Indent(&indented, append(document, '\n'), "", "  ") // it is valid JSON
	w.Header().Set("Content-Type", "application/json")
	_, _ = indented.WriteTo(w) // a client that has gone reads no answer
}

// ServeHTTP answers one control request, so that a test can mount the API on a server of its own.
func (c *Control) ServeHTTP(w http.ResponseWriter, req *http.Request) { c.mux.ServeHTTP(w, req) }

// Serve answers on ln until Close. It serves one listener: a second one, or one that comes after Close, it closes.
func (c *Control) Serve(ln net.Listener) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.server != nil {
		_ = ln.Close()
		return
	}
	server := &http.Server{Handler: c, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 60 * time.Second, MaxHeaderBytes: 64 << 10}
	c.server = server
	c.served.Go(func() {
		server.Serve(ln) //nolint:errcheck // ends with ErrServerClosed
	})
}

// Close ends the API: calls that run may finish for two seconds, then their connections are cut. It may be called before
// Serve, and again.
func (c *Control) Close() {
	c.mu.Lock()
	c.closed = true
	server := c.server
	c.mu.Unlock()
	if server == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if server.Shutdown(ctx) != nil {
		server.Close()
	}
	c.served.Wait()
}
