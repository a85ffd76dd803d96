package store

import (
	"sync"
	"time"

	"github.com/hushpush/hush/push"
)

// readOnce has what nearly every request asks for and few requests change: server keys by the hash of their secret, apps, and
// resources. What is not there is not kept, since strangers may ask for as much of that as they like.
type rowCaches struct {
	keys      rowCache[string, push.ServerKey] // their UsedAt is as old as they are
	apps      rowCache[string, push.App]
	resources rowCache[resourceKey, push.Resource]
}

func newRowCaches() *rowCaches {
	return &rowCaches{
		keys:      newRowCache[string](func(k push.ServerKey) string { return k.App }),
		apps:      newRowCache[string](func(a push.App) string { return a.Name }),
		resources: newRowCache[resourceKey](func(r push.Resource) string { return r.App }),
	}
}

// forget drops what is known of an app. Whoever changes keys or resources, or removes an app, calls it after the commit and before the change is
// answered, so that the next request reads what is there now. It is the one place that is told of changes: those of another
// node would come here too.
func (c *rowCaches) forget(app string) {
	c.keys.forget(app)
	c.apps.forget(app)
	c.resources.forget(app)
}

// Bounds of what is kept.
const (
	maxCachedRows = 4096            // of a kind
	cacheTTL      = 2 * time.Second // for what nobody tells of: a commit whose outcome is unknown, or a row changed by another program
)

// kept is rows that were read, by what they were asked for.
type rowCache[K comparable, V any] struct {
	appOf func(V) string

	mu         sync.Mutex
	rows       map[K]cachedRow[V] // guarded by mu
	generation int                // guarded by mu; how often forget was called
}

type cachedRow[V any] struct {
	row    V
	readAt time.Time // when it was asked for
}

func newRowCache[K comparable, V any](appOf func(V) string) rowCache[K, V] {
	return rowCache[K, V]{appOf: appOf, rows: map[K]cachedRow[V]{}}
}

// get answers from what is kept, or else by read, whose row it then keeps.
func (c *rowCache[K, V]) get(key K, read func() (V, error)) (V, error) {
	asked := time.Now()
	row, ok, generation := c.lookup(key, asked)
	if ok {
		return row, nil
	}
	row, err := read()
	if err == nil {
		c.put(key, cachedRow[V]{row, asked}, generation)
	}
	return row, err
}

func (c *rowCache[K, V]) lookup(key K, now time.Time) (row V, ok bool, generation int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	found, ok := c.rows[key]
	return found.row, ok && now.Sub(found.readAt) < cacheTTL, c.generation
}

// keep keeps a row, unless something was forgotten since it was asked for: then it may have been read before the change.
func (c *rowCache[K, V]) put(key K, row cachedRow[V], generation int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if generation != c.generation {
		return
	}
	if _, there := c.rows[key]; !there && len(c.rows) >= maxCachedRows {
		for other := range c.rows { // any
			delete(c.rows, other)
			break
		}
	}
	c.rows[key] = row
}

func (c *rowCache[K, V]) forget(app string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.generation++
	for key, cached := range c.rows {
		if c.appOf(cached.row) == app {
			delete(c.rows, key)
		}
	}
}
