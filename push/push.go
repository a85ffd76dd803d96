// Package push holds the words of Hush and the rules that two rooms share: apps, resources, devices, pushes, deliveries,
// their states, and what may follow what. It does no I/O, reads no clock, and imports nothing else of the project.
//
// The way of a push, in this package's words: a [Push] is accepted for an [Audience]; each target [Device] gets one
// [Delivery]; a delivery reaches the app over a session, by a [Wake], or from the inbox; a [Receipt] tells what the app's
// handler made of it; its [Event] list, the timeline, says how it went.
package push

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
)

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

// ID names a push or a wake: a UUIDv7, so that ids sort by the time they were made.
type ID string

// NewID makes a new id.
func NewID() ID { return ID(uuid.Must(uuid.NewV7()).String()) }

// MadeAt is when an id was made, to the millisecond; false: it is no UUIDv7, and does not tell.
func (id ID) MadeAt() (time.Time, bool) {
	u, err := uuid.Parse(string(id))
	if err != nil || u.Version() != 7 {
		return time.Time{}, false
	}
	return time.Unix(u.Time().UnixTime()).UTC(), true
}

// FirstID is the least id that can be made at a time, to the millisecond.
func FirstID(at time.Time) ID {
	const last = 1<<48 - 1
	ms := min(max(at.UnixMilli(), 0), last)
	return ID(fmt.Sprintf("%08x-%04x-7000-8000-000000000000", ms>>16, ms&0xffff))
}

// Platform is a phone's operating system.
type Platform string

// The platforms.
const (
	IOS     Platform = "ios"
	Android Platform = "android"
)

// Provider is a service that can wake an app on a phone.
type Provider string

// The providers.
const (
	APNs Provider = "apns"
	FCM  Provider = "fcm"
)

// Provider is the one that wakes apps on the platform.
func (p Platform) Provider() Provider {
	if p == IOS {
		return APNs
	}
	return FCM
}

// TimeAllowed is how long one wake may run an app: 30 s on iOS (Apple, "Pushing background updates to your App") and
// 20 s on Android (the time-out of Firebase's messaging service). The app's cold start is part of it.
func (p Platform) TimeAllowed() time.Duration {
	if p == IOS {
		return 30 * time.Second
	}
	return 20 * time.Second
}

// Environment is the one of APNs that a device token belongs to.
type Environment string

// The environments.
const (
	Production  Environment = "production"
	Development Environment = "development"
)

// Path is the way on which a push reached the app.
type Path string

// The paths.
const (
	PathSession Path = "session"
	PathAPNs    Path = "apns"
	PathFCM     Path = "fcm"
	PathInbox   Path = "inbox"
)

// Mode is how a push may be delivered.
type Mode string

// The modes.
const (
	Auto        Mode = "auto"    // session first, then wake, then inbox
	SessionOnly Mode = "session" // only to apps in the foreground now
	WakeAlways  Mode = "wake"    // wakes even beside a session
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

// Start is the moment from which the push's TTL counts.
func (p Push) Start() time.Time {
	if p.DeliverAt.After(p.AcceptedAt) {
		return p.DeliverAt
	}
	return p.AcceptedAt
}

// Audience says who is to get a push. Exactly one kind is set.
type Audience struct {
	Users   []string
	Devices []string
	Tags    *TagRule
	All     bool
}

// Deferred tells whether the devices are looked up only when the push's time has come: for tags and for all.
func (a Audience) Deferred() bool { return a.Tags != nil || a.All }

// TagRule chooses users by their tags. What is given must hold; one that gives nothing is refused.
type TagRule struct {
	Any  []string
	All  []string
	None []string
}

// Matches tells whether a user with these tags is meant.
func (r TagRule) Matches(tags []string) bool {
	has := make(map[string]bool, len(tags))
	for _, t := range tags {
		has[t] = true
	}
	for _, t := range r.All {
		if !has[t] {
			return false
		}
	}
	for _, t := range r.None {
		if has[t] {
			return false
		}
	}
	if len(r.Any) == 0 {
		return true
	}
	for _, t := range r.Any {
		if has[t] {
			return true
		}
	}
	return false
}

// Warning is something the sender should know about an accepted push, such as a user never seen.
type Warning struct {
	Code WarningCode
	User string
}

// WarningCode is the stable name of a warning.
type WarningCode string

// The warnings. All but the first say that nobody gets the push.
const (
	UserNotSeen            WarningCode = "user_not_seen"             // the user has never registered a device
	CancelledBeforeItBegan WarningCode = "cancelled_before_it_began" // the push was cancelled before it had a delivery
	NobodyHasTheTags       WarningCode = "nobody_has_the_tags"       // no user with a device has the tags, when the push's time comes
	NoDevices              WarningCode = "no_devices"                // the push is for all, and the app has no device then
	DevicesGone            WarningCode = "devices_gone"              // none of the devices that the push names is registered then
)

// Accepted is what the store answers once a push is committed and flushed.
type Accepted struct {
	ID         ID
	Deliveries int  // made by now, or by and by; none for what is looked up later
	InPieces   bool // they are so many that they are made by and by
	Warnings   []Warning
	Devices    []DeviceKey // those whose inbox it went into, for delivery to look at now
	Looked     []DeviceKey // of Devices, those that were looked at as it was accepted
	Repeated   bool        // an idempotency key brought an earlier answer back; nothing new was made
}

// Secret is a value that must not be seen: a key, a token, a credential. Everything that prints hides it.
type Secret string

const hidden = "[secret]"

// String hides the value.
func (Secret) String() string { return hidden }

// GoString hides the value from %#v.
func (Secret) GoString() string { return hidden }

// LogValue hides the value from slog.
func (Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// Reveal is the value itself, for the one who needs it.
func (s Secret) Reveal() string { return string(s) }
