package fcmtest

import (
	"context"
	"errors"
	"sync"
	"testing"
)

func TestWaitForSaysWhenItGaveUp(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.phone("a:1", true)
	var sending sync.WaitGroup
	sending.Go(func() { w.to("a:1", "") })
	if err := w.WaitFor(t.Context(), func(rs []Request) bool { return len(rs) == 1 && rs[0].Outcome == "delivered" }); err != nil {
		t.Error(err)
	}
	sending.Wait() // what waits was told before the sender has its answer
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	if err := w.WaitFor(ctx, func([]Request) bool { return false }); !errors.Is(err, cause) {
		t.Errorf("got %v, want the context's cause", err)
	}
}
