package store

import (
	"context"
	"errors"
	"time"

	"github.com/hushpush/hush/push"
)

type resourceKey struct{ app, id string }

// policy is the stored form of a resource. Its field names are its own, so that a renamed field of push does not make stored resources
// unreadable.
type policy struct {
	APNs       *strategy `json:"apns,omitempty"`
	FCM        *strategy `json:"fcm,omitempty"`
	ClientSend bool      `json:"client_send,omitempty"`
}

type strategy struct {
	TTL         *int64 `json:"ttl,omitempty"` // in nanoseconds, as all durations here
	Wakes       int    `json:"wakes,omitempty"`
	Per         int64  `json:"per,omitempty"`
	Burst       int    `json:"burst,omitempty"`
	Rewakes     int    `json:"rewakes,omitempty"`
	RewakeAfter int64  `json:"rewake_after,omitempty"`
	Priority    string `json:"priority,omitempty"`
	CollapseKey string `json:"collapse_key,omitempty"`
}

func storedStrategy(s *push.Strategy) *strategy {
	if s == nil {
		return nil
	}
	return &strategy{TTL: (*int64)(s.TTL), Wakes: s.Budget.Wakes, Per: int64(s.Budget.Per), Burst: s.Budget.Burst,
		Rewakes: s.Rewake.Times, RewakeAfter: int64(s.Rewake.After), Priority: string(s.Priority), CollapseKey: s.CollapseKey}
}

func (s *strategy) strategy() *push.Strategy {
	if s == nil {
		return nil
	}
	return &push.Strategy{TTL: (*time.Duration)(s.TTL),
		Budget:   push.Budget{Wakes: s.Wakes, Per: time.Duration(s.Per), Burst: s.Burst},
		Rewake:   push.Rewake{Times: s.Rewakes, After: time.Duration(s.RewakeAfter)},
		Priority: push.Priority(s.Priority), CollapseKey: s.CollapseKey}
}

func readResource(scan scanFunc) (r push.Resource, err error) {
	var text string
	if err = scan(&r.App, &r.ID, &text); err != nil {
		return r, err
	}
	var p policy
	err = decode(text, &p)
	r.APNs, r.FCM, r.ClientSend = p.APNs.strategy(), p.FCM.strategy(), p.ClientSend
	return r, err
}

// PutResource stores or replaces a resource, and makes the waiting devices of its app due now, since the change may end their wait.
// It reports whether there was none, and returns push.ErrNotFound if the app does not exist.
func (s *Store) PutResource(ctx context.Context, r push.Resource) (created bool, err error) {
	err = s.write(ctx, "put resource", &op{app: r.App, do: func(ctx context.Context, t *tx) error {
		if err := t.appExists(ctx, r.App); err != nil {
			return err
		}
		n, err := one(ctx, t, scalar[int64], "SELECT COUNT(*) FROM resources WHERE app = ? AND id = ?", r.App, r.ID)
		if err != nil {
			return err
		}
		created = n == 0
		return t.run(ctx, exec("INSERT INTO resources (app, id, policy) VALUES (?, ?, ?) ON CONFLICT (app, id) DO UPDATE SET policy = excluded.policy",
			r.App, r.ID, encode(policy{storedStrategy(r.APNs), storedStrategy(r.FCM), r.ClientSend})))
	}})
	s.cache.forget(r.App)
	if err != nil {
		return false, err
	}
	return created, s.LookAgain(ctx, r.App, s.now())
}

const resourceByID = "SELECT app, id, policy FROM resources WHERE app = ? AND id = ?"

// Resource returns one of an app's resources, never older than the last change that was acknowledged. Its strategies are shared, and
// must not be written to.
func (s *Store) Resource(ctx context.Context, app, id string) (push.Resource, error) {
	r, err := s.cache.resources.get(resourceKey{app, id}, func() (push.Resource, error) {
		return one(ctx, s.read, readResource, resourceByID, app, id)
	})
	return r, wrap("resource", err)
}

// Resources returns a page of an app's resources, by id.
func (s *Store) Resources(ctx context.Context, app, cursor string, limit int) ([]push.Resource, string, error) {
	key, err := decodeCursor(cursor, 1)
	if err != nil {
		return nil, "", err
	}
	limit = pageSize(limit)
	list, err := all(ctx, s.read, readResource,
		"SELECT app, id, policy FROM resources WHERE app = ? AND id > ? ORDER BY id LIMIT ?", app, key[0], limit+1)
	list, next := page(list, limit, func(r push.Resource) string { return r.ID })
	return list, next, wrap("resources", err)
}

// DeleteResource deletes a resource. Its open deliveries are then treated as without a strategy.
func (s *Store) DeleteResource(ctx context.Context, app, id string) error {
	defer s.cache.forget(app)
	return s.deleteOne(ctx, "delete resource", app, "DELETE FROM resources WHERE app = ? AND id = ?", app, id)
}

// resource returns a resource as the transaction sees it, which reads it once; nil if there is none. It does not use rowCaches, which
// are invalidated only after a commit, when the next transaction may have begun.
func (t *tx) resource(ctx context.Context, app, id string) (*push.Resource, error) {
	key := resourceKey{app, id}
	if r, ok := t.resources[key]; ok {
		return r, nil
	}
	r, err := one(ctx, t, readResource, resourceByID, app, id)
	switch {
	case errors.Is(err, push.ErrNotFound):
		t.resources[key] = nil
		return nil, nil
	case err != nil:
		return nil, err
	}
	t.resources[key] = &r
	return &r, nil
}
