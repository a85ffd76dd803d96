package bucket

import (
	"fmt"
	"math"
	"net/http"
	"time"
)

// Unauthenticated is the name of the policy on bad secrets, by which an audit tells its 429 from all others.
const Unauthenticated = "unauthenticated"

// AddFields tells a client of its bucket, as the policy name, in the fields RateLimit-Policy and RateLimit
// (draft-ietf-httpapi-ratelimit-headers-10): q is what a full bucket has, w the seconds until an empty one is full, r what is
// there, t the seconds until there is more.
func (b *Buckets) AddFields(h http.Header, name string, s State) {
	if b.rate.Off() {
		return
	}
	h.Add("RateLimit-Policy", fmt.Sprintf("%q;q=%d;w=%d", name, b.rate.Burst, Seconds(b.rate.Window())))
	h.Add("RateLimit", fmt.Sprintf("%q;r=%d;t=%d", name, s.Left, Seconds(s.Wait)))
}

// Seconds is a wait as header fields have it, rounded up.
func Seconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }
