package gateway_test

import (
	"context"
	"testing"

	"github.com/hushpush/hush/internal/lifecycle"
)

func TestAGatewayStartsAndStopsAsEveryServiceDoes(t *testing.T) {
	lifecycle.Exercise(t, func(t *testing.T) lifecycle.Service {
		w := newWorld(t)
		return lifecycle.Opening(func(context.Context) (func() error, error) {
			w.connect("d1", "alice")
			w.session("d1")
			return func() error { return w.gateway.Close(context.Background()) }, nil
		})
	})
}
