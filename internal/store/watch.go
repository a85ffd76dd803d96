package store

import (
	"sync"

	"github.com/hushpush/hush/push"
)

// watchers tells who follows a push that a commit of this process touched it.
type watchers struct {
	mu     sync.Mutex
	byPush map[push.ID]map[chan struct{}]struct{}
}

func newWatchers() *watchers { return &watchers{byPush: map[push.ID]map[chan struct{}]struct{}{}} }

// Watch gives a channel on which a value waits after commits of this process that touched the push; several commits may
// leave one value. cancel must be called, and may be twice.
func (s *Store) Watch(id push.ID) (changed <-chan struct{}, cancel func()) {
	w := s.watch
	c := make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.byPush[id] == nil {
		w.byPush[id] = map[chan struct{}]struct{}{}
	}
	w.byPush[id][c] = struct{}{}
	return c, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.byPush[id], c)
		if len(w.byPush[id]) == 0 {
			delete(w.byPush, id)
		}
	}
}

func (w *watchers) tell(touched map[push.ID]struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.byPush) == 0 {
		return
	}
	for id := range touched {
		for c := range w.byPush[id] {
			select {
			case c <- struct{}{}:
			default:
			}
		}
	}
}
