package apns_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hushpush/hush/push"
)

func tokensSeen(w *world) map[string]bool {
	out := map[string]bool{}
	for _, r := range w.apple.requests() {
		out[r.jwt] = true
	}
	return out
}

func TestAProviderTokenIsSignedAgainOnlyWhenItIsDueAndOnce(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	for _, c := range []struct {
		later time.Duration
		want  int
	}{{0, 1}, {49 * time.Minute, 1}, {time.Minute, 2}, {49 * time.Minute, 2}, {time.Minute, 3}} {
		w.clock.advance(c.later)
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if _, err := w.Wake(within(t), phone(), w.wake("42")); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if got := len(tokensSeen(w)); got != c.want {
			t.Errorf("%s later: got %d provider tokens, want %d", c.later, got, c.want)
		}
	}
}

func TestAnExpiredProviderTokenIsReplacedOnceAndTheWakeSentAgain(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	w.apple.answers(nil)
	w.mustSend()
	first := w.apple.requests()[0].jwt
	w.clock.advance(time.Minute) // far too early to sign again, but for this answer
	w.apple.answers(func(_ int, s seen) (int, string, string) {
		if s.jwt == first {
			return 403, "", `{"reason":"ExpiredProviderToken"}`
		}
		return 200, "", ""
	})
	var wg sync.WaitGroup
	var mended atomic.Int32
	for range 20 {
		wg.Go(func() {
			answer, err := w.Wake(within(t), phone(), w.wake("42"))
			if err != nil {
				t.Error(err)
			}
			for _, m := range answer.Mended {
				mended.Add(1)
				if m.Status != 403 || m.Reason != "ExpiredProviderToken" {
					t.Errorf("got %+v as what was mended, want 403 ExpiredProviderToken", m)
				}
			}
		})
	}
	wg.Wait()
	if got := len(tokensSeen(w)); got != 2 {
		t.Errorf("got %d provider tokens, want the expired one and one new one", got)
	}
	if got, want := int(mended.Load()), len(w.apple.requests())-20; got != want || got == 0 {
		t.Errorf("the answers tell of %d refusals, want all %d", got, want)
	}
}

func TestAProviderThatAlwaysSaysExpiredIsNotFloodedWithTokens(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	w.apple.answers(func(int, seen) (int, string, string) { return 403, "", `{"reason":"ExpiredProviderToken"}` })
	for range 10 {
		w.clock.advance(time.Minute)
		if _, e := w.send(); e == nil || e.Fault != push.FaultCredentials || e.Reason != "ExpiredProviderToken" {
			t.Fatalf("got %+v, want FaultCredentials ExpiredProviderToken", e)
		}
	}
	if got := len(tokensSeen(w)); got != 2 {
		t.Errorf("got %d provider tokens in 10 minutes, want 2", got)
	}
	w.clock.advance(20 * time.Minute)
	_, _ = w.send()
	if got := len(tokensSeen(w)); got != 3 {
		t.Errorf("got %d provider tokens 20 minutes later, want 3", got)
	}
}

func TestAfterTooManyProviderTokenUpdatesTheOldTokenIsKept(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	w.mustSend()
	first := w.apple.requests()[0].jwt
	w.clock.advance(51 * time.Minute)
	w.apple.answers(func(_ int, s seen) (int, string, string) {
		if s.jwt != first {
			return 429, "", `{"reason":"TooManyProviderTokenUpdates"}`
		}
		return 200, "", ""
	})
	w.mustSend()
	if r := w.apple.requests(); len(r) != 2 || r[0].jwt == first || r[1].jwt != first {
		t.Errorf("got %d requests, want the new token tried, then the old one", len(r))
	}
}

func TestForgettingACredentialDoesNotSignItsTokenAgain(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	w.mustSend()
	w.Forget("notes")
	w.clock.advance(time.Minute)
	w.mustSend()
	if got := len(tokensSeen(w)); got != 1 {
		t.Errorf("got %d provider tokens, want 1", got)
	}
}
