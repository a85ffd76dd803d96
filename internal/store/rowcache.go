package store

import (
	"sync"
	"time"

	"github.com/hushpush/hush/push"
)

// rowCaches cache the rows that nearly every request reads and few requests change: server keys by the hash of their secret, apps,
// and resources. They do not cache that a row is missing, since strangers may ask for any number of missing rows.
type rowCaches struct {
	keys      rowCache[string, push.ServerKey] // their UsedAt may be as old as cacheTTL
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

// forget drops the cached rows of an app. Methods that change keys or resources, or remove an app, call it after the commit and before
// they return, so that the next request reads the new rows. It is the only way to invalidate the caches; changes by another node
// would have to use it, too.
func (c *rowCaches) forget(app string) {
	c.keys.forget(app)
	c.apps.forget(app)
	c.resources.forget(app)
}

// Limits of a cache.
const (
	maxCachedRows = 4096            // in each cache
	cacheTTL      = 2 * time.Second // for changes without a call of forget: a commit whose outcome is unknown, or another program's
)

// rowCache caches rows by the key that they were read by.
type rowCache[K comparable, V any] struct {
	appOf func(V) string

	mu         sync.Mutex
	rows       map[K]cachedRow[V] // guarded by mu
	generation int                // guarded by mu; the number of calls of forget
}

type cachedRow[V any] struct {
	row    V
	readAt time.Time // when the read began
}

func newRowCache[K comparable, V any](appOf func(V) string) rowCache[K, V] {
	return rowCache[K, V]{appOf: appOf, rows: map[K]cachedRow[V]{}}
}

// get returns the cached row, or the result of read, which it then caches.
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

// put caches a row, unless forget was called since its read began: the row may then be older than the change.
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
