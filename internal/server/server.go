// Package server composes the rooms into one process: store, auth, providers, gateway, delivery and api. It is the only
// place that knows them all.
//
//	Start: certificate ─▶ store (takes data directory and database ─▶ keys) ─▶ providers ─▶ gateway ─▶ delivery ─▶ api ─▶ listen
//	Shutdown: the same the other way round
package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/hushpush/hush/internal/api"
	"github.com/hushpush/hush/internal/apns"
	"github.com/hushpush/hush/internal/auth"
	"github.com/hushpush/hush/internal/calm"
	"github.com/hushpush/hush/internal/config"
	"github.com/hushpush/hush/internal/delivery"
	"github.com/hushpush/hush/internal/fcm"
	"github.com/hushpush/hush/internal/front"
	"github.com/hushpush/hush/internal/gateway"
	"github.com/hushpush/hush/internal/proxy"
	"github.com/hushpush/hush/internal/store"
	"github.com/hushpush/hush/internal/vitals"
	"github.com/hushpush/hush/push"
)

// Config is what a server needs.
type Config struct {
	Settings config.Config    // Data is required
	Version  string           // of Hush; "" means dev
	Logger   *slog.Logger     // nil discards
	Now      func() time.Time // nil means time.Now

	// TurnWait is how long Start waits for another process that has the data directory or the database. 0 means 15s, less than
	// 0 not at all.
	TurnWait time.Duration

	// Fatal is called when the process has to end at once: the disk failed, and what is on it is unknown; or another process
	// has taken over the database. nil panics.
	Fatal func(error)
}

// Server is one node.
type Server struct {
	cfg         Config
	log         *slog.Logger
	phase       phase
	closers     closers // owned by Start, then by Shutdown: phase keeps them apart
	addr        net.Addr
	metricsAddr net.Addr     // nil: /metrics is on addr
	cert        *certificate // nil: plain HTTP
	roots       *auth.RootKeys
	secrets     *auth.Keyring
	made        []string      // the key files that this start has made
	reseal      chan struct{} // 1 place: something is to be sealed anew

	rotatingRoot sync.Mutex // held from the announcement of a root key until it is settled

	failed chan error

	store   *store.Store
	auth    *auth.Auth
	apns    *apns.Client
	fcm     *fcm.Client
	door    *front.Door
	gateway *gateway.Gateway
	engine  *delivery.Engine
	metrics *prometheus.Registry
	vitals  *vitals.Vitals

	stopVitals func()
}

// New checks a Config. The server does nothing before its Start.
func New(cfg Config) (*Server, error) {
	if cfg.Settings.Data == "" {
		return nil, errors.New("server: data is empty; want a directory for the database and the keys")
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	s := &Server{cfg: cfg, log: cfg.Logger.With("room", "server"), failed: make(chan error, 1), reseal: make(chan struct{}, 1), metrics: prometheus.NewRegistry()}
	s.metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	s.vitals = vitals.New(vitals.Config{Version: cfg.Version, Registry: s.metrics, Logger: cfg.Logger, Now: cfg.Now, BacklogLimit: cfg.Settings.Limits.Backlog})
	return s, nil
}

// Start makes a server and starts it.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	s, err := New(cfg)
	if err != nil {
		return nil, err
	}
	if err := s.Start(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// Start starts the server and returns once it listens. An error leaves nothing running behind. Before it listens, it waits
// for another process that has the data directory or the database, and refuses a database that belongs to other keys. A
// server starts once, and not after Shutdown.
func (s *Server) Start(ctx context.Context) error {
	return s.phase.start(ctx, func(ctx context.Context) error {
		for _, step := range []func(context.Context) error{
			s.readCertificate, s.openStore, s.connectProviders, s.startDelivery, s.attachVitals, s.listenMetrics, s.listen, s.watchVitals,
		} {
			if err := step(ctx); err != nil {
				return errors.Join(err, s.closers.close(context.WithoutCancel(ctx)))
			}
		}
		return nil
	})
}

// Addr returns the address that the server listens on.
func (s *Server) Addr() string { return s.addr.String() }

// MetricsAddr returns the address that /metrics is served on.
func (s *Server) MetricsAddr() string {
	if s.metricsAddr == nil {
		return s.Addr()
	}
	return s.metricsAddr.String()
}

// URL returns where clients find the server.
func (s *Server) URL() string {
	if s.cfg.Settings.TLSCert != "" {
		return "https://" + s.Addr()
	}
	return "http://" + s.Addr()
}

// RootKey returns the key that may do everything.
func (s *Server) RootKey() push.Secret { return s.roots.Secret() }

// Failed returns a channel that gets the error if a listener ends by itself.
func (s *Server) Failed() <-chan error { return s.failed }

// Shutdown stops accepting, finishes or hands back what is in flight, and returns once nothing of the server runs any
// more. A start that is under way is broken off. It may be called again and from several goroutines: all calls return
// together, with the same error.
func (s *Server) Shutdown(ctx context.Context) error {
	return s.phase.stop(func() error { return s.closers.close(ctx) })
}

var errEnding = errors.New("server: it is stopping")

// ready returns nil while the server serves. From the start of a drain, a load balancer that still has a connection learns to
// look elsewhere.
func (s *Server) ready(ctx context.Context) error {
	if s.phase.stopping() {
		return errEnding
	}
	return s.store.Ping(ctx)
}

// readCertificate comes first: a file that is wrong is no reason to make keys or to take a database.
func (s *Server) readCertificate(context.Context) (err error) {
	set := s.cfg.Settings
	if set.TLSCert == "" {
		return nil
	}
	if s.cert, err = loadCertificate(set.TLSCert, set.TLSKey, s.log); err != nil {
		return fmt.Errorf("server: %w", err)
	}
	return nil
}

// openStore takes the data directory and the database for this process, reads or makes the keys, and opens the store.
func (s *Server) openStore(ctx context.Context) (err error) {
	set := s.cfg.Settings
	s.store, err = store.Open(ctx, store.Config{
		DataDir: set.Data, DatabaseURL: set.Database.Reveal(), Keys: s.keys, Accepting: push.Accepting{AckWait: set.Delivery.AckWait},
		DevicesPerUser: set.Limits.DevicesPerUser, TurnWait: s.cfg.TurnWait,
		Now: s.cfg.Now, Logger: s.cfg.Logger, Vitals: s.vitals, Fatal: s.cfg.Fatal,
	})
	if err != nil {
		return s.inTheWay(err)
	}
	s.closers.add("store", func(context.Context) error { return s.store.Close() })
	s.auth, err = auth.New(auth.Config{Store: s.store, Roots: s.roots, WakeSecret: s.store.WakeSecret(),
		Logger: s.cfg.Logger, Now: s.cfg.Now, UserTokenMax: set.Auth.UserTokenMax})
	if err != nil {
		return err
	}
	s.run("auth", s.auth.Run)
	s.run("secret keys", s.resealLoop)
	return nil
}

// run starts what runs until the server stops.
func (s *Server) run(name string, loop func(ctx context.Context)) {
	stop := start(loop)
	s.closers.add(name, func(context.Context) error { stop(); return nil })
}

// start starts a loop. stop ends it, and returns once it has ended.
func start(loop func(ctx context.Context)) (stop func()) {
	ctx, end := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); loop(ctx) }()
	return func() { end(); <-done }
}

