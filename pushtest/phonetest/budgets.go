package phonetest

import (
	"sync"
	"time"
)

// budgets are what iOS, Android and FCM count of the pushes for an app, and what is left of them.
type budgets struct {
	rules *Rules // never changes

	mu      sync.Mutex // nothing is called under it but the change of standby
	pacing  pacing     // guarded by mu; iOS
	standby standby    // guarded by mu; Android
	recent  recent     // guarded by mu; Android
}

func newBudgets(s Spec, r *Rules, born time.Time) *budgets {
	return &budgets{rules: r, pacing: pacing{born: born}, standby: standby{bucket: s.Bucket, osVersion: s.OSVersion}}
}

// exhausted reports whether iOS has no background push left for now, and whether none for the day.
func (b *budgets) exhausted(now time.Time) (paced, spent bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.pacing.exhausted(now, *b.rules)
}

// until returns when iOS has a background push left again; zero if it has one now.
func (b *budgets) until(now time.Time) time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.pacing.until(now, *b.rules)
}

// spend counts what a push, or its handler, costs on iOS.
func (b *budgets) spend(n float64, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pacing.spend(n, now, *b.rules)
}

// keepsHigh reports whether a high-priority message that comes now keeps its priority on Android.
func (b *budgets) keepsHigh(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.standby.keepsHigh(now, *b.rules)
}

// countHigh counts a high-priority message, and reports whether it keeps its priority.
func (b *budgets) countHigh(now time.Time) (kept bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	kept = b.standby.keepsHigh(now, *b.rules)
	b.standby = b.standby.count(now)
	return kept
}

// repeats reports whether FCM's client in the app was given a message already in this run, and remembers it if not.
func (b *budgets) repeats(run int, id string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.recent.repeats(run, id)
}

// currentStandby returns what Android and FCM have counted for the app, and know of the phone.
func (b *budgets) currentStandby() standby {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.standby
}

// changeStandby changes what Android and FCM have counted for the app, or know of the phone.
func (b *budgets) changeStandby(change func(standby) standby) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.standby = change(b.standby)
}

// reset forgets what was counted for the app. What the phone has spent in the day stays.
func (b *budgets) reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pacing.bucket = bucket{}
	b.standby = standby{osVersion: b.standby.osVersion}
}
