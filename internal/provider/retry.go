package provider

import (
	"context"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/hushpush/hush/internal/h2push"
)

const longestRetryAfter = 24 * time.Hour

// Soon returns how long a wake waits that only met a bad connection or server: a second, and jitter. Whoever tries again and
// again makes it longer each time.
func Soon() time.Duration { return Jittered(time.Second) }

// Jittered returns a wait of at least d, and at most half as long again, so that many do not come back at once.
func Jittered(d time.Duration) time.Duration { return d + rand.N(d/2+1) }

// Within is context.WithTimeoutCause, but for a context that ends sooner anyway: that one will do, and costs nothing.
func Within(ctx context.Context, limit time.Duration, cause error) (context.Context, context.CancelFunc) {
	if end, ok := ctx.Deadline(); ok && time.Until(end) <= limit {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, limit, cause)
}

// RetryAfter reads the Retry-After of an answer in either of its forms (RFC 9110, section 10.2.3), up to a day; 0 if
// there is none that can be read.
func RetryAfter(h h2push.Header, now time.Time) time.Duration {
	v := h.Get("retry-after")
	if v == "" {
		return 0
	}
	var d time.Duration
	if s, err := strconv.ParseUint(v, 10, 32); err == nil {
		d = time.Duration(s) * time.Second
	} else if at, err := http.ParseTime(v); err == nil {
		d = at.Sub(now)
	}
	return min(max(d, 0), longestRetryAfter)
}
