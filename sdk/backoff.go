package sdk

import (
	"errors"
	"math/rand/v2"
	"time"
)

const (
	firstWait = time.Second
	maxWait   = time.Minute
)

// backoff returns how long to wait before a try; the first after a failure is 1. The wait doubles each time, up to a minute,
// and chance (0 to 1) takes up to half of it away, so that phones that lost a server together do not come back together.
func backoff(try int, chance float64) time.Duration {
	wait := maxWait
	if try < 8 {
		wait = min(maxWait, firstWait<<max(0, try-1))
	}
	return wait - time.Duration(chance*float64(wait)/2)
}

// maxRetryAfter bounds what a server may ask for.
const maxRetryAfter = time.Hour

// asked returns how long the server asked to wait, if err is its refusal, and 0 otherwise.
func asked(err error) time.Duration {
	var refusal *Error
	if errors.As(err, &refusal) {
		return refusal.RetryAfter
	}
	return 0
}

func jitter() float64 { return rand.Float64() }

// handlerTime returns how much of the time left a handler gets. The rest, at most 3 s, is for saving and reporting that it
// failed, before the system kills the process.
func handlerTime(left time.Duration) time.Duration { return left - min(3*time.Second, left/4) }
