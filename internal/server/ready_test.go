package server

import (
	"context"
	"net/http"
	"testing"

	"github.com/hushpush/hush/internal/config"
)

func TestAServerIsNotReadyFromTheStartOfItsDrain(t *testing.T) {
	t.Parallel()
	s, err := Start(t.Context(), Config{Settings: config.Config{Data: t.TempDir()}})
	if err != nil {
		t.Fatal(err)
	}
	ready := func() int {
		resp, err := http.Get(s.URL() + "/readyz")
		if err != nil {
			t.Error(err)
			return 0
		}
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	if got := ready(); got != http.StatusOK {
		t.Errorf("GET /readyz before the drain: %d, want 200", got)
	}
	draining := 0
	s.closers.add("probe", func(context.Context) error { draining = ready(); return nil }) // goes first, while all still runs
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if draining != http.StatusServiceUnavailable {
		t.Errorf("GET /readyz while it drains: %d, want 503", draining)
	}
}
