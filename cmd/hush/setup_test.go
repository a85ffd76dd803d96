package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hushpush/hush/protocol"
)

// result is what a command left behind.
type result struct {
	code        int
	out, errout string
}

// hush runs the command line in this process, in a world of its own.
func hush(t *testing.T, env map[string]string, stdin string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var out, errout bytes.Buffer
	code := run(ctx, args, world{
		stdin: strings.NewReader(stdin), stdout: &out, stderr: &errout,
		getenv: func(name string) string { return env[name] },
		environ: func() (all []string) {
			for name, value := range env {
				all = append(all, name+"="+value)
			}
			return all
		},
	})
	return result{code, out.String(), errout.String()}
}

// api is a server that answers from a table and notes what it was asked.
type api struct {
	url string

	mu      sync.Mutex
	answers map[string][]answer // guarded by mu; "METHOD /path?query": the last one stays
	asked   []string            // guarded by mu; "METHOD /path?query body"
	keys    []string            // guarded by mu; what came as Authorization
}

type answer struct {
	status int
	body   string
}

func fakeAPI(t *testing.T, answers map[string][]answer) *api {
	t.Helper()
	a := &api{answers: answers}
	srv := httptest.NewServer(a)
	t.Cleanup(srv.Close)
	a.url = srv.URL
	return a
}

// serveAt serves until the test ends, and returns the address.
func serveAt(t *testing.T, h http.Handler) string {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv.URL
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	a.mu.Lock()
	defer a.mu.Unlock()
	what := r.Method + " " + r.URL.RequestURI()
	a.asked = append(a.asked, strings.TrimSpace(what+" "+string(body)))
	a.keys = append(a.keys, r.Header.Get("Authorization"))
	ready, known := a.answers[what]
	if !known {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(404)
		fmt.Fprintf(w, `{"title":"Not Found","status":404,"code":"not_found","detail":"there is no %s"}`, r.URL.Path)
		return
	}
	now := ready[0]
	if len(ready) > 1 {
		a.answers[what] = ready[1:]
	}
	switch {
	case now.status >= 400:
		w.Header().Set("Content-Type", "application/problem+json")
	case strings.HasPrefix(now.body, "event:"):
		w.Header().Set("Content-Type", "text/event-stream")
	default:
		w.Header().Set("Content-Type", "application/json")
	}
	w.Header().Set(protocol.HeaderAPI, protocol.APIVersion)
	w.WriteHeader(now.status)
	io.WriteString(w, now.body)
}

func (a *api) requests() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]string(nil), a.asked...)
}

// env points the command line at the server.
func (a *api) env() map[string]string {
	return map[string]string{"HUSH_SERVER": a.url, "HUSH_KEY": "key-hidden", "HUSH_APP": "notes"}
}
