package store

import (
	"context"
	"sort"
	"sync"
	"sync/atomic"

	"github.com/hushpush/hush/push"
)

const (
	maxUnread = 20_000 // events of one app that are kept for followers that have not read them
	maxTaken  = 500    // events that a follower reads at once
)

// appLogs hold the most recently committed events of each app that has followers. All followers of an app share its log, so that a
// commit costs the same for one as for a thousand. An app without followers has no log.
type appLogs struct {
	followed atomic.Int64 // the number of followers of all apps; without any, no commit takes the lock

	mu    sync.Mutex
	byApp map[string]*appLog // guarded by mu, with everything in it
}

// appLog holds the last events of an app. They are numbered from the first event of the log on.
type appLog struct {
	pieces     []piece // oldest first; their contents never change
	size       int     // events in pieces
	nextNumber uint64  // number of the event that comes next
	followers  map[*follower]struct{}
}

// piece is the events of one commit, or some of them.
type piece struct {
	first  uint64 // the number of its first event
	events []push.AppEvent
}

// follower is one follower of an app.
type follower struct {
	changed chan struct{} // of capacity 1
	next    uint64        // the number of the event that it reads next; guarded by appLogs.mu
}

func newAppLogs() *appLogs { return &appLogs{byApp: map[string]*appLog{}} }

// WatchApp returns a watch of the events of an app that this process commits from now on.
func (s *Store) WatchApp(app string) push.AppWatch {
	all := s.appLogs
	all.mu.Lock()
	defer all.mu.Unlock()
	log := all.byApp[app]
	if log == nil {
		log = &appLog{followers: map[*follower]struct{}{}}
		all.byApp[app] = log
	}
	f := &follower{changed: make(chan struct{}, 1), next: log.nextNumber}
	log.followers[f] = struct{}{}
	all.followed.Add(1)
	return push.AppWatch{
		Changed: f.changed,
		Next: func() ([]push.AppEvent, int) {
			all.mu.Lock()
			defer all.mu.Unlock()
			return log.next(f)
		},
		Stop: func() { all.stop(app, log, f) },
	}
}

func (l *appLogs) stop(app string, log *appLog, f *follower) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, there := log.followers[f]; !there {
		return
	}
	l.followed.Add(-1)
	if delete(log.followers, f); len(log.followers) == 0 {
		delete(l.byApp, app)
	}
}

// follows reports whether the app has followers.
func (l *appLogs) follows(app string) bool {
	if l.followed.Load() == 0 {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.byApp[app] != nil
}

// publish adds committed events to the logs of the apps that have followers.
func (l *appLogs) publish(events map[string][]push.AppEvent) {
	if len(events) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for app, events := range events {
		if log := l.byApp[app]; log != nil {
			log.add(events)
		}
	}
}

// add appends events, drops the oldest ones beyond maxUnread, and wakes the followers.
func (l *appLog) add(events []push.AppEvent) {
	for from := 0; from < len(events); from += maxTaken {
		chunk := events[from:min(from+maxTaken, len(events))]
		l.pieces = append(l.pieces, piece{l.nextNumber, chunk})
		l.nextNumber += uint64(len(chunk))
		l.size += len(chunk)
	}
	for l.size > maxUnread {
		l.size -= len(l.pieces[0].events)
		l.pieces[0] = piece{}
		l.pieces = l.pieces[1:]
	}
	for f := range l.followers {
		select {
		case f.changed <- struct{}{}:
		default:
		}
	}
}

// next returns the events of the first piece that has some which the follower has not read, and how many the follower has missed.
func (l *appLog) next(f *follower) (events []push.AppEvent, missed int) {
	if f.next == l.nextNumber || len(l.pieces) == 0 {
		return nil, 0
	}
	if first := l.pieces[0].first; f.next < first {
		missed, f.next = int(first-f.next), first
	}
	i := sort.Search(len(l.pieces), func(i int) bool { return l.pieces[i].first > f.next }) - 1
	events = l.pieces[i].events[f.next-l.pieces[i].first:]
	f.next += uint64(len(events))
	return events, missed
}

var resourcesOf = fold("of_push text, of_app text",
	"SELECT p.id, p.resource_id FROM {rows}, pushes p WHERE p.id = r.of_push AND p.app = r.of_app")

// ResourcesOf returns the ids of the resources of those of an app's pushes that exist.
func (s *Store) ResourcesOf(ctx context.Context, app string, pushes []push.ID) (map[push.ID]string, error) {
	rows := resourcesOf.rows(len(pushes))
	for _, id := range pushes {
		rows.add(str(id), str(app))
	}
	found := make(map[push.ID]string, len(pushes))
	err := s.read.run(ctx, resourcesOf.each(rows, func(scan scanFunc) error {
		var id push.ID
		var resource string
		err := scan(&id, &resource)
		found[id] = resource
		return err
	}))
	return found, wrap("resources of pushes", err)
}
