package store

import (
	"maps"
	"slices"
	"sync"

	"github.com/hushpush/hush/push"
)

// maxPending is how many changed deliveries a watcher that does not come to take them is kept.
const maxPending = 10_000

// watchers tells who follows a push that a commit of this process touched it.
type watchers struct {
	mu     sync.Mutex
	byPush map[push.ID]map[*watcher]struct{}
}

// watcher is one who follows a push. All but changed is guarded by watchers.mu.
type watcher struct {
	changed chan struct{} // 1 place
	pending map[push.DeliveryKey]struct{}
	many    bool
}

func newWatchers() *watchers { return &watchers{byPush: map[push.ID]map[*watcher]struct{}{}} }

// Watch follows the changes of a push.
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
			return w.drain()
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

func (w *watcher) drain() (keys []push.DeliveryKey, many bool) {
	keys, many = slices.Collect(maps.Keys(w.pending)), w.many
	w.pending, w.many = map[push.DeliveryKey]struct{}{}, false
	return keys, many
}

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

// watches reports whether somebody follows a push.
func (w *watchers) watches(id push.ID) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.byPush[id]) > 0
}

// tell hands on what a commit touched: of each push the deliveries, none where only the push itself was. many are the pushes of
// which more were than are named.
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
