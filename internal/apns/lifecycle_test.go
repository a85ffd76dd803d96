package apns_test

import (
	"context"
	"testing"

	"github.com/hushpush/hush/internal/lifecycle"
)

func TestAnAPNsClientStartsAndStopsAsEveryServiceDoes(t *testing.T) {
	lifecycle.Exercise(t, func(t *testing.T) lifecycle.Service {
		w := setup(t, nil)
		return lifecycle.Opening(func(ctx context.Context) (func() error, error) {
			_, err := w.Wake(ctx, phone(), w.wake("1")) // there is a connection
			return func() error { w.Close(); return nil }, err
		})
	})
}
