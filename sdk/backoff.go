package sdk

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

const (
	firstWait = time.Second
	maxWait   = time.Minute
)

// backoff is how long to wait before a try, the first after a failure being 1: twice as long each time, up to a minute, of
// which chance (0 to 1) takes up to half away, so that phones that lost a server together do not come back together.
func backoff(try int, chance float64) time.Duration {
	wait := maxWait
	if try < 8 {
		wait = min(maxWait, firstWait<<max(0, try-1))
	}
	return wait - time.Duration(chance*float64(wait)/2)
}

// maxRetryAfter bounds what a server may ask for.
const maxRetryAfter = time.Hour

// retryAfter is the time in seconds that an answer asks to wait; 0 if it names none.
func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return min(time.Duration(seconds), maxRetryAfter/time.Second) * time.Second
}

// asked is how long the server asked to wait, if err is its refusal.
func asked(err error) time.Duration {
	var refusal *Error
	if errors.As(err, &refusal) {
		return refusal.RetryAfter
	}
	return 0
}

// sleep waits, and reports false if ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func jitter() float64 { return rand.Float64() }

// handlerTime is what of the time left a handler gets. The rest, at most 3 s, is for writing down and reporting that it
// failed, before the system kills the process.
func handlerTime(left time.Duration) time.Duration { return left - min(3*time.Second, left/4) }
