package api

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/hushpush/hush/internal/rest"
	"github.com/hushpush/hush/protocol"
)

// readyWait is how long /readyz waits for the rooms.
const readyWait = 3 * time.Second

// plainRoutes adds the routes around the API: health, metrics, the document and its page, and the WebSocket.
func (a *API) plainRoutes() {
	register(a, route{id: "health", method: http.MethodGet, path: "/healthz", tag: chapterOperation,
		summary: "Whether the process is alive"}, a.health)
	register(a, route{id: "ready", method: http.MethodGet, path: "/readyz", tag: chapterOperation,
		refuses: []protocol.ProblemCode{codeUnavailable}, summary: "Whether the server is serving", about: "503 `unavailable` while it starts, drains, or cannot reach its store."}, a.ready)
	if !a.MetricsElsewhere {
		a.document.Put(http.MethodGet, "/metrics", metricsOperation())
		a.mux.Handle(http.MethodGet, "/metrics", metricsOf(a.Metrics).ServeHTTP)
	}
	a.document.Put(http.MethodGet, "/v1/connect", connectOperation(a.document.Components.Schemas))
	a.mux.Handle(http.MethodGet, "/openapi.json", a.serveDocument)
	docs := docsPage()
	a.mux.Handle(http.MethodGet, "/docs", docs.ServeHTTP)
	a.mux.Handle(http.MethodGet, "/docs/", docs.ServeHTTP)
	if a.Connect != nil {
		a.mux.Handle(http.MethodGet, "/v1/connect", a.Connect.ServeHTTP)
	}
}

func metricsOf(r *prometheus.Registry) http.Handler {
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{})
}

// MetricsHandler returns a handler for GET /metrics and nothing else, for a listener of its own.
func MetricsHandler(r *prometheus.Registry) http.Handler {
	metrics := metricsOf(r)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		secure(w.Header())
		switch {
		case r.URL.Path != "/metrics":
			writeProblem(w, newProblem(http.StatusNotFound, codeNotFound, "there is /metrics here, and nothing else"))
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			writeProblem(w, newProblem(http.StatusMethodNotAllowed, codeMethod, r.Method+" is not for this path; want GET, HEAD"))
		default:
			metrics.ServeHTTP(w, r)
		}
	})
}

func (a *API) health(context.Context, *call, *rest.None) (*rest.Answer[protocol.Status], error) {
	return rest.NewAnswer(http.StatusOK, protocol.Status{Status: "ok"}), nil
}

func (a *API) ready(ctx context.Context, _ *call, _ *rest.None) (*rest.Answer[protocol.Status], error) {
	ctx, stop := context.WithTimeout(ctx, readyWait)
	defer stop()
	if err := a.Ready(ctx); err != nil {
		a.calm.WarnContext(ctx, "not ready", "error", err.Error())
		return nil, newProblem(http.StatusServiceUnavailable, codeUnavailable, "the server is starting, stopping, or cannot reach its store; its log says which")
	}
	return rest.NewAnswer(http.StatusOK, protocol.Status{Status: "ok"}), nil
}

func (a *API) serveDocument(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(a.openapi) // a client that has gone reads no answer
}
