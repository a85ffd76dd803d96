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

func TestAServersStartEndsWithItsContext(t *testing.T) {
	lifecycle.ExerciseOpen(t, func(t *testing.T) func(context.Context) (lifecycle.Opened, error) {
		settings := config.Config{Data: t.TempDir()}
		return func(ctx context.Context) (lifecycle.Opened, error) {
			s, err := server.Start(ctx, server.Config{Settings: settings})
			if err != nil {
				return lifecycle.Opened{}, err
			}
			return lifecycle.Opened{
				Use:   func() { _, _ = s.RootKey(), s.URL() },
				Close: func() error { return s.Shutdown(context.Background()) },
			}, nil
		}
	})
}
