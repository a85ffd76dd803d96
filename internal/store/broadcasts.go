package store

import (
	"sync"
	"time"

	"github.com/hushpush/hush/push"
)

// broadcasts are the apps for which broadcasts are being made. Until all of their deliveries are there, looks at the first
// of an app's devices would only take the writer's time from the others.
type broadcasts struct {
	mu    sync.Mutex
	byApp map[string]*activeBroadcasts // guarded by mu
}

// makingBroadcasts is when the first piece was made since the app had none under way, and when the next one of each is missed.
type activeBroadcasts struct {
	since time.Time
	until map[push.ID]time.Time
}

// How long looks wait for a broadcast: for its next piece, which perhaps cannot be made, and for all of it, since what is now or
// never does not live long.
const (
	nextPiece = 250 * time.Millisecond
	allPieces = 30 * time.Second
)

// made notes a piece of a broadcast.
func (b *broadcasts) pieceMade(app string, id push.ID, now time.Time, last bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	m := b.byApp[app]
	switch {
	case last && m == nil:
		return
	case last:
		b.remove(app, id)
		return
	case m == nil:
		m = &activeBroadcasts{since: now, until: map[push.ID]time.Time{}}
		if b.byApp == nil {
			b.byApp = map[string]*activeBroadcasts{}
		}
		b.byApp[app] = m
	}
	m.until[id] = now.Add(nextPiece)
}

// over forgets a broadcast. It is called with mu held.
func (b *broadcasts) remove(app string, id push.ID) {
	delete(b.byApp[app].until, id)
	if len(b.byApp[app].until) == 0 {
		delete(b.byApp, app)
	}
}

// now returns the apps whose looks wait.
func (b *broadcasts) active(now time.Time) map[string]bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	apps := map[string]bool{}
	for app, m := range b.byApp {
		for id, until := range m.until {
			if !now.Before(until) {
				b.remove(app, id)
			}
		}
		if len(m.until) > 0 && now.Sub(m.since) < allPieces {
			apps[app] = true
		}
	}
	return apps
}
