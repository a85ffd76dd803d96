package api

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hushpush/hush/protocol"
)

// Times of connections.
const (
	headWait   = 10 * time.Second // for a request's head
	idleWait   = 2 * time.Minute  // between requests
	answerWait = 2 * time.Minute  // for a client to read its answer; streams renew it with each piece
	maxHead    = 32 << 10         // bytes of a request's head
)

// NewHTTPServer is the server that the API is to run in: its times guard against clients that send their head slowly or
// never. The logger gets what net/http complains of, at debug.
func NewHTTPServer(handler http.Handler, logger *slog.Logger) *http.Server {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headWait,
		IdleTimeout:       idleWait,
		MaxHeaderBytes:    maxHead,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}
}

// ServeHTTP answers one request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	out := &recorder{ResponseWriter: w}
	track := &trail{}
	r = r.WithContext(context.WithValue(r.Context(), trailKey{}, track))
	out.Header().Set(protocol.HeaderAPI, protocol.APIVersion)
	secure(out.Header())
	defer func() {
		a.metrics.observe(r.Method, routeOf(r.Pattern), out.status(), time.Since(start))
		a.audit(r, out, track)
	}()
	defer a.recoverPanic(r.Context(), out, r)
	control := http.NewResponseController(w)
	// Also for bodies that nobody reads: net/http reads on after the answer, to use the connection again. Errors mean a
	// writer without deadlines, as in tests.
	if r.Body != nil && r.Body != http.NoBody {
		_ = control.SetReadDeadline(start.Add(a.BodyWait))
	}
	_ = control.SetWriteDeadline(start.Add(answerWait))
	escapeParts(r)
	if strings.Contains(r.URL.EscapedPath(), "//") {
		writeProblem(out, newProblem(http.StatusNotFound, codeNotFound, "the path has an empty part; an id is never empty"))
		return
	}
	if handler, pattern := a.mux.Handler(r); pattern == "" {
		a.refuseRoute(out, r, handler)
		return
	}
	a.mux.ServeHTTP(out, r)
}

// secure keeps answers, which have people's data and new secrets in them, out of caches, and browsers from guessing what an
// answer is.
func secure(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
}

// recoverPanic answers 500 for a handler that panicked, and logs it. net/http's own panic, which ends a connection, goes on.
func (a *API) recoverPanic(ctx context.Context, out *recorder, r *http.Request) {
	v := recover()
	if v == nil {
		return
	}
	if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(v)
	}
	a.metrics.panics.Inc()
	a.Logger.LogAttrs(ctx, slog.LevelError, "a handler panicked", slog.String("route", r.Pattern),
		slog.String("panic", fmt.Sprintf("%T", v)), slog.String("stack", string(debug.Stack())))
	if out.code == 0 {
		writeProblem(out, problemOf(errors.New("panic")))
	}
}

// refuseRoute answers for a path, or a method of a path, that does not exist.
func (a *API) refuseRoute(w http.ResponseWriter, r *http.Request, fallback http.Handler) {
	said := &recorder{ResponseWriter: &discard{header: http.Header{}}}
	fallback.ServeHTTP(said, r)
	if said.code == http.StatusMethodNotAllowed {
		allow := said.Header().Get("Allow")
		w.Header().Set("Allow", allow)
		writeProblem(w, newProblem(http.StatusMethodNotAllowed, codeMethod, fmt.Sprintf("%s is not for this path; want %s", r.Method, allow)))
		return
	}
	writeProblem(w, newProblem(http.StatusNotFound, codeNotFound, "there is no such path; /docs lists them"))
}

// loneSlash stands in a path for an id that is "/" and nothing more, which the router would take for the path's end. It
// cannot be guessed, so that no path has it by itself.
var loneSlash = "\x00" + rand.Text()

// escapeParts keeps the router from reading more into a path than its parts: one that is "." or ".." stands for an id,
// which is then refused by name, like its escaped form, and so does one that is an escaped slash.
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

// restoreSlashes gives the handler the ids that loneSlash stood for.
func restoreSlashes(r *http.Request, params []*huma.Param) {
	for _, p := range params {
		if p.In == "path" && r.PathValue(p.Name) == loneSlash {
			r.SetPathValue(p.Name, "/")
		}
	}
}

// routeOf is a pattern without its method.
func routeOf(pattern string) string {
	if _, path, ok := strings.Cut(pattern, " "); ok {
		return path
	}
	return pattern
}

// recorder remembers the status of an answer.
type recorder struct {
	http.ResponseWriter
	code    int
	refusal bytes.Buffer // the body of one, from which its code is read
}

// WriteHeader remembers the first final status.
func (r *recorder) WriteHeader(code int) {
	if r.code == 0 && code >= 200 {
		r.code = code
	}
	secure(r.Header()) // net/http's own errors take headers back
	r.ResponseWriter.WriteHeader(code)
}

// Write is an answer with status 200 unless another was said.
func (r *recorder) Write(b []byte) (int, error) {
	if r.code == 0 {
		r.WriteHeader(http.StatusOK)
	}
	r.keep(b)
	return r.ResponseWriter.Write(b)
}

// Unwrap is the writer below, for http.ResponseController.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// Hijack gives the connection to a WebSocket.
func (r *recorder) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	r.code = http.StatusSwitchingProtocols
	return http.NewResponseController(r.ResponseWriter).Hijack()
}

// Flush sends what has been written.
func (r *recorder) Flush() { _ = http.NewResponseController(r.ResponseWriter).Flush() }

// status is what was answered; an answer without a word is 200, as net/http has it.
func (r *recorder) status() int {
	if r.code == 0 {
		return http.StatusOK
	}
	return r.code
}

// discard is a writer for an answer that nobody is to get.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(int)             {}
