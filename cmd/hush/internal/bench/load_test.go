package bench

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestALoadMakesEachRequestOnce(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	seen := map[int]int{}
	made, err := load{workers: 7, most: 100}.run(t.Context(), func(_ context.Context, i int, _ time.Time) error {
		mu.Lock()
		defer mu.Unlock()
		seen[i]++
		return nil
	})
	if err != nil || made != 100 || len(seen) != 100 {
		t.Errorf("%d requests were made, %d different ones, %v; want 100", made, len(seen), err)
	}
}

func TestALoadEndsWithItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		made, err := load{workers: 2, longest: time.Second}.run(t.Context(), func(context.Context, int, time.Time) error {
			time.Sleep(100 * time.Millisecond)
			return nil
		})
		if err != nil || made != 20 {
			t.Errorf("%d requests, %v; want 20: two at a time, a tenth of a second each", made, err)
		}
	})
}

// A slow answer delays the requests that are due meanwhile, and each is told since when it has waited.
func TestUnderARateWhatWaitsCountsFromWhenItWasDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		var late time.Duration
		made, err := load{workers: 1, rate: 10, longest: time.Second}.run(t.Context(), func(_ context.Context, i int, due time.Time) error {
			if want := begin.Add(time.Duration(i) * 100 * time.Millisecond); !due.Equal(want) {
				t.Errorf("request %d was due at %s, want %s", i, due.Sub(begin), want.Sub(begin))
			}
			late = max(late, time.Since(due))
			if i == 2 {
				time.Sleep(350 * time.Millisecond)
			}
			return nil
		})
		if err != nil || made != 10 || late != 250*time.Millisecond {
			t.Errorf("%d requests, %v, the latest by %s; want 10, one of them 250ms late", made, err, late)
		}
	})
}

func TestTheFirstErrorEndsALoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refused := errors.New("refused")
		_, err := load{workers: 4, rate: 1}.run(t.Context(), func(_ context.Context, i int, _ time.Time) error {
			if i == 2 {
				return refused
			}
			return nil
		})
		if !errors.Is(err, refused) {
			t.Errorf("got %v, want what the request said", err)
		}
	})
}
