package gateway

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestMemoryIsGivenBackOnceAfterManySessionsWereOpenedAndThenNone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var released atomic.Int32
		s := &settler{release: func() { released.Add(1) }}
		see := func(want int32, when string) {
			t.Helper()
			time.Sleep(2 * settleWait)
			synctest.Wait()
			if got := released.Load(); got != want {
				t.Errorf("%s: given back %d times, want %d", when, got, want)
			}
		}
		for range settleFrom - 1 {
			s.session()
		}
		see(0, "after a few sessions")
		for range 10 { // they keep coming
			s.session()
			time.Sleep(settleWait / 2)
		}
		if got := released.Load(); got != 0 {
			t.Errorf("given back %d times while sessions were coming, want 0", got)
		}
		see(1, "after many sessions")
		s.session()
		see(1, "after one more")
		for range settleFrom {
			s.session()
		}
		s.stop()
		see(1, "after stop")
	})
}
