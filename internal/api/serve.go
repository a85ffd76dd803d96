package api

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/hushpush/hush/internal/rest"

	"github.com/hushpush/hush/protocol"
)

// Time limits of connections, and the size of a head.
const (
	headWait   = 10 * time.Second // for a request's head
	idleWait   = 2 * time.Minute  // between requests
	answerWait = 2 * time.Minute  // for a client to read its answer; streams restart it with each piece
	maxHead    = 32 << 10         // bytes of a request's head
)

// NewHTTPServer returns the server to run the API in. Its time limits guard against clients that send their head slowly or never.
// The logger gets net/http's complaints, at debug.
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

// ServeHTTP serves one request.
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
	// The deadline also bounds bodies that nobody reads, because net/http reads on after the answer to reuse the connection. An
	// error means a writer without deadlines, as in tests.
	if r.Body != nil && r.Body != http.NoBody {
		_ = control.SetReadDeadline(start.Add(a.BodyWait))
	}
	_ = control.SetWriteDeadline(start.Add(answerWait))
	a.mux.ServeHTTP(out, r)
}

// secure keeps answers out of caches, because they contain people's data and new secrets, and keeps browsers from guessing their
// type.
func secure(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
}

// recoverPanic answers 500 for a handler that panicked, and logs it. It lets http.ErrAbortHandler pass, which ends a connection.
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

// noRoute answers requests whose path, or method for that path, does not exist.
var noRoute = rest.Refusals{
	Path: func(w http.ResponseWriter, _ *http.Request, detail string) {
		p := newProblem(http.StatusNotFound, codeNotFound, detail+"; /docs lists all paths")
		p.Type = protocol.ProblemTypeNoPath
		writeProblem(w, p)
	},
	Method: func(w http.ResponseWriter, _ *http.Request, _, detail string) {
		writeProblem(w, newProblem(http.StatusMethodNotAllowed, codeMethod, detail))
	},
}

// routeOf returns a pattern without its method.
func routeOf(pattern string) string {
	if _, path, ok := strings.Cut(pattern, " "); ok {
		return path
	}
	return pattern
}

// recorder records the status of an answer.
type recorder struct {
	http.ResponseWriter
	code    int
	problem string // the code of the problem; "": the answer is not a problem
}

// WriteHeader records the first final status.
func (r *recorder) WriteHeader(code int) {
	if r.code == 0 && code >= 200 {
		r.code = code
	}
	secure(r.Header()) // net/http's own errors remove headers
	r.ResponseWriter.WriteHeader(code)
}

// Write writes the body, with status 200 if none was set.
func (r *recorder) Write(b []byte) (int, error) {
	if r.code == 0 {
		r.WriteHeader(http.StatusOK)
	}
	return r.ResponseWriter.Write(b)
}

// RecordProblem records the code of a problem.
func (r *recorder) RecordProblem(code string) { r.problem = code }

// Unwrap returns the underlying writer, for http.ResponseController.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// Hijack hands the connection over to a WebSocket.
func (r *recorder) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	r.code = http.StatusSwitchingProtocols
	return http.NewResponseController(r.ResponseWriter).Hijack()
}

// Flush sends what has been written.
func (r *recorder) Flush() { _ = http.NewResponseController(r.ResponseWriter).Flush() }

// status returns the status of the answer; 200 if none was set, as in net/http.
func (r *recorder) status() int {
	if r.code == 0 {
		return http.StatusOK
	}
	return r.code
}
