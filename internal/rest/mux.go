package rest

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"
)

// Mux finds the route of a request by its method and its path, which is matched escaped: an id in it may hold a slash, and be "."
// or "..". What has no route is for its refusals. Make one with NewMux.
type Mux struct {
	mux      *http.ServeMux
	refusals Refusals
}

// Refusals answer for what has no route.
type Refusals struct {
	Path   func(w http.ResponseWriter, r *http.Request, detail string)        // there is no such path
	Method func(w http.ResponseWriter, r *http.Request, allow, detail string) // the path takes other methods; Allow is set
}

// NewMux makes a Mux without routes.
func NewMux(refusals Refusals) *Mux { return &Mux{mux: http.NewServeMux(), refusals: refusals} }

// Handle adds a route. The path is written as http.ServeMux has it: /apps/{app}.
func (m *Mux) Handle(method, path string, handler http.HandlerFunc) {
	m.mux.HandleFunc(method+" "+path, handler)
}

// Below adds a handler for all of a path and below it, whatever the method. The path ends with a slash.
func (m *Mux) Below(path string, handler http.Handler) { m.mux.Handle(path, handler) }

// ServeHTTP answers one request.
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

// refuse asks the router's own answer why there is no route.
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

// discard is a writer for an answer that nobody is to get.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(status int)      { d.status = status }

// loneSlash stands in a path for an id that is "/" and nothing more, which the router would take for the path's end. It
// cannot be guessed, so that no path has it by itself.
var loneSlash = "\x00" + rand.Text()

// escapeParts keeps the router from reading more into a path than its parts: one that is "." or ".." stands for an id, like its
// escaped form, and so does one that is an escaped slash.
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

// PathValue is the value of a path's parameter.
func PathValue(r *http.Request, name string) string {
	if value := r.PathValue(name); value != loneSlash {
		return value
	}
	return "/"
}
