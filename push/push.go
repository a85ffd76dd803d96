// Package push holds the words of Hush and the rules that two rooms share: apps, resources, devices, pushes, deliveries,
// their states, and what may follow what. It does no I/O, reads no clock, and imports nothing else of the project.
//
// The way of a push, in this package's words: a [Push] is accepted for an [Audience]; each target [Device] gets one
// [Delivery]; a delivery reaches the app over a session, by a [Wake], or from the inbox; a [Receipt] tells what the app's
// handler made of it; its [Event] list, the timeline, says how it went.
//
// Each word has a file of its name. A closed set of words is listed by a function beside it, such as [States], for whoever
// has to know all of one: the API's document names them. A test fails for a constant that its list lacks.
package push

import "time"

// Limits of what is accepted. The bodies that carry these values are refused when they go beyond them.
const (
	MaxPayloadBytes  = 64 << 10            // of one push's payload
	MaxWakePayload   = 4 << 10             // of one push that may travel in a wake: what fits into a provider's request at all
	MaxAudience      = 10_000              // users, or devices, named in one push
	MaxBatch         = 1_000               // pushes in one batch
	MaxTTL           = 28 * 24 * time.Hour // FCM keeps nothing longer (4 weeks)
	DefaultTTL       = 7 * 24 * time.Hour  // where neither push nor strategy says
	MaxDeliverAhead  = 28 * 24 * time.Hour // of deliver_at
	MaxIDBytes       = 128                 // of a user's or a device's id
	MaxResourceID    = 32                  // characters of a resource's id, as in ZPNs
	MaxCollapseBytes = 64                  // of a collapse key; APNs' limit for its own
)

// Push is one accepted request: audience, resource, payload. It never changes once accepted.
type Push struct {
	ID          ID
	App         string
	ResourceID  string
	Payload     []byte // UTF-8, at most MaxPayloadBytes
	To          Audience
	TTL         *time.Duration // nil: the strategy's, or DefaultTTL; 0: now or never
	CollapseKey string
	Deliver     Mode
	AcceptedAt  time.Time
	DeliverAt   time.Time // zero: at once
}

// PushRef names a push.
type PushRef struct {
	App string
	ID  ID
}

// Start returns when the push's TTL begins.
func (p Push) Start() time.Time {
	if p.DeliverAt.After(p.AcceptedAt) {
		return p.DeliverAt
	}
	return p.AcceptedAt
}

// Mode is how a push may be delivered.
type Mode string

// The modes.
const (
	Auto        Mode = "auto"    // session first, then wake, then inbox
	SessionOnly Mode = "session" // only to apps in the foreground now
	WakeAlways  Mode = "wake"    // wakes even beside a session
)

// Modes lists how a push may be delivered.
func Modes() []Mode { return []Mode{Auto, SessionOnly, WakeAlways} }
