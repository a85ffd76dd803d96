package store

import (
	"sync"
	"time"
)

// broadcasts are the apps for which a broadcast is being made. Until all of its deliveries are there, looks at the first
// of its devices would only take the writer's time from the others.
type broadcasts struct {
	mu    sync.Mutex
	byApp map[string]makingBroadcast // guarded by mu
}

// makingBroadcast is when the first piece was made, and when the next one is missed.
type makingBroadcast struct{ since, until time.Time }

// How long looks wait for a broadcast: for its next piece, which perhaps cannot be made, and for all of it, since what is now or
// never does not live long.
const (
	nextPiece = 250 * time.Millisecond
	allPieces = 10 * time.Second
)

// made notes a piece of a broadcast.
func (b *broadcasts) made(app string, now time.Time, last bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if last {
		delete(b.byApp, app)
		return
	}
	m, there := b.byApp[app]
	if !there {
		m.since = now
	}
	m.until = now.Add(nextPiece)
	if b.byApp == nil {
		b.byApp = map[string]makingBroadcast{}
	}
	b.byApp[app] = m
}

// now returns the apps whose looks wait.
func (b *broadcasts) now(now time.Time) map[string]bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	apps := map[string]bool{}
	for app, m := range b.byApp {
		switch {
		case !now.Before(m.until):
			delete(b.byApp, app)
		case now.Sub(m.since) < allPieces:
			apps[app] = true
		}
	}
	return apps
}
