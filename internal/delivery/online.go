package delivery

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/hushpush/hush/internal/pause"
	"github.com/hushpush/hush/push"
)

// What goes to a session never waits for a provider. So devices with a session have workers of their own, who leave wakes to the
// other workers. Due rows may stay on disk because an app's room in memory is taken by devices that wait for its provider, or
// because its broadcast is for more devices than memory has room for. Devices with a session are then looked for among those rows.

// lineOf returns the queue for looks at a device.
func (e *Engine) lineOf(key push.DeviceKey) *queue {
	if e.node.sessionOf(key) != nil {
		return e.online
	}
	return e.queue
}

// lookAtOnline queues those of the devices that have a session. All of them are due.
func (e *Engine) lookAtOnline(keys []push.DeviceKey) {
	for _, key := range keys {
		if e.node.sessionOf(key) != nil && !e.online.add(key) {
			e.cfg.Metrics.Overflow.Inc()
		}
	}
}

// found is the apps whose devices with a session are to be looked for among due rows.
type found struct {
	mu   sync.Mutex
	apps map[string]bool // guarded by mu
}

// findOnlineOf starts a search for the devices of an app that have a session, among due rows.
func (e *Engine) findOnlineOf(app string) {
	if e.cfg.Sessions.Count() == 0 {
		return
	}
	e.found.mu.Lock()
	if e.found.apps == nil {
		e.found.apps = map[string]bool{}
	}
	e.found.apps[app] = true
	e.found.mu.Unlock()
	e.clock.dueAt(onlineDue, e.cfg.Now())
}

// drain returns the apps and forgets them.
func (f *found) drain() map[string]bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	apps := f.apps
	f.apps = nil
	return apps
}

// findRest is the pause between searches for devices with a session: a search reads a row for each.
const findRest = 100 * time.Millisecond

// findOnline looks for devices with a session among due rows, for the apps that are full and those in found.
func (e *Engine) findOnline(ctx context.Context, _ time.Time, limit int) (more bool, err error) {
	apps := e.found.drain()
	if e.cfg.Sessions.Count() == 0 {
		return false, nil
	}
	_, full := e.queue.claims(claimLimit)
	for _, app := range full {
		if !apps[app] {
			err = errors.Join(err, e.findOnlineIn(ctx, app, limit))
		}
	}
	for app := range apps {
		if failed := e.findOnlineIn(ctx, app, limit); failed != nil {
			e.findOnlineOf(app) // it is still to be done
			err = errors.Join(err, failed)
		}
	}
	_ = pause.For(ctx, findRest)
	return false, err
}

// findOnlineIn is findOnline for one app. Devices for which there is no room are found by the next search.
func (e *Engine) findOnlineIn(ctx context.Context, app string, limit int) error {
	for ids := range slices.Chunk(e.cfg.Sessions.OfApp(app), limit) {
		due, err := e.cfg.Store.DueOf(ctx, app, ids, e.cfg.Now())
		if err != nil {
			return err
		}
		for _, id := range due {
			if !e.online.add(push.DeviceKey{App: app, Device: id}) {
				e.findOnlineOf(app)
				return nil
			}
		}
	}
	return nil
}
