package delivery

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/hushpush/hush/push"
)

// fresh decides on pushes as they are accepted, on devices to which no wake is in flight and on which little else is open. This
// saves one of the two looks that each push would cost: it is made in the accepting transaction. The decisions are carried out
// once that is committed.
type fresh struct {
	known    known                       // of the app to which all pushes of a request belong
	sessions map[push.DeviceKey]*session // of the targets, asked for beforehand; nil: there are no sessions
	away     int                         // about how many targets have no session
	noWakes  bool                        // nothing is decided on those: there are no places for it

	mu    sync.Mutex             // the store may decide in two transactions at once
	plans map[freshPush]*decided // guarded by mu; as the last run of a transaction that may be repeated left it
}

// freshPush is a push on one of its devices. Several pushes of a request may be for one device, each in a transaction of its
// own.
type freshPush struct {
	push.DeviceKey
	id push.ID
}

// decided is the result of a look that is still to be carried out.
type decided struct {
	known known
	plan  plan
}

// stale reports whether a wake can no longer be sent as decided: its lease must outlast the request.
func (d *decided) stale(now time.Time) bool {
	return d.plan.wake != nil && now.Sub(d.known.now) > turnTime
}

// freshFor asks what this node knows of the targets of pushes.
func (e *Engine) freshFor(ctx context.Context, reqs []push.AcceptRequest) (*fresh, error) {
	app := reqs[0].Push.App
	f := &fresh{known: *e.node.know(push.DeviceKey{App: app}, false), plans: make(map[freshPush]*decided, min(named(reqs), appPlaces)), away: named(reqs)}
	if e.cfg.Sessions.Count() == 0 {
		return f, nil
	}
	f.sessions = map[push.DeviceKey]*session{}
	for _, r := range reqs {
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
			f.sessions[key] = e.node.sessionOf(key)
		}
	}
	if len(f.sessions) > 0 {
		f.away = 0
	}
	for _, s := range f.sessions {
		if s == nil {
			f.away++
		}
	}
	return f, nil
}

// online returns how many targets have a session.
func (f *fresh) online() int {
	if len(f.sessions) == 0 {
		return 0
	}
	return len(f.sessions) - f.away
}

// look is the function that the store calls. It is a plain one, except that it remembers the plan. The new push is the last of
// what is open.
func (f *fresh) look(snap push.Snapshot) push.Changes {
	key := snap.Device.Key()
	session := f.sessions[key]
	if !snap.Device.Registered() || f.noWakes && session == nil {
		return push.Changes{}
	}
	d := &decided{known: f.known}
	d.known.lost, d.known.session = false, session
	s := d.known.of(snap)
	b := newBoard(s.now, snap)
	d.plan = planFor(s, b, snap.NextExpiry)
	d.plan.board, d.plan.rules = b, rulesOf(snap)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.plans[freshPush{key, snap.Open[len(snap.Open)-1].PushID}] = d
	return d.plan.changes
}

// pop removes and returns what was decided on a device with a push that is committed; ok is false if it was removed before.
func (f *fresh) pop(key push.DeviceKey, id push.ID) (d *decided, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	of := freshPush{key, id}
	d, ok = f.plans[of]
	delete(f.plans, of)
	return d, ok
}

// follow carries out what was decided as a push was accepted, and returns for how many of its devices something remains to be
// done. What goes to a session goes at once: the workers may all be waiting for a provider.
func (e *Engine) follow(f *fresh, id push.ID, keys []push.DeviceKey) (n int) {
	for _, key := range keys {
		d, ok := f.pop(key, id)
		if !ok {
			continue
		}
		e.afterCommit(key, d.plan.changes.Device.Platform, &d.known, &d.plan)
		if len(d.plan.session) > 0 && e.sendToSession(key, d.plan.session) {
			if d.plan.session = nil; d.plan.wake == nil {
				continue
			}
		}
		if len(d.plan.session) > 0 || d.plan.wake != nil || d.known.session == nil && e.node.sessionOf(key) != nil {
			n++
			e.handOver(key, d)
		}
	}
	return n
}

// handOver leaves what was decided on a device, whose place is taken, to the workers. A wake that a session made needless goes
// to the queue that never waits for a provider; a wake that is wanted beside a session does not.
func (e *Engine) handOver(key push.DeviceKey, d *decided) {
	if e.todo.put(key, d) {
		e.todo.release(key.App, 1)
	}
	q := e.queue
	if d.plan.wake == nil || d.known.session == nil {
		q = e.lineOf(key)
	}
	if q.add(key) {
		return
	}
	if _, left := e.todo.pop(key); left { // the row is due when the lease ends
		e.todo.release(key.App, 1)
	}
	e.cfg.Metrics.Overflow.Inc()
}
