package rest

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"
)

// Mux finds the route of a request by its method and path. It matches the escaped path, so an id in it may contain a slash, and
// be "." or "..". Requests without a route go to its refusals. Make one with NewMux.
type Mux struct {
	mux      *http.ServeMux
	refusals Refusals
}

// Refusals answer requests that have no route.
type Refusals struct {
	Path   func(w http.ResponseWriter, r *http.Request, detail string)        // the path does not exist
	Method func(w http.ResponseWriter, r *http.Request, allow, detail string) // the path has other methods; Allow is set
}

// NewMux returns a Mux without routes.
func NewMux(refusals Refusals) *Mux { return &Mux{mux: http.NewServeMux(), refusals: refusals} }

// Handle adds a route. The path is in the syntax of http.ServeMux: /apps/{app}.
func (m *Mux) Handle(method, path string, handler http.HandlerFunc) {
	m.mux.HandleFunc(method+" "+path, handler)
}

// Below adds a handler for a path and everything below it, for all methods. The path ends with a slash.
func (m *Mux) Below(path string, handler http.Handler) { m.mux.Handle(path, handler) }

// ServeHTTP passes the request to its route.
func (m *Mux) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	escapeParts(r)
	if strings.Contains(r.URL.EscapedPath(), "//") {
		m.refusals.Path(w, r, "the path has an empty part; an id is never empty")
		return
	}
	if handler, pattern := m.mux.Handler(r); pattern == "" {
		m.refuse(w, r, handler)
		return
	}
	m.mux.ServeHTTP(w, r)
}

// refuse answers a request without a route. It runs the router's own answer to find out why there is none.
func (m *Mux) refuse(w http.ResponseWriter, r *http.Request, fallback http.Handler) {
	own := &discard{header: http.Header{}}
	fallback.ServeHTTP(own, r)
	if own.status == http.StatusMethodNotAllowed {
		allow := own.header.Get("Allow")
		w.Header().Set("Allow", allow)
		m.refusals.Method(w, r, allow, r.Method+" is not for this path; want "+allow)
		return
	}
	m.refusals.Path(w, r, "there is no such path")
}

// discard is a writer that drops the answer.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(status int)      { d.status = status }

// loneSlash replaces an id in a path that is just "/", which the router would take for the end of the path. It is random, so no
// request can contain it.
var loneSlash = "\x00" + rand.Text()

// escapeParts keeps the router from interpreting parts of the path: a part "." or ".." is an id, like its escaped form, and so is
// an escaped slash.
func escapeParts(r *http.Request) {
	parts := strings.Split(r.URL.EscapedPath(), "/")
	changed := false
	for i, part := range parts {
		switch {
		case part == "." || part == "..":
			parts[i], changed = strings.ReplaceAll(part, ".", "%2E"), true
		case strings.EqualFold(part, "%2F"):
			parts[i], changed = url.PathEscape(loneSlash), true
		}
	}
	if !changed {
		return
	}
	raw := strings.Join(parts, "/")
	if path, err := url.PathUnescape(raw); err == nil {
		r.URL.Path, r.URL.RawPath = path, raw
	}
}

// PathValue returns the value of a path parameter.
func PathValue(r *http.Request, name string) string {
	if value := r.PathValue(name); value != loneSlash {
		return value
	}
	return "/"
}
