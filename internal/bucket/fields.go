package bucket

import (
	"fmt"
	"math"
	"net/http"
	"time"
)

// Unauthenticated is the name of the policy on invalid secrets, by which an audit tells its 429 from all others.
const Unauthenticated = "unauthenticated"

// AddFields adds the fields RateLimit-Policy and RateLimit, which describe a client's bucket under the name of its policy
// (draft-ietf-httpapi-ratelimit-headers-10): q is the tokens of a full bucket, w the seconds until an empty one is full, r
// the tokens that remain, t the seconds until there is one more.
func (b *Buckets) AddFields(h http.Header, name string, s State) {
	if b.rate.Off() {
		return
	}
	h.Add("RateLimit-Policy", fmt.Sprintf("%q;q=%d;w=%d", name, b.rate.Burst, Seconds(b.rate.Window())))
	h.Add("RateLimit", fmt.Sprintf("%q;r=%d;t=%d", name, s.Left, Seconds(s.Wait)))
}

// Seconds returns a wait in seconds, rounded up, as header fields have it.
func Seconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }
