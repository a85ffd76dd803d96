package sdk

import (
	"math/rand/v2"
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

func jitter() float64 { return rand.Float64() }

// handlerTime is what of the time left a handler gets. The rest, at most 3 s, is for writing down and reporting that it
// failed, before the system kills the process.
func handlerTime(left time.Duration) time.Duration { return left - min(3*time.Second, left/4) }
