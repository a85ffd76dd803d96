package front

import (
	"context"
	"net/http"
	"net/netip"
	"time"

	"github.com/hushpush/hush/internal/bucket"
)

// Door counts the requests without a valid secret of each address. A valid secret is never refused because of its address:
// the door only decides what a request with an invalid secret is answered.
type Door struct {
	refused *bucket.Buckets // by address
}

// NewDoor returns a door at which each address may show invalid secrets at this rate; a nil now means time.Now.
func NewDoor(rate bucket.Rate, now func() time.Time) *Door {
	return &Door{refused: bucket.New(rate, now)}
}

// Known records that a request has shown a valid secret.
func (d *Door) Known(ctx context.Context) { Known(ctx) }

// Refused counts a request from an address that showed no valid secret. It returns the header fields of the answer, which is
// 429 with Retry-After if wait is not 0.
func (d *Door) Refused(remote string) (fields http.Header, wait time.Duration) {
	fields = http.Header{}
	address, err := netip.ParseAddrPort(remote)
	if err != nil {
		return fields, 0 // not TCP, as in tests
	}
	s := d.refused.Take(Who(address.Addr()).String())
	d.refused.AddFields(fields, bucket.Unauthenticated, s)
	if s.OK {
		return fields, 0
	}
	return fields, s.Wait
}
