package api_test

import (
	"context"
	"testing"
	"time"

	"github.com/hushpush/hush/internal/config"
	"github.com/hushpush/hush/internal/server"
)

// both runs a test on the API over a store in memory, and on a whole server over SQLite, where w.memory is nil.
func both(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		test(t, setup(t))
	})
	t.Run("server", func(t *testing.T) {
		t.Parallel()
		test(t, setupServer(t))
	})
}

// setupServer is a server on a fresh data directory.
func setupServer(t *testing.T) *world {
	t.Helper()
	s, err := server.Start(t.Context(), server.Config{Settings: config.Config{Data: t.TempDir(), Listen: "127.0.0.1:0"}})
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
