package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hushpush/hush/internal/calm"
	"github.com/hushpush/hush/internal/rest"
	"github.com/hushpush/hush/push"
)

// Config is the configuration of New. Fields without a remark are required.
type Config struct {
	Store            Store
	Delivery         Delivery
	Auth             Auth
	Sessions         Sessions
	Keys             Keys
	Vitals           Vitals
	Checkers         map[push.Provider]CredentialChecker // for both providers
	Connect          http.Handler                        // GET /v1/connect; nil: no such route
	Metrics          *prometheus.Registry                // shown by /metrics; New adds the API's own. nil: a new one
	MetricsElsewhere bool                                // do not serve /metrics here
	Ready            func(context.Context) error         // asked by /readyz; nil: always ready
	Version          string                              // Hush's version, for the OpenAPI document; "": dev
	Logger           *slog.Logger                        // nil discards
	Now              func() time.Time                    // nil: time.Now

	Limits Limits // rate limits of callers
	Intake Intake // decides whether there is room for pushes; nil: always
	Front  Front  // learns whether requests show valid secrets; nil: nobody does

	// SpoolDir is where the results of an import wait until its client reads them; "" means the system's directory for temporary
	// files.
	SpoolDir string

	// BodyWait is how long a request's body may take, and an import may stall; 0 means 60s. EventsWait is how often a live
	// timeline looks for changes made by other processes, if there can be any; 0 means 5s.
	BodyWait   time.Duration
	EventsWait time.Duration

	// StoreWait is how long an operation waits for the store before it is refused with 503; 0 means 25s, less than clients
	// commonly wait. Once a commit has begun it is waited for, because it will take effect. Streams wait as long as they last.
	StoreWait time.Duration

	// StreamsPerKey is how many live timelines a key may follow at the same time; 0 means the constant StreamsPerKey.
	StreamsPerKey int

	// Bodies is how many bytes of request bodies may be in memory at once; 0 means 128 MiB. One server key may hold a quarter of
	// it, a user a 64th, and all users together a half. Decoding costs up to four times as much.
	Bodies int64
}

// API serves the HTTP API. It is an http.Handler, safe for concurrent use, and has no goroutines beyond its requests. Close it at
// the end.
type API struct {
	Config
	mux       *rest.Mux
	document  *rest.Document // complete when New returns
	metrics   *metrics
	auditLog  *auditLog
	calm      *slog.Logger // for errors that may recur with every request
	bodies    *bodies
	rates     rates
	streams   *streams
	composing composeLock
	openapi   []byte // never changes after New
}

// New returns the API. The error names what is missing in the configuration.
func New(c Config) (*API, error) {
	if c.Store == nil || c.Delivery == nil || c.Auth == nil || c.Sessions == nil || c.Keys == nil || c.Vitals == nil {
		return nil, errors.New("api: Store, Delivery, Auth, Sessions, Keys or Vitals is nil; want all of them")
	}
	for _, p := range []push.Provider{push.APNs, push.FCM} {
		if c.Checkers[p] == nil {
			return nil, fmt.Errorf("api: no checker of credentials for %s; want one", p)
		}
	}
	c = c.withDefaults()
	a := &API{Config: c, mux: rest.NewMux(noRoute), document: newDocument(c.Version), bodies: newBodies(c.Bodies), streams: newStreams(c.StreamsPerKey), composing: newComposeLock(), rates: newRates(c.Limits, c.Now)}
	a.calm = calm.Logger(c.Logger)
	var err error
	if a.metrics, err = newMetrics(c.Metrics); err != nil {
		return nil, err
	}
	if a.auditLog, err = newAuditLog(c.Logger, c.Metrics); err != nil {
		return nil, err
	}
	a.routes()
	allowNone(a.document.Components.Schemas)
	if a.openapi, err = json.Marshal(a.document); err != nil {
		return nil, fmt.Errorf("api: writing the OpenAPI document: %w", err)
	}
	return a, nil
}

// Close logs the refusals that have been summed up. Call it when all requests have ended.
func (a *API) Close() { a.auditLog.flush() }

func (c Config) withDefaults() Config {
	if c.Metrics == nil {
		c.Metrics = prometheus.NewRegistry()
	}
	if c.Ready == nil {
		c.Ready = func(context.Context) error { return nil }
	}
	if c.Version == "" {
		c.Version = "dev"
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	c.Logger = c.Logger.With("room", "api")
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.BodyWait == 0 {
		c.BodyWait = 60 * time.Second
	}
	if c.StoreWait == 0 {
		c.StoreWait = 25 * time.Second
	}
	if c.EventsWait == 0 {
		c.EventsWait = 5 * time.Second
	}
	if c.StreamsPerKey == 0 {
		c.StreamsPerKey = StreamsPerKey
	}
	if c.Intake == nil {
		c.Intake = endless{}
	}
	if c.Front == nil {
		c.Front = openFront{}
	}
	if c.Bodies == 0 {
		c.Bodies = 128 << 20
	}
	return c
}

func (a *API) routes() {
	a.appRoutes()
	a.keyRoutes()
	a.rotationRoutes()
	a.statusRoutes()
	a.providerRoutes()
	a.resourceRoutes()
	a.userRoutes()
	a.deviceRoutes()
	a.explainRoutes()
	a.importRoutes()
	a.pushRoutes()
	a.pushListRoutes()
	a.eventRoutes()
	a.listenRoutes()
	a.ownDeviceRoutes()
	a.foreignWakeRoutes()
	a.plainRoutes()
}
