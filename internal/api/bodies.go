package api

import (
	"fmt"
	"net/http"
	"sync"
	"time"
)

// Limits of bodies, in bytes. A route without a limit of its own has maxBody.
const (
	maxBody           = 64 << 10  // devices', and most of the backends': names, tags, policies
	maxCredentialBody = 256 << 10 // a provider's credential
	maxReceiptsBody   = 256 << 10
	maxForeignWake    = 8 << 10 // a wake, which providers bound to 4 KiB
	maxPushBody       = 8 << 20 // an audience of 10 000 ids, and a payload
	maxBatchBody      = 32 << 20
	maxImportLine     = 64 << 10
)

// Limits of what a body may hold before it is decoded: Go's decoder makes up to 25 times as much of many small values.
const (
	maxItems = 10_000  // of a list without a limit of its own
	maxNames = 131_072 // of all objects together
)

// sizeOf is a limit as people read it.
func sizeOf(n int64) string {
	if n >= 1<<20 {
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d KiB", n>>10)
}

// bodies is the budget of all request bodies that are in memory, counted in their bytes as they come. A server key holds at
// most a share of it. Users hold smaller shares, and all of them together no more than half: everybody can have user tokens,
// and backends are to be served beside them. Who has nothing yet may always take one body, if there is room: else a share
// smaller than a route's limit would refuse a good request for ever.
type bodies struct {
	total int64 // never changes

	mu    sync.Mutex
	used  int64            // guarded by mu
	users int64            // guarded by mu; of used, by users
	by    map[string]int64 // guarded by mu; bytes by caller, of callers that hold some
}

// The parts of the budget that may be held.
const (
	keyPart   = 4  // by one server key
	userPart  = 64 // by one user, with all devices
	usersPart = 2  // by all users together
)

func newBodies(total int64) *bodies { return &bodies{total: total, by: map[string]int64{}} }

// claim is what one request holds of the budget. It is its request's own, and is not safe for concurrent use.
type claim struct {
	bodies *bodies
	who    string
	user   bool // a user's, or a device's of theirs
	held   int64
}

func (b *bodies) claim(who caller) *claim {
	return &claim{bodies: b, who: who.name(), user: who.key.ID == ""}
}

// bodyRetryAfter is when a body that found no room may come again: those before it are gone by then, or too slow.
const bodyRetryAfter = time.Second

// grow holds n bytes in all; the error is the problem that says why it cannot. It never holds less than before.
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

// release gives all of it back. It is safe to call twice.
func (c *claim) release() {
	c.bodies.mu.Lock()
	defer c.bodies.mu.Unlock()
	c.add(-c.held)
}

// add holds more, or less. The budget's mu is held.
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
