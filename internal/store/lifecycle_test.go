package store_test

import (
	"context"
	"testing"

	"github.com/hushpush/hush/internal/lifecycle"
	"github.com/hushpush/hush/internal/store"
	"github.com/hushpush/hush/internal/store/storetest"
)

func TestAStoreStartsAndStopsAsEveryServiceDoes(t *testing.T) {
	for name, engine := range map[string]storetest.Engine{"sqlite": sqlite, "postgres": postgres} {
		t.Run(name, func(t *testing.T) {
			lifecycle.Exercise(t, func(t *testing.T) lifecycle.Service {
				cfg := engine.Empty(t)
				cfg.Keys = storetest.SealedBy("k1")
				return lifecycle.Opening(func(ctx context.Context) (func() error, error) {
					s, err := store.Open(ctx, cfg)
					if err != nil {
						return nil, err
					}
					return s.Close, nil
				})
			})
		})
	}
}
