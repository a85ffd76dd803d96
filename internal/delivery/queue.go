package delivery

import (
	"context"
	"sync"
	"time"

	"github.com/hushpush/hush/push"
)

// queue holds the devices that are to be looked at now. Apps take turns; a device is in it once, and is looked at by one
// worker at a time. It is bounded: a device that finds no room is left to its row, which is due.
type queue struct {
	mu      sync.Mutex // guards all below
	ready   chan struct{}
	apps    map[string]*line
	ring    []string // apps with devices waiting, next one first
	waiting map[push.DeviceKey]bool
	now     func() time.Time
	busy    map[push.DeviceKey]bool // value: to be looked at again when the worker is done
	size    int
	room    int // at most this many waiting
	perApp  int // at most this many of one app in work, so that a provider that hangs for one leaves workers to others
}

type line struct {
	keys   []waiter
	inWork int
}

// waiter is a device that waits.
type waiter struct {
	push.DeviceKey
	since time.Time
}

func newQueue(room, perApp int, now func() time.Time) *queue {
	return &queue{
		ready: make(chan struct{}, 1), apps: make(map[string]*line), room: room, perApp: perApp, now: now,
		waiting: make(map[push.DeviceKey]bool), busy: make(map[push.DeviceKey]bool),
	}
}

// add puts a device in, unless it waits already. False: there was no room.
func (q *queue) add(k push.DeviceKey) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if _, working := q.busy[k]; working {
		q.busy[k] = true
		return true
	}
	if q.waiting[k] {
		return true
	}
	if q.size >= q.room {
		return false
	}
	q.push(k)
	return true
}

// push appends k to its app's line; mu is held.
func (q *queue) push(k push.DeviceKey) {
	l := q.apps[k.App]
	if l == nil {
		l = &line{}
		q.apps[k.App] = l
	}
	if len(l.keys) == 0 {
		q.ring = append(q.ring, k.App)
	}
	l.keys = append(l.keys, waiter{k, q.now()})
	q.waiting[k] = true
	q.size++
	q.signal()
}

func (q *queue) signal() {
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

// next waits for a device and hands it to the caller, who calls done. False: ctx has ended.
func (q *queue) next(ctx context.Context) (push.DeviceKey, bool) {
	for ctx.Err() == nil {
		if k, ok := q.take(); ok {
			return k, true
		}
		select {
		case <-q.ready:
		case <-ctx.Done():
		}
	}
	return push.DeviceKey{}, false
}

func (q *queue) take() (push.DeviceKey, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for range len(q.ring) {
		app := q.ring[0]
		q.ring = append(q.ring[:0], q.ring[1:]...) // few apps have something waiting at once
		l := q.apps[app]
		if l.inWork >= q.perApp {
			q.ring = append(q.ring, app)
			continue
		}
		k := l.keys[0].DeviceKey
		l.keys = l.keys[1:]
		l.inWork++
		if len(l.keys) > 0 {
			q.ring = append(q.ring, app)
		}
		delete(q.waiting, k)
		q.busy[k] = false
		q.size--
		if q.size > 0 {
			q.signal() // there may be another worker idle
		}
		return k, true
	}
	return push.DeviceKey{}, false
}

// done ends the work on a device; one that was added meanwhile waits again.
func (q *queue) done(k push.DeviceKey) {
	q.mu.Lock()
	defer q.mu.Unlock()
	again := q.busy[k]
	delete(q.busy, k)
	l := q.apps[k.App]
	l.inWork--
	if again {
		q.push(k)
	} else if len(l.keys) == 0 && l.inWork == 0 {
		delete(q.apps, k.App)
	}
	if q.size > 0 {
		q.signal()
	}
}

// free is how many more devices find room.
func (q *queue) free() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.room - q.size
}

// oldest is how many devices wait, and since when the one that waits longest.
func (q *queue) oldest() (devices int, since time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, app := range q.ring {
		if at := q.apps[app].keys[0].since; since.IsZero() || at.Before(since) {
			since = at
		}
	}
	return q.size, since
}

// drain empties the queue and returns what waited in it.
func (q *queue) drain() []push.DeviceKey {
	q.mu.Lock()
	defer q.mu.Unlock()
	left := make([]push.DeviceKey, 0, q.size)
	for k := range q.waiting {
		left = append(left, k)
	}
	q.ring, q.size = nil, 0
	clear(q.waiting)
	for app, l := range q.apps {
		l.keys = nil
		if l.inWork == 0 {
			delete(q.apps, app)
		}
	}
	return left
}
