package delivery

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/hushpush/hush/push"
)

// fresh decides on pushes as they are accepted, on devices on which nothing else is open: the first of the two looks that each
// would cost is made in the accepting transaction. What it decides is done once that is committed.
type fresh struct {
	known    map[string]known            // by app
	sessions map[push.DeviceKey]*session // of those who are meant; asked for before
	plans    map[push.DeviceKey]decided  // the last word of a transaction that may be repeated
}

// decided is what a look came to, which is still to be done.
type decided struct {
	known known
	plan  plan
}

// freshRoom is how many devices may wait in memory while pushes are decided on as they are accepted. What is decided early and
// done late has to be decided once more.
const freshRoom = 2048

// stale reports whether a wake can no longer be sent as it was decided: its lease must last for the request.
func (d decided) stale(now time.Time) bool {
	return d.plan.wake != nil && now.Sub(d.known.now) > wakeLease-wakeTime
}

// freshFor asks for what this node knows of those whom pushes are for.
func (e *Engine) freshFor(ctx context.Context, reqs []push.AcceptRequest) (*fresh, error) {
	f := &fresh{known: map[string]known{}, sessions: map[push.DeviceKey]*session{}, plans: map[push.DeviceKey]decided{}}
	for _, r := range reqs {
		app := r.Push.App
		if _, there := f.known[app]; !there {
			f.known[app] = e.know(push.DeviceKey{App: app}, false)
		}
		if e.cfg.Sessions.Count() == 0 {
			continue
		}
		devices := slices.Clone(r.Push.To.Devices)
		for users := range slices.Chunk(r.Push.To.Users, peekAtOnce) {
			ids, err := e.cfg.Store.DevicesOfUsers(ctx, app, users)
			if err != nil {
				return nil, err
			}
			devices = append(devices, ids...)
		}
		for _, id := range devices {
			key := push.DeviceKey{App: app, Device: id}
			f.sessions[key] = e.sessionOf(key)
		}
	}
	return f, nil
}

// look is the function that the store calls: a plain one, but that it keeps the plan.
func (f *fresh) look(snap push.Snapshot) push.Changes {
	if !snap.Device.Registered() {
		return push.Changes{}
	}
	k := f.known[snap.Device.App]
	k.lost, k.session = false, f.sessions[snap.Device.Key()]
	s := k.of(snap)
	b := newBoard(s.now, snap)
	p := planFor(s, b, snap.NextExpiry)
	p.keep(b, snap)
	f.plans[snap.Device.Key()] = decided{k, p}
	return p.changes
}

// follow has done what was decided on devices as a push was accepted.
func (e *Engine) follow(f *fresh, keys []push.DeviceKey) {
	for _, key := range keys {
		d := f.plans[key]
		e.committed(key, push.Snapshot{Device: *d.plan.changes.Device}, d.known, d.plan)
		if len(d.plan.session) > 0 || d.plan.wake != nil || d.known.session == nil && e.sessionOf(key) != nil {
			e.todo.put(key, d)
			if !e.queue.add(key) {
				e.todo.take(key) // the row is due when the lease ends
				e.cfg.Metrics.Overflow.Inc()
			}
		}
	}
}

// todo holds what is decided and not done yet, for the workers.
type todo struct {
	mu       sync.Mutex
	m        map[push.DeviceKey]decided // guarded by mu
	reserved int                        // guarded by mu; devices that may be decided on at this moment
}

// reserve makes room for n more devices to be decided on, while waiting ones wait in memory, until release. False: there is none.
func (t *todo) reserve(n, waiting int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.reserved+waiting+n > freshRoom {
		return false
	}
	t.reserved += n
	return true
}

func (t *todo) release(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.reserved -= n
}

func (t *todo) put(key push.DeviceKey, d decided) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.m[key] = d
}

// take is what was decided on a device; ok is false if nothing is left to be done.
func (t *todo) take(key push.DeviceKey) (d decided, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	d, ok = t.m[key]
	delete(t.m, key)
	return d, ok
}
