package store

import (
	"sync"
	"time"

	"github.com/hushpush/hush/push"
)

// readOnce has what nearly every request asks for and few requests change: server keys by the hash of their secret, apps, and
// resources. What is not there is not kept, since strangers may ask for as much of that as they like.
type readOnce struct {
	keys      kept[string, push.ServerKey] // their UsedAt is as old as they are
	apps      kept[string, push.App]
	resources kept[resourceKey, push.Resource]
}

func newReadOnce() *readOnce {
	return &readOnce{
		keys:      newKept[string](func(k push.ServerKey) string { return k.App }),
		apps:      newKept[string](func(a push.App) string { return a.Name }),
		resources: newKept[resourceKey](func(r push.Resource) string { return r.App }),
	}
}

// forget drops what is known of an app. Whoever changes keys or resources, or removes an app, calls it after the commit and before the change is
// answered, so that the next request reads what is there now. It is the one place that is told of changes: those of another
// node would come here too.
func (r *readOnce) forget(app string) {
	r.keys.forget(app)
	r.apps.forget(app)
	r.resources.forget(app)
}

// Bounds of what is kept.
const (
	keptRows = 4096            // of a kind
	keptFor  = 2 * time.Second // for what nobody tells of: a commit whose outcome is unknown, or a row changed by another program
)

// kept is rows that were read, by what they were asked for.
type kept[K comparable, V any] struct {
	appOf func(V) string

	mu      sync.Mutex
	rows    map[K]keptRow[V] // guarded by mu
	forgets int              // guarded by mu; how often forget was called
}

type keptRow[V any] struct {
	row  V
	from time.Time // when it was asked for
}

func newKept[K comparable, V any](appOf func(V) string) kept[K, V] {
	return kept[K, V]{appOf: appOf, rows: map[K]keptRow[V]{}}
}

// get answers from what is kept, or else by read, whose row it then keeps.
func (k *kept[K, V]) get(key K, read func() (V, error)) (V, error) {
	asked := time.Now()
	row, ok, forgets := k.find(key, asked)
	if ok {
		return row, nil
	}
	row, err := read()
	if err == nil {
		k.keep(key, keptRow[V]{row, asked}, forgets)
	}
	return row, err
}

func (k *kept[K, V]) find(key K, now time.Time) (row V, ok bool, forgets int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	found, ok := k.rows[key]
	return found.row, ok && now.Sub(found.from) < keptFor, k.forgets
}

// keep keeps a row, unless something was forgotten since it was asked for: then it may have been read before the change.
func (k *kept[K, V]) keep(key K, row keptRow[V], forgets int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if forgets != k.forgets {
		return
	}
	if _, there := k.rows[key]; !there && len(k.rows) >= keptRows {
		for other := range k.rows { // any
			delete(k.rows, other)
			break
		}
	}
	k.rows[key] = row
}

func (k *kept[K, V]) forget(app string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.forgets++
	for key, kept := range k.rows {
		if k.appOf(kept.row) == app {
			delete(k.rows, key)
		}
	}
}
