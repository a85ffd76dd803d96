package protocol

import (
	"encoding/json"
	"time"

	"github.com/hushpush/hush/push"
)

// PushRequest asks for a push.
type PushRequest struct {
	To          Audience  `json:"to"`
	ResourceID  string    `json:"resource_id"`
	Payload     string    `json:"payload,omitempty" doc:"at most 64 KiB of UTF-8; reaches the handler byte for byte"`
	TTL         string    `json:"ttl,omitempty" minLength:"1" doc:"0s (now or never) to 672h; default: the strategy's"`
	CollapseKey string    `json:"collapse_key,omitempty" doc:"of open pushes with the same key, a device keeps the newest"`
	Deliver     push.Mode `json:"deliver,omitempty" doc:"default auto"`
	DeliverAt   string    `json:"deliver_at,omitempty" minLength:"1" format:"date-time" doc:"RFC 3339, up to 28 days ahead"`
	DryRun      bool      `json:"dry_run,omitempty" doc:"answer what would be done, and do nothing"`
}

// PushAccepted is the answer to a push that is committed and flushed. Deliveries is left out if the audience is looked up
// later.
type PushAccepted struct {
	PushID     string    `json:"push_id"`
	Deliveries *int      `json:"deliveries,omitempty"`
	Warnings   []Warning `json:"warnings"`
}

// BudgetWait says which limit of a budget delays a device's next wake, how many wakes it has seen, and when the next is
// possible.
type BudgetWait struct {
	Limit  push.BudgetLimit `json:"limit"`
	Wakes  int              `json:"wakes" doc:"how many wakes the limit allows"`
	Per    string           `json:"per" doc:"in how long"`
	Seen   int              `json:"seen" doc:"how many of the device's wakes lie within that"`
	NextAt time.Time        `json:"next_at" doc:"when the next wake is possible"`
}

// Decision is the result of a dry run for one device.
type Decision struct {
	DeviceID string        `json:"device_id"`
	Do       push.Action   `json:"do"`
	Reason   push.Reason   `json:"reason"`
	Provider push.Provider `json:"provider"`
	Budget   *BudgetWait   `json:"budget,omitempty" doc:"with reason budget: what it would wait for"`
}

// DryRun is the answer to a push with dry_run.
type DryRun struct {
	Deliveries []Decision `json:"deliveries"`
	Warnings   []Warning  `json:"warnings"`
}

// BatchRequest asks for up to 1 000 pushes. Each is checked by itself.
type BatchRequest struct {
	Pushes []json.RawMessage `json:"pushes"`
}

// BatchResponse has one result per push, in order.
type BatchResponse struct {
	Results []BatchResult `json:"results"`
}

// BatchResult is a PushAccepted with status 202, or a problem.
type BatchResult struct {
	Status     int       `json:"status"`
	PushID     string    `json:"push_id,omitempty"`
	Deliveries *int      `json:"deliveries,omitempty"`
	Warnings   []Warning `json:"warnings,omitzero"`
	Problem    *Problem  `json:"problem,omitempty"`
}

// Push is a push with a page of its deliveries.
type Push struct {
	PushID     string     `json:"push_id"`
	ResourceID string     `json:"resource_id"`
	AcceptedAt time.Time  `json:"accepted_at"`
	DeliverAt  *time.Time `json:"deliver_at,omitempty"`
	ExpiresAt  time.Time  `json:"expires_at"`
	Final      bool       `json:"final" doc:"all its deliveries are made and final"`

	Counts     map[push.State]int `json:"counts" doc:"how many of the deliveries made so far are in which state"`
	Expanded   bool               `json:"expanded" doc:"all its deliveries are made; those of a large audience are made in pieces"`
	Warnings   []Warning          `json:"warnings" doc:"why nobody gets it: it was cancelled before it began, or nobody was there when its time came"`
	Deliveries []Delivery         `json:"deliveries"`
	Cursor     string             `json:"cursor"`
}

// Pushes is a page of an app's pushes, newest first.
type Pushes struct {
	Pushes []ListedPush `json:"pushes"`
	Cursor string       `json:"cursor" doc:"of the next page; empty on the last. A page may be short, or empty, and still have a cursor: a search ends after a while"`
}

// ListedPush is a push as lists have it.
type ListedPush struct {
	PushID     string             `json:"push_id"`
	ResourceID string             `json:"resource_id"`
	AcceptedAt time.Time          `json:"accepted_at"`
	DeliverAt  *time.Time         `json:"deliver_at,omitempty"`
	ExpiresAt  time.Time          `json:"expires_at"`
	Final      bool               `json:"final" doc:"all its deliveries are made and final"`
	Expanded   bool               `json:"expanded" doc:"all its deliveries are made; those of a large audience are made in pieces"`
	Counts     map[push.State]int `json:"counts" doc:"how many of the deliveries made so far are in which state"`
	Warnings   []Warning          `json:"warnings" doc:"why nobody gets it: it was cancelled before it began, or nobody was there when its time came"`
}

// Delivery is one push on one device, with its timeline.
type Delivery struct {
	DeviceID string      `json:"device_id" doc:"empty while the user has no device"`
	User     string      `json:"user"`
	State    push.State  `json:"state"`
	Result   push.Result `json:"result"`
	Reason   push.Reason `json:"reason"`
	Budget   *BudgetWait `json:"budget,omitempty" doc:"while it waits for the budget: which limit that is, and when the next wake is possible"`
	Path     push.Path   `json:"path"`
	Events   []Event     `json:"events"`
}

// LiveEvent is one message of the live timeline (SSE, event "delivery"): the delivery as it stands. The message of event
// "final" ends the stream; it is a Push without deliveries.
type LiveEvent = Delivery

// Cancelled is the answer when a push is cancelled.
type Cancelled struct {
	Cancelled    int             `json:"cancelled"`
	AlreadyFinal []FinalDelivery `json:"already_final"`
	Warnings     []Warning       `json:"warnings" doc:"that it was cancelled before it began, or that nobody was there when its time came"`
}

// FinalDelivery names a delivery that was final before it could be cancelled.
type FinalDelivery struct {
	DeviceID string     `json:"device_id"`
	State    push.State `json:"state"`
}
