package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/hushpush/hush/internal/config"
	"github.com/hushpush/hush/internal/server"
)

// drainWait is how long a stop may take. Supervisors kill after 10 s.
const drainWait = 9 * time.Second

var errDrain = errors.New("the server did not stop in time")

func newServe(w world) *cobra.Command {
	cmd := &cobra.Command{
		Use: "serve", Short: "Run the server", Args: noArgs,
		Long: `Run the server. Everything has a default: without settings it keeps its state in ./hush-data and listens on loopback.

Each setting can be given as a flag, as a variable (--delivery-ack-wait is HUSH_DELIVERY_ACK_WAIT) or in a YAML file
(--config), in this order of precedence:

  listen: 0.0.0.0:8443
  listen.trusted_proxies: [10.0.0.0/8]   # with its dot: listen has a value too
  tls_cert: /etc/hush/cert.pem
  tls_key: /etc/hush/key.pem
  delivery:
    ack_wait: 5s

The first start writes root.key (may do everything) and secret.key (encrypts credentials; keep a copy apart from the
database) to the data directory. From then on the database belongs to these two keys, and a server with other keys refuses
to start. One server serves a database: another one waits up to 15 s for it to end, and then refuses to start. When the
server serves, it prints "ready listen=HOST:PORT" as the first line on standard output; logs go to standard error.

At SIGTERM or Ctrl-C the server stops accepting, finishes or hands back what is in flight, and exits 0 within 10 s; before
"ready" it exits 143 or 130. A second Ctrl-C ends it at once. Accepted pushes are kept in either case. At SIGHUP the server
reads the certificate's files and the log level of the --config file again, and logs what has changed; other settings need a
restart.`,
		Example: `  hush serve --data ./hush-data
  hush serve --config /etc/hush/hush.yaml
  HUSH_DATABASE=postgres://hush@db/hush hush serve --listen 0.0.0.0:8443 \
    --tls-cert cert.pem --tls-key key.pem`,
	}
	config.AddFlags(cmd.Flags())
	cmd.Flags().SortFlags = false
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		settings, err := config.Load(cmd.Flags())
		if err != nil {
			return err
		}
		return serve(cmd.Context(), w, settings, func() (slog.Level, string, error) { return config.LoadLevel(cmd.Flags()) })
	}
	return cmd
}

// serve runs a server until ctx ends or its listener fails. level reads the log's level again.
func serve(ctx context.Context, w world, settings config.Config, level func() (slog.Level, string, error)) error {
	var present slog.LevelVar
	present.Set(settings.Log.Level)
	log := newLogger(w, settings.Log.Format, &present)
	for _, m := range w.mistyped() {
		log.Warn("a variable is mistyped, and ignored", "variable", m.Name, "meant", m.Meant)
	}
	v, _ := versionOf()
	s, err := server.Start(ctx, server.Config{Settings: settings, Version: v, Logger: log, Fatal: func(err error) {
		log.Error("the process ends at once; what was accepted is kept", "error", err)
		os.Exit(exitRefused)
	}})
	if err != nil {
		return whileStarting(ctx, err)
	}
	fmt.Fprintf(w.stdout, "ready listen=%s\n", s.Addr())
	again := reread{level: &present, readLevel: level, readCertificate: s.ReadCertificate, log: newLogger(w, settings.Log.Format, slog.LevelInfo)}
	defer again.start(w.hangups)()
	log.Info("serving", "url", s.URL(), "data", settings.Data, "version", v)
	var failed error
	select {
	case <-ctx.Done():
		log.Info("stopping: what is in flight is finished or handed back")
	case failed = <-s.Failed():
	}
	drain, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), drainWait, errDrain)
	defer cancel()
	if err := errors.Join(failed, s.Shutdown(drain)); err != nil {
		return err
	}
	log.Info("stopped")
	return nil
}

// whileStarting names the signal that made the start fail, where the error has no more than that it was cancelled.
func whileStarting(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	if cause == nil || errors.Is(err, cause) {
		return err
	}
	return fmt.Errorf("%w while the server was starting: %w", cause, err)
}

func newLogger(w world, format string, level slog.Leveler) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w.stderr, options))
	}
	return slog.New(slog.NewTextHandler(w.stderr, options))
}
