package stranger

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/hushpush/hush/protocol"
)

// Refusal is what an answer says that is no success. Each client makes its own error of it.
type Refusal struct {
	Problem    *protocol.Problem // Hush's, with the answer's status and a code; nil: something else answered
	Got        string            // the answer's media type, for people
	NoCode     bool              // the answer is a problem without a code, and so not Hush's
	IsRedirect bool              // the answer is a redirect
	Redirect   string            // the server's address that a redirect names; "" for none
	WantsTLS   bool              // plain HTTP came to a port that speaks TLS
	PathAdvice string            // advice for a server's address with a path below which nothing is; "" for none
	RetryAfter time.Duration     // the wait that was asked for; 0 if none was
}

// Refused returns the refusal of a request for a path, which may be "" if the caller has no advice to give about it. body is
// the part of the answer that was read. Only a problem with a code is Hush's, since proxies have refusals of their own.
func Refused(resp *http.Response, path string, body []byte) *Refusal {
	r := &Refusal{Got: mediaName(resp.Header), RetryAfter: retryAfter(resp.Header)}
	var p protocol.Problem
	switch {
	case isRedirect(resp.StatusCode):
		r.IsRedirect, r.Redirect = true, redirectBase(resp, path)
	case wantsTLS(resp.StatusCode, body):
		r.WantsTLS = true
	case mediaType(resp.Header) != KindProblem || json.Unmarshal(body, &p) != nil:
	case p.Code == "":
		r.NoCode = true
	default:
		p.Status = resp.StatusCode
		r.Problem = &p
	}
	r.PathAdvice = pathAdvice(resp, path, r.Problem)
	return r
}

// AddressAdvice returns how to mend a server's address at which something else answered; "" if the answer does not say it.
// address is what the client's users call the address.
func (r *Refusal) AddressAdvice(address string) string {
	switch {
	case r.Redirect != "":
		return fmt.Sprintf("a redirect, which is not followed; if the server is at %s, use that as %s", r.Redirect, address)
	case r.WantsTLS:
		return "the server speaks TLS at this port; want https:// in " + address
	}
	return ""
}

// Detail returns what a problem says to people.
func Detail(p *protocol.Problem) string {
	if p.Detail == "" {
		return p.Title
	}
	return p.Detail
}

// retryAfter returns how long an answer asks to wait; 0 if it does not. Hush sends seconds, and no date.
func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return time.Duration(min(seconds, math.MaxInt32)) * time.Second
}
