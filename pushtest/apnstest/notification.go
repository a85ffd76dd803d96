package apnstest

import (
	"slices"
	"time"
)

// Notification is what a phone gets from APNs.
type Notification struct {
	ID        string // apns-id
	RequestID string // the request's id in the ledger

	Token      string
	Topic      string // as the request says, with the push type's suffix
	PushType   string // "" if the request has none
	Priority   int    // 10, 5 or 1
	CollapseID string
	Payload    []byte // as it came; APNs does not look into it

	Once      bool      // apns-expiration 0: now or never
	ExpiresAt time.Time // in simulated time; with Once: when it came
	SentAt    time.Time // when the request came, in simulated time
	Stored    bool      // it has waited at APNs
}

func (n Notification) clone() Notification {
	n.Payload = slices.Clone(n.Payload)
	return n
}

// maxStorage is how long APNs keeps a notification at most (Apple, "Viewing the status of push notifications using metrics
// and APNs").
const maxStorage = 30 * 24 * time.Hour

// newPending makes of a checked request what is delivered.
func newPending(a *attempt, now time.Time) *pending {
	p := &pending{Notification: Notification{
		ID: a.apnsID, RequestID: a.id, Token: a.token, Topic: a.fullTopic, PushType: a.pushType, Priority: a.priority,
		CollapseID: a.collapseID, Payload: a.Body, SentAt: now, ExpiresAt: now.Add(maxStorage),
	}}
	if a.expiration == nil {
		return p
	}
	if p.Once = a.expiration.Unix() == 0; p.Once {
		p.ExpiresAt = now
		return p
	}
	// The sender's clock is real; ours may be ahead.
	if left := time.Until(*a.expiration); left < maxStorage {
		p.ExpiresAt = now.Add(max(left, 0))
	}
	return p
}
