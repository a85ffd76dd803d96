package delivery

import (
	"time"

	"github.com/hushpush/hush/push"
)

const (
	// wakeTime bounds one provider request. Google asks for 10 s or more (FCM, "Scale FCM"); Apple names no time.
	wakeTime = 10 * time.Second

	// wakeLease is how long a wake is leased to this node: the time in which it waits for its turn (turnTime), its request's time,
	// and a moment to commit the answer. When the lease is over, or at the next start of a node that has the store to itself, the
	// same id goes out again.
	wakeLease = turnTime + wakeTime + 2*time.Second

	// turnTime is how long a wake may wait for a worker once it is counted. One that waits longer is taken back.
	turnTime = 4 * time.Second

	// suspectWait is how long a refusal that may be our fault waits for others like it.
	suspectWait = 5 * time.Second

	// credentialsWait is how long an app's sends rest after its credentials were refused.
	credentialsWait = time.Minute

	// longestRetry ends the doubling of waits.
	longestRetry = time.Hour
)

// planWake decides on the device's wake, given the deliveries that want one. It returns the wake to be sent once the board is
// committed; nil if there is none. The wake is counted on the board, so no request leaves uncounted.
func planWake(s situation, b *board, wanting []*entry, due *dueTime) *push.Wake {
	w := b.device.Wake
	if w.State == push.WakeSending {
		if w.DueAt.After(s.now) && !ofFormerProcess(s, w) {
			due.at(w.DueAt)
			return nil
		}
		b.markMaybeDelivered(&w) // by a try whose answer never came
		b.wakeEnded(w.Pushes)
		w.State, w.Reason, w.DueAt = push.WakeRetry, push.ReasonRetry, s.now
	}
	if w.State == push.WakeSuspect {
		if w = resolveSuspect(s, b, w, due); w.State == push.WakeNone {
			wanting = b.stopNowOrNever(wanting, push.ReasonNoToken)
			b.waitAll(wanting, push.ReasonNoToken)
			wanting = nil
		}
	}
	if len(wanting) == 0 {
		b.device.Wake = push.Wake{}
		return nil
	}
	b.device.Wake = w
	if why, until := notBefore(s, w); until.After(s.now) {
		wanting = b.stopTooLate(wanting, w.MaybeDelivered, until, why)
		b.waitAll(wanting, why)
		due.at(until)
		return nil
	}
	if w.State == push.WakeNone {
		if first := earliest(s, b.device.WakeTimes, wanting); first.NextAt.After(s.now) {
			b.budget = &first
			wanting = b.stopNowOrNever(wanting, push.ReasonBudget)
			b.waitAll(wanting, push.ReasonBudget)
			if len(wanting) > 0 {
				due.at(first.NextAt)
			}
			return nil
		}
		w = push.Wake{ID: push.NewID()}
		b.device.WakeTimes = addWakeTime(b.device.WakeTimes, s.now)
	}
	return prepareTry(s, b, w, wanting, due)
}

// ofFormerProcess reports whether a wake was sent by a process that has certainly ended: its lease began before this node had
// the store to itself.
func ofFormerProcess(s situation, w push.Wake) bool {
	return !s.soleSince.IsZero() && w.DueAt.Add(-wakeLease).Before(s.soleSince)
}

// resolveSuspect decides on a wake whose refusal may be the fault of the token or of our credentials: it waits, it is tried
// again, or the token is dropped and no wake remains.
func resolveSuspect(s situation, b *board, w push.Wake, due *dueTime) push.Wake {
	switch {
	case w.TokenGen != b.device.TokenGeneration:
		w.State, w.DueAt, w.Reason = push.WakeRetry, s.now, push.ReasonRetry // the token has been renewed since
	case w.DueAt.After(s.now):
		due.at(w.DueAt)
	case s.tokenBad(w.Refusal):
		b.dropToken(w, push.Reason(w.Refusal), w.RefusalStatus)
		return push.Wake{}
	default:
		w.State, w.DueAt, w.Reason = push.WakeRetry, s.now.Add(credentialsWait), push.ReasonCredentials
	}
	return w
}

