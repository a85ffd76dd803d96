package api

import (
	"fmt"
	"net/http"
	"sync"
	"time"
)

// Limits of bodies, in bytes. maxBody applies to routes without a limit of their own.
const (
	maxBody           = 64 << 10  // from devices, and most from backends: names, tags, policies
	maxCredentialBody = 256 << 10 // a provider's credential
	maxReceiptsBody   = 256 << 10
	maxForeignWake    = 8 << 10 // one wake, which providers limit to 4 KiB
	maxPushBody       = 8 << 20 // an audience of 10 000 ids, and a payload
	maxBatchBody      = 32 << 20
	maxImportLine     = 64 << 10
)

// Limits of a body's contents, checked before it is decoded: Go's decoder may need 25 times the size of many small values.
const (
	maxItems = 10_000  // in a list without a limit of its own
	maxNames = 131_072 // in all objects together
)

// sizeOf formats a limit for people.
func sizeOf(n int64) string {
	if n >= 1<<20 {
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d KiB", n>>10)
}

// bodies is the memory budget of all request bodies in flight, counted in bytes as they arrive. Each server key may hold a share
// of it. Each user may hold a smaller share, and all users together no more than half: anybody may have a user token, and
// backends must be served as well. A caller that holds nothing may always take one body if there is room; otherwise a share
// smaller than a route's limit would refuse valid requests for ever.
type bodies struct {
	total int64 // never changes

	mu    sync.Mutex
	used  int64            // guarded by mu
	users int64            // guarded by mu; the part of used that users hold
	by    map[string]int64 // guarded by mu; bytes held, by caller; no zeros
}

// The shares of the budget, as divisors.
const (
	keyPart   = 4  // for one server key
	userPart  = 64 // for one user with all devices
	usersPart = 2  // for all users together
)

func newBodies(total int64) *bodies { return &bodies{total: total, by: map[string]int64{}} }

// claim is the part of the budget that one request holds. It belongs to its request and is not safe for concurrent use.
type claim struct {
	bodies *bodies
	who    string
	user   bool // held by a user or a user's device
	held   int64
}

func (b *bodies) claim(who caller) *claim {
	return &claim{bodies: b, who: who.name(), user: who.key.ID == ""}
}

// bodyRetryAfter is when a refused body may come again: by then the bodies before it have been handled, or were too slow.
const bodyRetryAfter = time.Second

// grow raises the claim to n bytes; it never shrinks it. The error is the problem for the client.
func (c *claim) grow(n int64) error {
	more := n - c.held
	if more <= 0 {
		return nil
	}
	b := c.bodies
	share := b.total / keyPart
	if c.user {
		share = b.total / userPart
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	others := b.by[c.who] - c.held
	switch {
	case others > 0 && others+n > share:
		return newProblem(http.StatusTooManyRequests, codeRateLimited,
			fmt.Sprintf("this caller's bodies in flight would be longer than %s together; want fewer at once", sizeOf(share))).after(bodyRetryAfter)
	case b.used+more > b.total, c.user && b.users+more > b.total/usersPart:
		return newProblem(http.StatusServiceUnavailable, codeUnavailable,
			"too many bodies are in flight; try again").after(bodyRetryAfter)
	}
	c.add(more)
	return nil
}

// release returns the whole claim to the budget. It is safe to call twice.
func (c *claim) release() {
	c.bodies.mu.Lock()
	defer c.bodies.mu.Unlock()
	c.add(-c.held)
}

// add changes the claim by n bytes. The budget's mu is held.
func (c *claim) add(n int64) {
	b := c.bodies
	c.held += n
	b.used += n
	if c.user {
		b.users += n
	}
	if b.by[c.who] += n; b.by[c.who] == 0 {
		delete(b.by, c.who)
	}
}
