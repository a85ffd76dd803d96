package api_test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/hushpush/hush/internal/config"
	"github.com/hushpush/hush/internal/server"
	"github.com/hushpush/hush/internal/store/pgtest"
	"github.com/hushpush/hush/push"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// both runs a test on the API over a store in memory, and on a whole server over SQLite, where w.memory is nil.
func both(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		test(t, setup(t))
	})
	t.Run("server", func(t *testing.T) {
		t.Parallel()
		test(t, setupServer(t, config.Config{}))
	})
}

// everywhere runs a test as both does, and on a whole server over PostgreSQL: for what depends on the texts that an engine
// accepts.
func everywhere(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		test(t, setup(t))
	})
	onServers(t, test)
}

// onServers runs a test on a whole server over each engine.
func onServers(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	t.Run("server", func(t *testing.T) {
		t.Parallel()
		test(t, setupServer(t, config.Config{}))
	})
	t.Run("server on postgres", func(t *testing.T) {
		t.Parallel()
		test(t, setupServer(t, config.Config{Database: push.Secret(pgtest.URL(t))}))
	})
}

// setupServer starts a server on a fresh data directory.
func setupServer(t *testing.T, settings config.Config) *world {
	t.Helper()
	settings.Data, settings.Listen = t.TempDir(), "127.0.0.1:0"
	s, err := server.Start(t.Context(), server.Config{Settings: settings})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, stop := context.WithTimeout(context.Background(), 30*time.Second)
		defer stop()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	})
	return &world{t: t, url: s.URL(), rootKey: s.RootKey().Reveal()}
}
