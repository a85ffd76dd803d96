package simkit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"time"
)

// maxControlBody is the most bytes of a control request's body.
const maxControlBody = 1 << 20

// Control is the control API: routes with typed bodies over plain HTTP, and their OpenAPI description. Routes are added
// before Serve.
type Control struct {
	title  string
	mux    *http.ServeMux
	paths  map[string]map[string]operation // by path, then method
	server *http.Server
	done   chan struct{}
	once   sync.Once
}

// NewControl makes an API without routes but its description; title heads that.
func NewControl(title string) *Control {
	c := &Control{title: title, mux: http.NewServeMux(), paths: map[string]map[string]operation{}}
	c.mux.HandleFunc("GET /_sim/openapi.json", c.describe)
	return c
}

// Call is one control request, as a handler sees it.
type Call[In any] struct {
	Context context.Context
	Body    *In // never nil
	path    func(string) string
	query   url.Values
}

// Path is the value of a {name} in the route's path, unescaped.
func (c *Call[In]) Path(name string) string { return c.path(name) }

// Query is the value of a query parameter, "" if it is not given.
func (c *Call[In]) Query(name string) string { return c.query.Get(name) }

// Route is one call of the control API.
type Route struct {
	Method, Path string // Path as http.ServeMux writes it: /_sim/tokens/{token}
	Summary      string
	Query        []QueryParam // others are refused
	Status       []int        // success statuses, for the description; the first is the usual one
}

// QueryParam is a query parameter of a route.
type QueryParam struct{ Name, Doc string }

// None is the body of a route that takes or gives none.
type None struct{}

// Handle adds a route. The handler answers a status and a body (nil for none), or an error: a *Problem as it is, others as
// 500. Bodies that do not fit In never reach it.
func Handle[In, Out any](c *Control, r Route, h func(*Call[In]) (int, *Out, error)) {
	if c.paths[r.Path] == nil {
		c.paths[r.Path] = map[string]operation{}
		c.mux.HandleFunc(r.Path, c.wrongMethod(r.Path))
	}
	c.paths[r.Path][r.Method] = describeRoute(r, reflect.TypeFor[In](), reflect.TypeFor[Out]())
	c.mux.HandleFunc(r.Method+" "+r.Path, func(w http.ResponseWriter, req *http.Request) {
		call := &Call[In]{Context: req.Context(), path: req.PathValue, query: req.URL.Query()}
		status, out, err := serveRoute(r, call, req, h)
		if err != nil {
			p := &Problem{Status: http.StatusInternalServerError, Code: "internal", Detail: err.Error()}
			errors.As(err, &p)
			writeProblem(w, p)
			return
		}
		if out == nil {
			w.WriteHeader(status)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		e.Encode(out) //nolint:errcheck // the client has gone
	})
}

func serveRoute[In, Out any](r Route, call *Call[In], req *http.Request, h func(*Call[In]) (int, *Out, error)) (int, *Out, error) {
	for name := range call.query {
		known := false
		for _, q := range r.Query {
			known = known || q.Name == name
		}
		if !known {
			return 0, nil, Invalid(FieldError{"query." + clip(name), "unknown_field", "is not known here"})
		}
	}
	body, err := io.ReadAll(io.LimitReader(req.Body, maxControlBody+1))
	if err != nil {
		return 0, nil, Invalid(FieldError{"body", "bad_json", "did not come whole"})
	}
	if len(body) > maxControlBody {
		return 0, nil, &Problem{Status: http.StatusRequestEntityTooLarge, Code: "body_too_large", Detail: fmt.Sprintf("a control body may have %d bytes", maxControlBody)}
	}
	if call.Body, err = Decode[In](body); err != nil {
		return 0, nil, err
	}
	return h(call)
}

func (c *Control) wrongMethod(path string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		var allow []string
		for m := range c.paths[path] {
			allow = append(allow, m)
		}
		w.Header().Set("Allow", strings.Join(allow, ", "))
		writeProblem(w, &Problem{Status: http.StatusMethodNotAllowed, Code: "method_not_allowed", Detail: "this path takes " + strings.Join(allow, ", ")})
	}
}

// ServeHTTP answers one control request, so that a test can mount the API on a server of its own.
func (c *Control) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if _, pattern := c.mux.Handler(req); pattern == "" {
		writeProblem(w, NotFound("nothing is at "+clip(req.URL.Path)+"; /_sim/openapi.json lists what is"))
		return
	}
	c.mux.ServeHTTP(w, req)
}

// Serve answers on ln until Close. It may be called once.
func (c *Control) Serve(ln net.Listener) {
	c.server = &http.Server{Handler: c, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 60 * time.Second, MaxHeaderBytes: 64 << 10}
	c.done = make(chan struct{})
	go func() {
		defer close(c.done)
		c.server.Serve(ln) //nolint:errcheck // ends with ErrServerClosed
	}()
}

// Close ends the API: calls that run may finish for two seconds, then their connections are cut. It may be called twice, and
// without Serve.
func (c *Control) Close() {
	if c.server == nil {
		return
	}
	c.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		if c.server.Shutdown(ctx) != nil {
			c.server.Close()
		}
	})
	<-c.done
}
