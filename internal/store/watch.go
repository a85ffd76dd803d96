package store

import (
	"maps"
	"slices"
	"sync"

	"github.com/hushpush/hush/push"
)

// maxPending is how many changed deliveries are kept for a watcher that has not read them.
const maxPending = 10_000

// watchers publishes which pushes the commits of this process changed.
type watchers struct {
	mu     sync.Mutex
	byPush map[push.ID]map[*watcher]struct{} // guarded by mu
}

// watcher is one follower of a push. All fields but changed are guarded by watchers.mu.
type watcher struct {
	changed chan struct{} // of capacity 1
	pending map[push.DeliveryKey]struct{}
	many    bool // more deliveries changed than pending names
}

func newWatchers() *watchers { return &watchers{byPush: map[push.ID]map[*watcher]struct{}{}} }

// Watch returns a watch of the changes of a push that this process commits from now on.
func (s *Store) Watch(id push.ID) push.Watch {
	all := s.watch
	w := &watcher{changed: make(chan struct{}, 1), pending: map[push.DeliveryKey]struct{}{}}
	all.mu.Lock()
	defer all.mu.Unlock()
	if all.byPush[id] == nil {
		all.byPush[id] = map[*watcher]struct{}{}
	}
	all.byPush[id][w] = struct{}{}
	return push.Watch{
		Changed: w.changed, Elsewhere: s.db.locksRows(),
		Next: func() ([]push.DeliveryKey, bool) {
			all.mu.Lock()
			defer all.mu.Unlock()
			return w.next()
		},
		Stop: func() {
			all.mu.Lock()
			defer all.mu.Unlock()
			delete(all.byPush[id], w)
			if len(all.byPush[id]) == 0 {
				delete(all.byPush, id)
			}
		},
	}
}

// next returns the deliveries that changed since the last call, and whether others may have changed, too.
func (w *watcher) next() (keys []push.DeliveryKey, many bool) {
	keys, many = slices.Collect(maps.Keys(w.pending)), w.many
	w.pending, w.many = map[push.DeliveryKey]struct{}{}, false
	return keys, many
}

// add adds changed deliveries, and wakes the watcher.
func (w *watcher) add(keys []push.DeliveryKey, many bool) {
	for _, k := range keys {
		w.pending[k] = struct{}{}
	}
	if many || len(w.pending) > maxPending {
		w.pending, w.many = map[push.DeliveryKey]struct{}{}, true
	}
	select {
	case w.changed <- struct{}{}:
	default:
	}
}

// watches reports whether a push has watchers.
func (w *watchers) watches(id push.ID) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.byPush[id]) > 0
}

// publish passes on what a commit changed: the deliveries of each push, or none if only the push itself changed. many are the pushes
// with more changed deliveries than are named.
func (w *watchers) publish(touched map[push.ID][]push.DeliveryKey, many map[push.ID]bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.byPush) == 0 {
		return
	}
	for id, keys := range touched {
		for one := range w.byPush[id] {
			one.add(keys, many[id])
		}
	}
}
