package store

import (
	"sync"
	"time"

	"github.com/hushpush/hush/push"
)

// broadcasts knows the apps for which broadcasts are being made. Until all deliveries of a broadcast are made, looks at the app's
// devices wait, because they would only delay the writer.
type broadcasts struct {
	mu    sync.Mutex
	byApp map[string]*activeBroadcasts // guarded by mu
}

// activeBroadcasts are the broadcasts of one app that are being made.
type activeBroadcasts struct {
	since time.Time             // when the first piece was made since the app had none
	until map[push.ID]time.Time // when the next piece of each is overdue
}

// How long looks wait: for the next piece of a broadcast, which may fail, and for all broadcasts of an app, since now-or-never
// deliveries expire soon.
const (
	nextPiece = 250 * time.Millisecond
	allPieces = 30 * time.Second
)

// pieceMade records that a piece of a broadcast was made, and whether it was the last.
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

// remove removes a broadcast. The caller holds mu.
func (b *broadcasts) remove(app string, id push.ID) {
	delete(b.byApp[app].until, id)
	if len(b.byApp[app].until) == 0 {
		delete(b.byApp, app)
	}
}

// active returns the apps whose looks wait, and removes the broadcasts whose next piece is overdue.
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
