package store_test

import (
	"context"
	"testing"

	"github.com/hushpush/hush/internal/lifecycle"
	"github.com/hushpush/hush/internal/store"
	"github.com/hushpush/hush/internal/store/storetest"
)

func TestAStoreOpensAndCloses(t *testing.T) {
	for name, engine := range map[string]storetest.Engine{"sqlite": sqlite, "postgres": postgres} {
		t.Run(name, func(t *testing.T) {
			lifecycle.ExerciseClose(t, func(t *testing.T) lifecycle.Opened {
				o, err := opening(t, engine)(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				return o
			})
			lifecycle.ExerciseOpen(t, func(t *testing.T) func(context.Context) (lifecycle.Opened, error) { return opening(t, engine) })
		})
	}
}

// opening opens the same database each time. A use writes to it and reads from it.
func opening(t *testing.T, engine storetest.Engine) func(context.Context) (lifecycle.Opened, error) {
	cfg := engine.Empty(t)
	cfg.Keys = storetest.SealedBy("k1")
	return func(ctx context.Context) (lifecycle.Opened, error) {
		s, err := store.Open(ctx, cfg)
		if err != nil {
			return lifecycle.Opened{}, err
		}
		use := func() {
			_, _, _ = s.PutApp(t.Context(), "notes")
			_, _, _ = s.Apps(t.Context(), "", 10)
		}
		return lifecycle.Opened{Use: use, Close: s.Close}, nil
	}
}
