package h2push_test

import (
	"context"
	"testing"

	"github.com/hushpush/hush/internal/lifecycle"
)

func TestAPoolCloses(t *testing.T) {
	lifecycle.ExerciseClose(t, func(t *testing.T) lifecycle.Opened {
		pool := newPeer(t, nil, (*wire).echo).pool(nil)
		return lifecycle.Opened{
			Use:   func() { _, _ = pool.Do(t.Context(), post("x")) },
			Close: func() error { pool.Close(context.Background()); return nil },
		}
	})
}
