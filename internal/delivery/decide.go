package delivery

import (
	"slices"
	"time"

	"github.com/hushpush/hush/push"
)

// situation is what is known of a device when its deliveries are decided on. The store's part was read in the transaction that
// commits the decision; session, hold and tokenBad are this node's.
type situation struct {
	now       time.Time
	device    push.Device
	session   *session                               // nil: none is open
	lost      bool                                   // the session went away while pushes were sent to it
	hold      *hold                                  // nil: the app may send through the device's provider
	renewed   time.Time                              // when the app's credentials were last replaced here; zero: not known
	soleSince time.Time                              // since when this node has the store to itself; zero: it has not
	ackWait   time.Duration                          // for a session to acknowledge
	topics    []string                               // iOS: the only bundle ids that the app's credential is for; none: any
	strategy  func(resourceID string) *push.Strategy // for the device's provider; nil if the resource has none
	tokenBad  func(refusal string) bool              // whether a suspect refusal is the token's own fault
}

// session is an open session of the device.
type session struct {
	id    string
	since time.Time // when it was opened
}

// verdict is what happens next to one push on one device; why goes on the timeline as it stands.
type verdict struct {
	do    push.Action
	state push.State // for wait and stop: the state that it goes to, or stays in
	why   push.Reason
}

func stop(state push.State, why push.Reason) verdict {
	return verdict{do: push.DoStop, state: state, why: why}
}

// decide returns what happens next to one open delivery: a plain function of what is known. DoWake means that the delivery
// wants the device's wake; planWake decides whether there is one to be had now.
func decide(s situation, d push.Delivery) verdict {
	switch {
	case d.Generation != s.device.OwnerGeneration:
		return stop(push.Undeliverable, push.ReasonOwnerChanged)
	case !d.ExpiresAt.After(s.now):
		return expired(d)
	case underWay(s.now, d):
		return verdict{do: push.DoWait, state: d.State, why: d.Reason}
	case s.session != nil && d.Deliver != push.WakeAlways:
		return verdict{do: push.DoSession}
	case d.Deliver == push.SessionOnly:
		return stop(push.Undeliverable, push.ReasonNoSession)
	}
	why := unwakeable(s, d)
	switch {
	case why == push.ReasonNone:
		return verdict{do: push.DoWake}
	case d.NowOrNever:
		return stop(push.Expired, why)
	}
	return verdict{do: push.DoWait, state: push.Waiting, why: why}
}

// underWay reports whether someone else has the next word: a session that may still acknowledge, a handler that may still
// return, a wake that may still bring a receipt.
func underWay(now time.Time, d push.Delivery) bool {
	switch d.State {
	case push.Received:
		return d.DueAt.After(now)
	case push.Sent:
		return d.DueAt.IsZero() || d.DueAt.After(now)
	}
	return false
}

// unwakeable returns why no wake can carry the delivery as things stand, so that it waits for a session or the inbox.
func unwakeable(s situation, d push.Delivery) push.Reason {
	switch {
	case s.strategy(d.ResourceID) == nil:
		return push.ReasonNoStrategy
	case s.device.Token != push.TokenOK:
		return push.ReasonNoToken
	case otherTopic(s):
		return push.ReasonTopic
	case d.Reason == push.ReasonRefused:
		return push.ReasonRefused
	}
	return push.ReasonNone
}

// otherTopic reports whether the app's APNs credential is for other bundle ids than the device's.
func otherTopic(s situation) bool {
	return len(s.topics) > 0 && !slices.Contains(s.topics, s.device.BundleID)
}

// expired returns why a push whose time ran out did not arrive: its TTL, or for "now or never" what prevented it.
func expired(d push.Delivery) verdict {
	if d.NowOrNever && d.State == push.Waiting && d.Reason != push.ReasonNone {
		return stop(push.Expired, d.Reason)
	}
	return stop(push.Expired, push.ReasonTTL)
}