// notBefore returns until when a wake has to wait whatever the budget says, and why; the zero time if it need not.
func notBefore(s situation, w push.Wake) (push.Reason, time.Time) {
	if s.hold != nil && s.hold.until.After(s.now) {
		return s.hold.why, s.hold.until
	}
	switch w.State {
	case push.WakeSuspect:
		return push.ReasonRetry, w.DueAt
	case push.WakeRetry:
		refused := w.DueAt.Add(-credentialsWait)
		if (w.Reason == push.ReasonCredentials || w.Reason == push.ReasonNoCredentials) && s.renewed.After(refused) {
			return push.ReasonNone, time.Time{} // by the former credentials
		}
		return w.Reason, w.DueAt
	}
	return push.ReasonNone, time.Time{}
}

// earliest returns what delays the next wake, by the first of the strategies that allows one. That wake then brings all.
func earliest(s situation, times []time.Time, wanting []*entry) push.BudgetWait {
	var first push.BudgetWait
	for _, e := range wanting {
		if w := budgetWait(s.now, times, s.strategy(e.ResourceID).Budget); first.NextAt.IsZero() || w.NextAt.Before(first.NextAt) {
			first = w
		}
	}
	return first
}

// wakeAgain returns when the delivery wants another wake if no receipt comes of this one; the zero time if it was the last.
func (e *entry) wakeAgain(s situation, w push.Wake) time.Time {
	st := s.strategy(e.ResourceID)
	if st == nil || e.NowOrNever || e.Wakes >= st.Rewake.Times {
		return time.Time{}
	}
	return w.DueAt.Add(st.Rewake.After - wakeLease) // reckoned from when it left
}

// prepareTry makes the wake ready for its next try: for which deliveries, until when, and with what. The device is due when it
// will be once the provider has taken the wake, so that the answer has nothing to write there; the deliveries show when the
// lease is over.
func prepareTry(s situation, b *board, w push.Wake, wanting []*entry, due *dueTime) *push.Wake {
	w.State, w.DueAt, w.Reason, w.Refusal, w.RefusalStatus = push.WakeSending, s.now.Add(wakeLease), push.ReasonNone, "", 0
	w.Provider = b.device.Platform.Provider()
	w.Attempt++
	w.Generation, w.TokenGen = b.device.OwnerGeneration, b.device.TokenGeneration
	w.Priority, w.ExpiresAt, w.EndsAt, w.Pushes, w.Items = push.Normal, time.Time{}, time.Time{}, nil, nil
	for _, e := range wanting {
		if s.strategy(e.ResourceID).Priority == push.High {
			w.Priority = push.High
		}
		if e.ExpiresAt.After(w.EndsAt) {
			w.EndsAt = e.ExpiresAt
		}
		if !e.NowOrNever && e.ExpiresAt.After(w.ExpiresAt) {
			w.ExpiresAt = e.ExpiresAt
		}
		w.Pushes = append(w.Pushes, e.PushID)
		w.Items = append(w.Items, e.Item())
		e.WakeUntil = w.DueAt
		due.at(e.wakeAgain(s, w))
		e.addEvents(push.Event{At: s.now, Event: push.EventWakeSent, WakeID: w.ID, Provider: w.Provider, Attempt: w.Attempt})
	}
	stored := w
	stored.EndsAt, stored.Items = time.Time{}, nil
	b.device.Wake = stored
	return &w
}

// dropToken ends the use of the device's provider token, which the provider refused when it got a wake, and says so on the open
// deliveries.
func (b *board) dropToken(w push.Wake, why push.Reason, status int) {
	b.device.Token = push.TokenDead
	b.device.TokenLoss = push.TokenLoss{At: b.now, Reason: why, Provider: w.Provider, Status: status, WakeID: w.ID}
	if len(w.Pushes) > 0 {
		b.device.TokenLoss.PushID = w.Pushes[0]
	}
	for _, e := range b.open {
		if !e.State.Final() {
			e.addEvents(push.Event{At: b.now, Event: push.EventTokenDropped, Reason: why, Provider: b.device.Platform.Provider()})
		}
	}
}
