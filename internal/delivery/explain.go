package delivery

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/hushpush/hush/push"
)

// timelinesRead is how many of a device's open deliveries are read to learn what became of its wakes.
const timelinesRead = 50

// Explain returns why a device gets what it gets: what a look would decide now, and what is known of its token and its wakes.
// hasCredential reports whether the app has a credential for a provider. A device that was unregistered is explained for as
// long as its row stays; after that the error is push.ErrNotFound.
func (v *preview) Explain(ctx context.Context, key push.DeviceKey, hasCredential func(push.Provider) bool) (push.Explanation, error) {
	snap, err := v.store.PeekDevice(ctx, key, lookLimit)
	if err == nil && snap.Device.ID == "" {
		err = push.ErrNotFound
	}
	if err != nil {
		return push.Explanation{}, fmt.Errorf("delivery: explain: %w", err)
	}
	timelines, err := v.store.OpenTimelines(ctx, key, timelinesRead)
	if err != nil {
		return push.Explanation{}, fmt.Errorf("delivery: explain: %w", err)
	}
	s := v.node.know(key, true).of(snap)
	return explain(s, snap, timelines, hasCredential(snap.Device.Platform.Provider())), nil
}

// explain is Explain as a plain function of what is known.
func explain(s situation, snap push.Snapshot, timelines [][]push.Event, hasCredential bool) push.Explanation {
	d := snap.Device
	x := push.Explanation{Now: s.now, Device: d, Credential: push.CredentialStanding{State: push.CredentialOK}}
	if !d.Registered() {
		return x
	}
	if s.session != nil {
		x.SessionSince = s.session.since
	}
	x.Credential = credentialStanding(s, hasCredential)
	x.Wakes = wakesOf(s.now, timelines)
	x.WakesLastHour = within(s.now, d.WakeTimes, time.Hour)
	b, p := peek(s, snap)
	x.Budget = b.budget
	x.Waits = waitsOf(b, p)
	x.Open = max(snap.OpenTotal-(len(snap.Open)-countOpen(b)), 0)
	return x
}

// countOpen returns how many deliveries of the board the plan leaves open.
func countOpen(b *board) (n int) {
	for _, e := range b.open {
		if !e.State.Final() {
			n++
		}
	}
	return n
}

func credentialStanding(s situation, has bool) push.CredentialStanding {
	switch {
	case !has:
		return push.CredentialStanding{State: push.CredentialMissing}
	case otherTopic(s):
		return push.CredentialStanding{State: push.CredentialMissing, Reason: push.ReasonTopic}
	case s.hold == nil || !s.hold.until.After(s.now):
		return push.CredentialStanding{State: push.CredentialOK}
	case s.hold.why == push.ReasonCredentials || s.hold.why == push.ReasonNoCredentials:
		return push.CredentialStanding{State: push.CredentialRefused, Reason: s.hold.why, Until: s.hold.until}
	}
	return push.CredentialStanding{State: push.CredentialHeld, Reason: s.hold.why, Until: s.hold.until}
}

// waitsOf returns what is open after a look's decisions, by what it waits for. Deliveries that the plan gives to the session or
// to a wake are on their way.
func waitsOf(b *board, p plan) []push.Wait {
	var waits []push.Wait
	for _, e := range b.open {
		if e.State.Final() {
			continue
		}
		w := push.Wait{State: e.State, Reason: e.Reason, Count: 1, OldestAt: e.AcceptedAt}
		if e.State == push.Waiting && (w.Reason == push.ReasonNone || p.wake != nil && slices.Contains(p.wake.Pushes, e.PushID)) {
			w.Reason = push.ReasonWake
		}
		i := slices.IndexFunc(waits, func(have push.Wait) bool { return have.State == w.State && have.Reason == w.Reason })
		if i < 0 {
			waits = append(waits, w)
			continue
		}
		waits[i].Count++
		if w.OldestAt.Before(waits[i].OldestAt) {
			waits[i].OldestAt = w.OldestAt
		}
	}
	return waits
}

// wakesOf returns what became of a device's wakes in the last hour, oldest first, as far as the timelines of open deliveries
// show.
func wakesOf(now time.Time, timelines [][]push.Event) []push.WakeResult {
	byID := map[push.ID]*push.WakeResult{}
	for _, timeline := range timelines {
		received := slices.ContainsFunc(timeline, func(e push.Event) bool { return e.Event == push.EventName(push.Received) })
		for _, e := range timeline {
			if e.WakeID == "" || e.At.Before(now.Add(-time.Hour)) {
				continue
			}
			w := byID[e.WakeID]
			if w == nil {
				w = &push.WakeResult{WakeID: e.WakeID, Provider: e.Provider}
				byID[e.WakeID] = w
			}
			w.Received = w.Received || received
			if e.At.Before(w.At) || e.Event == push.EventWakeSent && !w.At.IsZero() {
				continue
			}
			w.At, w.Status, w.Reason, w.Error = e.At, e.Status, e.ProviderReason, e.Error
		}
	}
	var wakes []push.WakeResult
	for _, w := range byID {
		wakes = append(wakes, *w)
	}
	slices.SortFunc(wakes, func(a, b push.WakeResult) int { return a.At.Compare(b.At) })
	return wakes
}
