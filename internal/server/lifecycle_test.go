package server_test

import (
	"context"
	"testing"

	"github.com/hushpush/hush/internal/config"
	"github.com/hushpush/hush/internal/lifecycle"
	"github.com/hushpush/hush/internal/server"
)

type service struct{ *server.Server }

func (s service) Stop() error { return s.Shutdown(context.Background()) }

func TestAServerStartsAndStopsAsEveryServiceDoes(t *testing.T) {
	lifecycle.Exercise(t, func(t *testing.T) lifecycle.Service {
		s, err := server.New(server.Config{Settings: config.Config{Data: t.TempDir(), Metrics: config.Metrics{Listen: "127.0.0.1:0"}}})
		if err != nil {
			t.Fatal(err)
		}
		return service{s}
	})
}
