package delivery

import (
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/hushpush/hush/internal/turns"
	"github.com/hushpush/hush/push"
)

// queue holds the devices that are to be looked at now. Apps take turns. A device is in it once, and one worker at a time looks
// at it. The queue is bounded: a device that finds no room is left to its row, which is due. No app has all of the room, nor
// all of the workers; see shareOf.
//
// Workers are hired as devices come, and all but a few leave when there is nothing to take. Hundreds of waiting workers would
// have their stacks scanned and shrunk by each garbage collection, only to grow again at the next device.
type queue struct {
	mu      sync.Mutex      // guards all below
	hire    func()          // starts a worker; nil: nobody works
	workers int             // hired, and not gone
	most    int             // workers at once
	idle    []chan struct{} // of workers that wait, the last one first
	maxIdle int             // at most this many wait
	line    turns.Queue[waiter]
	waiting map[push.DeviceKey]bool // those in line
	room    int                     // at most this many wait
	busy    map[push.DeviceKey]bool // value: to be looked at again when the worker is done
	inWork  map[string]int          // how many are busy, by app; none is 0
	now     func() time.Time
}

// maxIdle is how many workers may wait for devices.
const maxIdle = 64

// waiter is a device that waits.
type waiter struct {
	push.DeviceKey
	since time.Time
}

func newQueue(room, most int, now func() time.Time) *queue {
	return &queue{
		maxIdle: maxIdle, room: room, most: most, now: now,
		waiting: make(map[push.DeviceKey]bool), busy: make(map[push.DeviceKey]bool), inWork: make(map[string]int),
	}
}

// add queues a device, unless it waits already. False: there was no room.
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
	if q.roomFor(k.App) == 0 {
		return false
	}
	q.push(k)
	return true
}

// push puts k into its app's line. mu is held.
func (q *queue) push(k push.DeviceKey) {
	q.line.Add(k.App, waiter{k, q.now()})
	q.waiting[k] = true
	if q.mayWork(k.App) { // else a worker of the app takes it when it is done
		q.hireOne()
	}
}

// mayWork reports whether one more device of an app may be in work. mu is held.
func (q *queue) mayWork(app string) bool { return shareOf(q.inWork[app], q.most-len(q.busy)) > 0 }

// open starts work. hire starts a worker, which takes devices until work returns false.
func (q *queue) open(hire func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.hire = hire
	for range q.line.Len() {
		q.hireOne()
	}
}

// close hires no more workers. Those that are there end what they have begun.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.hire = nil
	for _, wake := range q.idle {
		wake <- struct{}{}
	}
	q.idle = nil
}

// hireOne wakes or starts a worker, if one more may work. mu is held.
func (q *queue) hireOne() {
	switch last := len(q.idle) - 1; {
	case q.hire == nil:
	case last >= 0:
		q.idle[last] <- struct{}{} // has room for it
		q.idle = q.idle[:last]
	case q.workers < q.most:
		q.workers++
		q.hire()
	}
}

// work returns a device for a worker, who calls done. False: the worker ends. wake has room for one value, and is the worker's
// own.
func (q *queue) work(wake chan struct{}) (push.DeviceKey, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.hire != nil {
		if k, ok := q.next(); ok {
			return k, true
		}
		if len(q.idle) >= q.maxIdle {
			break
		}
		q.idle = append(q.idle, wake)
		q.mu.Unlock()
		<-wake
		q.mu.Lock()
	}
	q.workers--
	return push.DeviceKey{}, false
}

// next removes and returns the next device, for which the caller calls done. mu is held.
func (q *queue) next() (push.DeviceKey, bool) {
	w, ok := q.line.NextOf(q.mayWork)
	if !ok {
		return push.DeviceKey{}, false
	}
	delete(q.waiting, w.DeviceKey)
	q.busy[w.DeviceKey] = false
	q.inWork[w.App]++
	return w.DeviceKey, true
}

// done ends the work on a device. If it was added meanwhile, it waits again.
func (q *queue) done(k push.DeviceKey) {
	q.mu.Lock()
	defer q.mu.Unlock()
	again := q.busy[k]
	delete(q.busy, k)
	if q.inWork[k.App]--; q.inWork[k.App] == 0 {
		delete(q.inWork, k.App)
	}
	if again {
		q.push(k)
	}
}

// free returns how many more devices of an app find room.
func (q *queue) free(app string) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.roomFor(app)
}

// roomFor is free; mu is held.
func (q *queue) roomFor(app string) int { return shareOf(q.line.LenOf(app), q.spare()) }

// spare returns how many devices find room, of any app. mu is held.
func (q *queue) spare() int { return q.room - q.line.Len() }

// fewClaimed is how many devices of an app must wait for a claim of fewer than that not to be worth while.
const fewClaimed = 64

// claims returns how many devices may be claimed now, at most most, of any app but those that are full, which have to wait
// until some of their devices have left.
func (q *queue) claims(most int) (limit int, full []string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	limit = min(most, shareOf(0, q.spare()))
	for app := range q.apps() {
		switch n := q.roomFor(app); {
		case n == 0, n < fewClaimed && q.line.LenOf(app) >= fewClaimed:
			full = append(full, app)
		default:
			limit = min(limit, n)
		}
	}
	return limit, full
}

// apps yields the apps with devices that wait or are in work; mu is held.
func (q *queue) apps() iter.Seq[string] {
	return func(yield func(string) bool) {
		for app := range q.line.Firsts() {
			if !yield(app) {
				return
			}
		}
		for app := range q.inWork {
			if q.line.LenOf(app) == 0 && !yield(app) {
				return
			}
		}
	}
}

// shareOf returns how much of what is free an app may take that has some already: as much as leaves a third of what it then
// has. However many apps wait for providers that hang, something is left for an app that has nothing.
func shareOf(has, free int) int {
	if has == 0 && free > 0 {
		return max(3*free/4, 1)
	}
	return max((3*free-has)/4, 0)
}

// oldest returns how many devices wait, and since when the oldest has.
func (q *queue) oldest() (devices int, since time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, first := range q.line.Firsts() {
		if since.IsZero() || first.since.Before(since) {
			since = first.since
		}
	}
	return q.line.Len(), since
}

// drain empties the queue and returns the devices that waited in it.
func (q *queue) drain() []push.DeviceKey {
	q.mu.Lock()
	defer q.mu.Unlock()
	left := slices.Collect(maps.Keys(q.waiting))
	q.line = turns.Queue[waiter]{}
	clear(q.waiting)
	return left
}
