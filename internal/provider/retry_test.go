package provider_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/hushpush/hush/internal/h2push"
	"github.com/hushpush/hush/internal/provider"
)

func TestRetryAfterIsReadInBothForms(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"":                              0,
		"30":                            30 * time.Second,
		"0":                             0,
		"-5":                            0,
		"soon":                          0,
		"99999999999999999999":          0,
		"4000000000":                    24 * time.Hour,
		"Fri, 02 Jan 2026 03:05:05 GMT": time.Minute,
		"Fri, 02 Jan 2026 03:00:00 GMT": 0,
	} {
		h := http.Header{}
		if value != "" {
			h.Set("Retry-After", value)
		}
		if got := provider.RetryAfter(h2push.HeaderOf(h), now); got != want {
			t.Errorf("%q: got %s, want %s", value, got, want)
		}
	}
}

func TestWithinEndsAtTheSoonerOfTwoTimes(t *testing.T) {
	t.Parallel()
	ours, theirs := errors.New("ours"), errors.New("theirs")
	for _, c := range []struct {
		outer time.Duration // 0: none
		want  error
	}{{0, ours}, {time.Hour, ours}, {time.Nanosecond, theirs}} {
		ctx := t.Context()
		if c.outer > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeoutCause(ctx, c.outer, theirs)
			defer cancel()
		}
		ctx, cancel := provider.Within(ctx, time.Millisecond, ours)
		defer cancel()
		<-ctx.Done()
		if got := context.Cause(ctx); !errors.Is(got, c.want) {
			t.Errorf("within 1ms, and %s outside: ended because of %v, want %v", c.outer, got, c.want)
		}
	}
}