func (s *Server) connectProviders(context.Context) error {
	set := s.cfg.Settings
	apnsCA, err := readCA("apns.ca", set.APNs.CA)
	if err != nil {
		return err
	}
	fcmCA, err := readCA("fcm.ca", set.FCM.CA)
	if err != nil {
		return err
	}
	way, err := proxy.Parse(set.Proxy.Reveal())
	if err != nil {
		return fmt.Errorf("server: proxy: %w", err)
	}
	if names := way.Names(); len(names) > 0 {
		s.log.Info("outgoing connections go through a proxy", "proxies", names)
	}
	s.apns, err = apns.New(apns.Config{
		Credentials: s.store, Topics: s.store.Topics, URL: set.APNs.URL, DevelopmentURL: set.APNs.DevelopmentURL, CA: apnsCA, Proxy: way,
		RetryWait: set.APNs.RetryWait, Logger: s.cfg.Logger, Now: s.cfg.Now,
	})
	if err != nil {
		return err
	}
	s.closers.add("APNs", func(context.Context) error { s.apns.Close(); return nil })
	s.fcm, err = fcm.New(fcm.Config{
		Credentials: s.store, URL: set.FCM.URL, TokenURL: set.FCM.TokenURL, TokenHosts: set.FCM.TokenHosts, CA: fcmCA, Proxy: way,
		RetryWait: set.FCM.RetryWait, QuotaWait: set.FCM.QuotaWait, Logger: s.cfg.Logger, Now: s.cfg.Now,
	})
	if err != nil {
		return err
	}
	s.closers.add("FCM", func(context.Context) error { s.fcm.Close(); return nil })
	return nil
}

func readCA(setting, path string) ([]byte, error) {
	if path == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("server: %s: %w", setting, err)
	}
	if !x509.NewCertPool().AppendCertsFromPEM(pem) { // an empty file would count as none, and trust the system's
		return nil, fmt.Errorf("server: %s: there is no certificate in %s; want one or more in PEM", setting, path)
	}
	return pem, nil
}

