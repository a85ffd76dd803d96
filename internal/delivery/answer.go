package delivery

import (
	"slices"
	"time"

	"github.com/hushpush/hush/push"
)

// outcome is the result of one try of a wake.
type outcome struct {
	wake   push.Wake
	user   string // the device's owner, for whom the wake was
	answer push.Answer
	err    *push.WakeError // nil: it took the request, unless it was not sent
	unsent bool            // the wake was counted, and was not sent after all
}

// unsent returns the outcome of a wake that was counted and is not sent after all.
func unsent(d push.Device, w push.Wake, why string) *outcome {
	return &outcome{wake: w, user: d.User, unsent: true, answer: push.Answer{Provider: w.Provider, Error: push.FailureNotSent, Detail: why}}
}

// apply puts an outcome on the board. If the wake is no longer in flight as it was sent, the outcome is an event only.
func (o *outcome) apply(s situation, b *board) {
	o.record(b)
	w := &b.device.Wake
	if w.State != push.WakeSending || w.ID != o.wake.ID || w.Attempt != o.wake.Attempt {
		b.tryEnded(o.wake)
		return
	}
	b.wakeEnded(o.wake.Pushes)
	switch {
	case o.unsent:
		b.uncount(w)
	case o.err == nil:
		*w = push.Wake{}
		o.carried(s, b)
	default:
		o.refused(b, w)
	}
}

// uncount undoes the last try of a wake. If it was the first one, nothing remains of the wake, and it does not count.
func (b *board) uncount(w *push.Wake) {
	if w.Attempt == 1 {
		*w, b.device.WakeTimes = push.Wake{}, b.device.WakeTimes[:max(len(b.device.WakeTimes)-1, 0)]
		return
	}
	w.State, w.Reason, w.DueAt = push.WakeRetry, push.ReasonRetry, b.now
	w.Attempt--
}

// record puts the result of the try on the timelines of the deliveries that it was for, whatever has become of them meanwhile.
func (o *outcome) record(b *board) {
	events := o.events(b.now)
	for _, id := range o.wake.Pushes {
		if e := b.byID(id); e != nil && e.Generation == o.wake.Generation {
			e.events = slices.Grow(e.events, len(events)+1) // for the change that most answers make, too
			e.addEvents(events...)
		}
	}
}

// events returns everything that came of this try: what the provider said, or how it failed to say anything.
func (o *outcome) events(now time.Time) []push.Event {
	all := make([]push.Event, 0, len(o.answer.Mended)+1)
	for i := range o.answer.Mended {
		ev := o.event(now, &o.answer.Mended[i])
		ev.Fault = push.FaultCredentials
		all = append(all, ev)
	}
	ev := o.event(now, &o.answer)
	if o.err != nil {
		ev.Fault, ev.Unclear = o.err.Fault, o.err.Unclear
		if ev.ProviderReason == "" {
			ev.ProviderReason = o.err.Reason
		}
	}
	return append(all, ev)
}

// event returns one answer to this try, or how none came.
func (o *outcome) event(now time.Time, a *push.Answer) push.Event {
	ev := push.Event{
		At: now, Event: push.EventWakeAnswered, WakeID: o.wake.ID, Provider: o.wake.Provider, Attempt: o.wake.Attempt,
		Status: a.Status, ProviderReason: a.Reason, ProviderID: a.ProviderID, Error: a.Error, Detail: a.Detail,
	}
	if a.Status == 0 && a.Error == push.FailureNone {
		ev.Error = push.FailureOther
	}
	if ev.Error != push.FailureNone {
		ev.Event = push.EventWakeFailed
	}
	return ev
}

// carried moves on the deliveries that the wake was for. The provider took it, which does not mean that the phone got it:
// unless this was the last wake, another is due if no receipt comes.
func (o *outcome) carried(s situation, b *board) {
	for _, id := range o.wake.Pushes {
		e := b.byID(id)
		if e == nil || e.State.Final() || e.Generation != o.wake.Generation {
			continue
		}
		again := e.wakeAgain(s, o.wake)
		e.Wakes++
		e.changed = true
		if e.State == push.Received || e.State == push.Sent && e.Path == push.PathSession {
			continue
		}
		e.apply(e.SentBy(b.now, push.Path(o.wake.Provider), again))
	}
}

// refused decides, by the fault, what happens to a wake that its provider did not take.
func (o *outcome) refused(b *board, w *push.Wake) {
	retry := func(why push.Reason, wait time.Duration) {
		w.State, w.Reason, w.DueAt = push.WakeRetry, why, b.now.Add(wait)
		if o.err.Unclear {
			b.markMaybeDelivered(w)
		}
	}
	switch o.err.Fault {
	case push.FaultToken:
		if w.TokenGen != b.device.TokenGeneration {
			retry(push.ReasonRetry, 0) // renewed since: the new one has not been tried
		} else if o.err.DeadSince.IsZero() || o.err.DeadSince.After(b.device.TokenAt) {
			b.dropToken(*w, push.Reason(o.err.Reason), o.answer.Status)
			*w = push.Wake{}
		} else {
			retry(push.ReasonRetry, backOff(time.Minute, w.Attempt)) // the app registered it later than it died (Apple's rule)
		}
	case push.FaultSuspect:
		w.State, w.Refusal, w.RefusalStatus, w.DueAt = push.WakeSuspect, o.err.Reason, o.answer.Status, b.now.Add(suspectWait)
	case push.FaultCredentials:
		retry(o.credentialsReason(), credentialsWait)
	case push.FaultPush:
		for _, id := range o.wake.Pushes {
			if e := b.byID(id); e != nil && (e.State == push.Waiting || e.State == push.Sent) {
				b.to(e, push.Waiting, push.ReasonRefused)
			}
		}
		*w = push.Wake{}
	case push.FaultQuota:
		retry(push.ReasonQuota, o.err.RetryAfter)
	default:
		retry(push.ReasonRetry, backOff(max(o.err.RetryAfter, time.Second), w.Attempt))
	}
}

func (o *outcome) credentialsReason() push.Reason {
	if o.err.Reason == string(push.ReasonNoCredentials) {
		return push.ReasonNoCredentials
	}
	return push.ReasonCredentials
}

// backOff doubles a wait with each try, up to an hour.
func backOff(wait time.Duration, attempt int) time.Duration {
	for range min(attempt-1, 20) {
		if wait >= longestRetry {
			break
		}
		wait *= 2
	}
	return max(min(wait, longestRetry), 0)
}
