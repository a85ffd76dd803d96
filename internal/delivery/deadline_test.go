package delivery

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hushpush/hush/push"
)

// A request has its whole time, and hardly more, whichever others it shares its deadline with.
func TestRequestsThatBeginTogetherShareADeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var d deadlines
		first := d.next(t.Context())
		time.Sleep(shareTime)
		last := d.next(t.Context())
		if first != last {
			t.Error("two contexts within the time in which one is shared")
		}
		time.Sleep(time.Millisecond)
		after := d.next(t.Context())
		if after == first {
			t.Error("one context for longer than it is to be shared")
		}
		time.Sleep(wakeTime - 2*time.Millisecond)
		if err := last.Err(); err != nil {
			t.Errorf("before wakeTime had passed since its last request began: %v", err)
		}
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		if got := context.Cause(first); !errors.Is(got, errNoAnswer) {
			t.Errorf("cause %v, want %v", got, errNoAnswer)
		}
		time.Sleep(shareTime)
	})
}

func TestASharedDeadlineEndsWithTheEngine(t *testing.T) {
	t.Parallel()
	hard, cut := context.WithCancelCause(t.Context())
	var d deadlines
	ctx := d.next(hard)
	cut(push.ErrStopping)
	if got := context.Cause(ctx); !errors.Is(got, push.ErrStopping) {
		t.Errorf("cause %v, want %v", got, push.ErrStopping)
	}
}
