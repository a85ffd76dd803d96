package store

import (
	"context"
	"sort"
	"sync"
	"sync/atomic"

	"github.com/hushpush/hush/push"
)

const (
	maxUnread = 20_000 // events of one app that are kept for followers who have not taken them
	maxTaken  = 500    // events that a follower takes at once
)

// appLogs hold, of each app that somebody follows, the events that were committed last. All followers of an app share its
// log, so that a commit costs the same for one of them as for a thousand; an app that nobody follows has none.
type appLogs struct {
	followed atomic.Int64 // followers of any app, so that nobody costs nothing

	mu    sync.Mutex
	byApp map[string]*appLog // guarded by mu, with all that is in it
}

// appLog is the end of an app's events. They are numbered from the log's first one.
type appLog struct {
	pieces     []piece // oldest first; what is in them never changes
	size       int     // events in pieces
	nextNumber uint64  // number of the event that comes next
	followers  map[*follower]struct{}
}

// piece is what one commit has brought, or a part of it.
type piece struct {
	first  uint64 // number of its first event
	events []push.AppEvent
}

// follower is one who follows an app.
type follower struct {
	changed chan struct{} // 1 place
	next    uint64        // number of the event that it takes next; guarded by appLogs.mu
}

func newAppLogs() *appLogs { return &appLogs{byApp: map[string]*appLog{}} }

// WatchApp follows the events of an app that this process commits from now on.
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

// follows reports whether anybody follows the app.
func (l *appLogs) follows(app string) bool {
	if l.followed.Load() == 0 {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.byApp[app] != nil
}

// tell adds what was committed to the logs of those apps that are followed.
func (l *appLogs) publish(happened map[string][]push.AppEvent) {
	if len(happened) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for app, events := range happened {
		if log := l.byApp[app]; log != nil {
			log.add(events)
		}
	}
}

// add appends events and drops the oldest ones beyond maxUnread.
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

// take returns what a follower has not taken yet of the first piece that has any.
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

// ResourcesOf are the ids of the resources of an app's pushes, as far as those are there.
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