// startDelivery starts the engine and the gateway, which need each other: the gateway reports sessions to the engine, and
// the engine gives it pushes.
func (s *Server) startDelivery(context.Context) error {
	set := s.cfg.Settings
	engine := &engineForGateway{}
	var err error
	s.door = front.NewDoor(rateOf(set.Limits.Unauthenticated, unauthenticatedRate), s.cfg.Now)
	s.gateway, err = gateway.New(gateway.Config{
		Front: s.door,
		Auth:  s.auth, Receiver: engine, Notify: engine, Devices: s.store, Pushes: s.store, Logger: calm.Logger(s.cfg.Logger), Now: s.cfg.Now,
	})
	if err != nil {
		return err
	}
	s.engine, err = delivery.New(delivery.Config{
		Store: s.store, Sessions: s.gateway, Keys: s.auth,
		Wakers:  map[push.Provider]delivery.Waker{push.APNs: s.apns, push.FCM: s.fcm},
		AckWait: set.Delivery.AckWait, Keep: set.Store.Keep, SingleNode: set.Database == "", Logger: calm.Logger(s.cfg.Logger).With("room", "delivery"), Now: s.cfg.Now,
		Metrics: delivery.NewMetrics(s.metrics), Vitals: s.vitals,
	})
	if err != nil {
		return err
	}
	engine.engine = s.engine
	s.run("delivery", s.engine.Run)
	s.closers.add("gateway", s.gateway.Close)
	return nil
}

// attachVitals names what is asked how the server does. What watchVitals begins stops before that does, and after the listener,
// so that the last summary has what happened until then.
func (s *Server) attachVitals(ctx context.Context) error {
	engine, version, err := s.store.Engine(ctx)
	if err != nil {
		return err
	}
	s.vitals.Attach(vitals.Parts{
		Store: s.store, Engine: engine, EngineVersion: version, Node: s.store.Node(), Queue: s.engine, Sessions: s.gateway,
		Providers: map[push.Provider]vitals.Provider{push.APNs: s.apns.Troubles(), push.FCM: s.fcm.Troubles()},
	})
	s.stopVitals = func() {}
	s.closers.add("vitals", func(context.Context) error { s.stopVitals(); return nil })
	return nil
}

// watchVitals starts to log how the server does, once it listens: a start that failed has nothing to sum up.
func (s *Server) watchVitals(context.Context) error {
	s.stopVitals = start(s.vitals.Run)
	return nil
}

// listen answers the API. It comes last: whoever connects finds everything there.
func (s *Server) listen(ctx context.Context) error {
	set := s.cfg.Settings
	handler, err := api.New(api.Config{
		Store: policies{s.store, s}, Delivery: s.engine, Auth: s.auth, Sessions: s.gateway,
		Checkers: map[push.Provider]api.CredentialChecker{push.APNs: s.apns, push.FCM: s.fcm},
		Limits:   limitsOf(set.Limits), Bodies: set.Limits.Bodies, StreamsPerKey: set.Limits.StreamsPerKey, SpoolDir: set.Data,
		Front: s.door, Keys: rotation{s}, Vitals: s.vitals, Intake: s.vitals, Connect: s.gateway, Metrics: s.metrics, MetricsElsewhere: set.Metrics.Listen != "",
		Ready: s.ready, Version: s.cfg.Version, Logger: s.cfg.Logger, Now: s.cfg.Now,
	})
	if err != nil {
		return err
	}
	s.closers.add("api", func(context.Context) error { handler.Close(); return nil })
	srv := api.NewHTTPServer(handler, s.cfg.Logger)
	live, end := context.WithCancel(context.Background()) // ends live timelines, which would outlast any drain
	srv.BaseContext = func(net.Listener) context.Context { return live }
	srv.RegisterOnShutdown(end)
	if s.cert != nil {
		srv.TLSConfig = &tls.Config{GetCertificate: s.cert.get, MinVersion: tls.VersionTLS12}
	}
	listen := set.Listen
	if listen == "" {
		listen = "127.0.0.1:0"
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", listen)
	if err != nil {
		end()
		return listenError("listen", err)
	}
	s.addr = ln.Addr()
	s.warnOfPlainText(s.addr)
	limited, err := front.Listen(ln, front.Config{
		Connections: set.Limits.Connections, PerAddress: set.Limits.ConnectionsPerAddress, Trusted: set.Trusted,
		Metrics: s.metrics, Logger: s.cfg.Logger,
	})
	if err != nil {
		end()
		return errors.Join(err, ln.Close())
	}
	limited.Attach(srv)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := serve(srv, limited); !errors.Is(err, http.ErrServerClosed) {
			s.fail(err)
		}
	}()
	s.closers.add("listener", func(ctx context.Context) error {
		defer func() { end(); <-done }()
		return stopHTTP(ctx, srv)
	})
	return nil
}

func serve(srv *http.Server, ln net.Listener) error {
	if srv.TLSConfig != nil {
		return srv.ServeTLS(ln, "", "")
	}
	return srv.Serve(ln)
}

// requestsWait is how long requests under way may take once the server is to stop.
const requestsWait = 2 * time.Second

// stopHTTP lets requests under way end, and then cuts off those that do not.
func stopHTTP(ctx context.Context, srv *http.Server) error {
	ctx, cancel := context.WithTimeoutCause(ctx, requestsWait, errors.New("server: requests did not end in time"))
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil {
		return srv.Close()
	}
	return nil
}
