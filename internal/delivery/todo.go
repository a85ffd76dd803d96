package delivery

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/hushpush/hush/push"
)

// A push that is decided on as it is accepted has its wake counted at once. The wake must then leave soon: a decision that is carried
// out late has to be made once more. So there is a bounded number of places for what is decided and not done yet. A caller that
// finds no places waits for some, which slows a sender down to the pace of the providers. If nothing gets done, it does not wait,
// and its devices are looked at later.
const (
	freshPlaces = 4096
	appPlaces   = freshPlaces * 3 / 4 // of one app, so that its flood leaves some to others
	placesWait  = 10 * time.Second    // for places, at most
	stillDone   = 2 * time.Second     // once nothing was done for so long, nobody waits
)

// todo holds what is decided and not done yet, for the workers.
type todo struct {
	mu    sync.Mutex
	m     map[push.DeviceKey]*decided // guarded by mu
	taken int                         // guarded by mu; places
	ofApp map[string]int              // guarded by mu; places by app
	line  []*asking                   // guarded by mu; callers that wait for places, in the order in which they came
	moved time.Time                   // guarded by mu; when a place was last released, or the first one taken
	now   func() time.Time
}

// asking is one caller that waits for places.
type asking struct {
	app     string
	n       int
	granted chan struct{} // closed when it has them
}

func newTodo(now func() time.Time) *todo {
	return &todo{m: map[push.DeviceKey]*decided{}, ofApp: map[string]int{}, now: now}
}

// tryAcquire takes n places for an app if there are so many and nobody of the app waits for some.
func (t *todo) tryAcquire(app string, n int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.try(app, n)
}

// try is tryAcquire; mu is held.
func (t *todo) try(app string, n int) bool {
	if !t.fits(app, n) || slices.ContainsFunc(t.line, func(a *asking) bool { return a.app == app }) {
		return false
	}
	t.grant(app, n)
	return true
}

// acquire takes n places for an app, and waits for them if that is worth while. has reports whether it has them.
func (t *todo) acquire(ctx context.Context, app string, n int) (has, waited bool) {
	t.mu.Lock()
	if t.try(app, n) {
		t.mu.Unlock()
		return true, false
	}
	if n > appPlaces {
		t.mu.Unlock()
		return false, false
	}
	if t.idle() || !t.crowds(app) {
		t.mu.Unlock()
		return false, false
	}
	a := &asking{app: app, n: n, granted: make(chan struct{})}
	t.line = append(t.line, a)
	t.mu.Unlock()
	return t.wait(ctx, a), true
}

// wait returns when a has its places, or when waiting is no longer worth while.
func (t *todo) wait(ctx context.Context, a *asking) bool {
	until := time.NewTimer(placesWait)
	defer until.Stop()
	look := time.NewTicker(stillDone)
	defer look.Stop()
	for {
		select {
		case <-a.granted:
			return true
		case <-look.C:
			t.mu.Lock()
			idle := t.idle()
			t.mu.Unlock()
			if !idle {
				continue
			}
		case <-until.C:
		case <-ctx.Done():
		}
		return t.giveUp(a)
	}
}

// idle reports whether nothing was done for so long that waiting is pointless. mu is held.
func (t *todo) idle() bool { return t.now().Sub(t.moved) > stillDone }

// crowds reports whether an app has its share of the places. One with less would have to wait for other apps' work. mu is held.
func (t *todo) crowds(app string) bool {
	return t.ofApp[app] >= min(freshPlaces/max(len(t.ofApp), 1), appPlaces)/2
}

// giveUp takes a out of the line. It reports true if a has its places after all.
func (t *todo) giveUp(a *asking) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, other := range t.line {
		if other == a {
			t.line = slices.Delete(t.line, i, i+1)
			t.admit() // who was behind it
			return false
		}
	}
	return true
}

// fits reports whether there are n places for the app. mu is held.
func (t *todo) fits(app string, n int) bool {
	return t.taken+n <= freshPlaces && t.ofApp[app]+n <= appPlaces
}

// grant takes places; a negative n gives some back. mu is held.
func (t *todo) grant(app string, n int) {
	if t.taken == 0 || n < 0 {
		t.moved = t.now()
	}
	t.taken += n
	t.ofApp[app] += n
}

// release gives back n places of an app; a negative n takes some, whether there are any or not.
func (t *todo) release(app string, n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.grant(app, -n); t.ofApp[app] == 0 {
		delete(t.ofApp, app)
	}
	t.admit()
}

// admit gives places to callers that wait: to those of each app in the order in which they came, so that small requests never
// overtake a large one for ever. mu is held.
func (t *todo) admit() {
	rest, behind := t.line[:0], map[string]bool{}
	for _, a := range t.line {
		if behind[a.app] || !t.fits(a.app, a.n) {
			rest, behind[a.app] = append(rest, a), true
			continue
		}
		t.grant(a.app, a.n)
		close(a.granted)
	}
	clear(t.line[len(rest):])
	t.line = rest
}

// put stores what was decided on a device, whose place is taken. It reports whether this replaces something that was still to
// be done and is over: a device is decided on anew only once that has ended otherwise.
func (t *todo) put(key push.DeviceKey, d *decided) (instead bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, instead = t.m[key]
	t.m[key] = d
	return instead
}

// pop removes and returns what was decided on a device; ok is false if nothing is left to be done. The caller releases its
// place.
func (t *todo) pop(key push.DeviceKey) (d *decided, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	d, ok = t.m[key]
	delete(t.m, key)
	return d, ok
}
