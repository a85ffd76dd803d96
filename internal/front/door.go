package front

import (
	"context"
	"net/http"
	"net/netip"
	"time"

	"github.com/hushpush/hush/internal/bucket"
)

// Door is told who has shown a good secret and who has not. A good secret is never refused for its address: the door only
// says what those are answered whose secret is bad.
type Door struct {
	refused *bucket.Buckets // by address
}

// NewDoor makes a door at which each address may show bad secrets at a rate; now is nil for time.Now.
func NewDoor(rate bucket.Rate, now func() time.Time) *Door {
	return &Door{refused: bucket.New(rate, now)}
}

// Known is told that a request has shown a good secret.
func (d *Door) Known(ctx context.Context) { Known(ctx) }

// Refused is told that a request from an address showed no good secret. The fields belong on the answer, which is 429 with
// Retry-After if wait is not 0.
func (d *Door) Refused(remote string) (fields http.Header, wait time.Duration) {
	fields = http.Header{}
	address, err := netip.ParseAddrPort(remote)
	if err != nil {
		return fields, 0 // no TCP, as in tests
	}
	s := d.refused.Take(Who(address.Addr()).String())
	d.refused.AddFields(fields, bucket.Unauthenticated, s)
	if s.OK {
		return fields, 0
	}
	return fields, s.Wait
}
