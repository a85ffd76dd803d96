package phonetest

import "time"

// bucket paces one app's background pushes on iOS: it holds up to IOSBurst tokens, gains one every IOSRefill, and a push
// takes one. Handlers that are slow or fail take more (it may fall below zero, to minus one burst), so that the app gets
// its next pushes later (Apple: "the system may limit the number of background notifications").
type bucket struct {
	spent float64   // tokens taken at the time at; 0 is full, so that the zero value is a full bucket
	at    time.Time // when spent was true
}

// refilled is the bucket as it stands at now.
func (b bucket) refilled(now time.Time, r Rules) bucket {
	if now.After(b.at) {
		b.spent = max(0, b.spent-float64(now.Sub(b.at))/float64(r.IOSRefill))
		b.at = now
	}
	return b
}

// empty tells whether no push is left, and from when on one will be.
func (b bucket) empty(now time.Time, r Rules) (bool, time.Time) {
	b = b.refilled(now, r)
	missing := b.spent + 1 - float64(r.IOSBurst)
	// Below a nanosecond's worth of refill the difference is rounding.
	if wait := time.Duration(missing * float64(r.IOSRefill)); !r.IOSUnlimited && wait > 0 {
		return true, now.Add(wait)
	}
	return false, time.Time{}
}

// take spends n tokens.
func (b bucket) take(n float64, now time.Time, r Rules) bucket {
	b = b.refilled(now, r)
	b.spent = min(b.spent+n, 2*float64(r.IOSBurst))
	return b
}

// penalty is what a handler costs beyond its push.
func penalty(result Result, why Reason, took time.Duration, r Rules) float64 {
	if r.IOSPenalty > 0 && (result == Failed || why == TimeOver || took > r.IOSSlow) {
		return r.IOSPenalty
	}
	return 0
}
