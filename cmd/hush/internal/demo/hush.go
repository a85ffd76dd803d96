package demo

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/hushpush/hush/internal/config"
	"github.com/hushpush/hush/internal/server"
)

// ackWait is the server's delivery.ack_wait: less than usual, so that the rows with a dead socket do not hold up the demo,
// and long enough for a healthy app on a busy machine.
const ackWait = 3 * time.Second

// stopWait is how long the server may take to end, as for SIGTERM.
const stopWait = 10 * time.Second

// startHush starts the server: embedded defaults, with the simulators in the place of Apple and Google.
func (w *world) startHush(ctx context.Context, listen string) error {
	logFile, err := os.OpenFile(w.logPath(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("demo: the server's log: %w", err)
	}
	w.onClose("the server's log", logFile.Close)
	if listen == "" {
		listen = "127.0.0.1:0"
	}
	s, err := server.Start(ctx, server.Config{
		Settings: config.Config{
			Data: w.data, Listen: listen,
			APNs:     config.APNs{URL: w.apns.URL(), CA: w.apnsCA()},
			FCM:      config.FCM{URL: w.fcm.URL(), CA: w.fcmCA()},
			Delivery: config.Delivery{AckWait: ackWait},
		},
		Logger: slog.New(slog.NewTextHandler(logFile, nil)),
	})
	if err != nil {
		return fmt.Errorf("demo: starting the server: %w", err)
	}
	w.onClose("the server", func() error {
		ctx, cancel := context.WithTimeoutCause(context.Background(), stopWait, fmt.Errorf("the server did not end within %s", stopWait))
		defer cancel()
		return s.Shutdown(ctx)
	})
	w.url, w.root = s.URL(), s.RootKey()
	return nil
}

func (w *world) logPath() string { return filepath.Join(w.dir, "server.log") }
