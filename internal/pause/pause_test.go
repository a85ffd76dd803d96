package pause_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hushpush/hush/internal/pause"
)

func TestAPauseEndsWithItsTimeOrItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		why := errors.New("why")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(90*time.Second, func() { cancel(why) })
		began := time.Now()
		if err, took := pause.For(ctx, time.Minute), time.Since(began); err != nil || took != time.Minute {
			t.Errorf("a minute: %v after %s", err, took)
		}
		if err, took := pause.For(ctx, time.Minute), time.Since(began); !errors.Is(err, why) || took != 90*time.Second {
			t.Errorf("with a context that ends: %v after %s, want its cause after 1m30s", err, took)
		}
	})
}
