package api

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// A store wait behaves like context.WithTimeoutCause, whenever it is first used.
func TestAStoreWaitEndsAsAnyContext(t *testing.T) {
	t.Parallel()
	gone := errors.New("gone")
	for _, c := range []struct {
		name string
		end  func(cancel context.CancelCauseFunc, answered func())
		err  error
		why  error
	}{
		{"not at all", func(context.CancelCauseFunc, func()) {}, nil, nil},
		{"in time", func(context.CancelCauseFunc, func()) { time.Sleep(2 * time.Second) }, context.DeadlineExceeded, errStoreWait},
		{"with its parent", func(cancel context.CancelCauseFunc, _ func()) { cancel(gone) }, context.Canceled, gone},
		{"answered", func(_ context.CancelCauseFunc, answered func()) { answered() }, context.Canceled, context.Canceled},
	} {
		for _, asked := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				parent, cancel := context.WithCancelCause(context.WithValue(t.Context(), trailKey{}, "value"))
				defer cancel(nil)
				ctx, answered := (&API{Config: Config{StoreWait: time.Second}}).withinStoreWait(parent)
				defer answered()
				if at, ok := ctx.Deadline(); !ok || time.Until(at) != time.Second {
					t.Errorf("%s: it ends in %s, %v; want a second", c.name, time.Until(at), ok)
				}
				if asked {
					<-timeoutOf(ctx)
				}
				c.end(cancel, answered)
				synctest.Wait()
				below, stop := context.WithCancel(ctx)
				defer stop()
				for _, one := range []context.Context{ctx, below} {
					if got := one.Err(); !errors.Is(got, c.err) {
						t.Errorf("%s, asked before %v: %v, want %v", c.name, asked, got, c.err)
					}
					if got := context.Cause(one); !errors.Is(got, c.why) {
						t.Errorf("%s, asked before %v: the cause is %v, want %v", c.name, asked, got, c.why)
					}
					if one.Value(trailKey{}) != "value" {
						t.Errorf("%s, asked before %v: its value is %v", c.name, asked, one.Value(trailKey{}))
					}
				}
			})
		}
	}
}

// timeoutOf calls ctx.Done in another goroutine. The channel yields when the call has been made.
func timeoutOf(ctx context.Context) <-chan struct{} {
	asked := make(chan struct{})
	go func() {
		select {
		case <-ctx.Done():
		case asked <- struct{}{}:
		}
		close(asked)
	}()
	return asked
}
