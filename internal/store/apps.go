package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hushpush/hush/push"
)

func readApp(scan scanFunc) (a push.App, err error) {
	var created int64
	err = scan(&a.Name, &created)
	a.CreatedAt = time.UnixMicro(created).UTC()
	return a, err
}

// PutApp creates the app if it does not exist. If an app of that name was deleted and its removal was interrupted, PutApp completes
// that first.
func (s *Store) PutApp(ctx context.Context, name string) (app push.App, created bool, err error) {
	for {
		var leftover bool
		o := &op{app: name, do: func(ctx context.Context, t *tx) error {
			created, leftover = false, false
			found, err := all(ctx, t, scalar[int64], "SELECT deleting FROM apps WHERE name = ? {lock}", name)
			if err != nil {
				return err
			}
			if len(found) == 0 {
				insert := exec("INSERT INTO apps (name, created_at) VALUES (?, ?) ON CONFLICT DO NOTHING", name, micros(s.now()))
				if err := t.run(ctx, insert); err != nil {
					return err
				}
				created = insert.n == 1
			} else if found[0] != 0 {
				leftover = true
				return nil
			}
			app, err = one(ctx, t, readApp, "SELECT name, created_at FROM apps WHERE name = ?", name)
			return err
		}}
		if err := s.write(ctx, "put app", o); err != nil || !leftover {
			return app, created, err
		}
		if err := s.emptyApp(ctx, name); err != nil {
			return push.App{}, false, err
		}
	}
}

// App returns the app of that name.
func (s *Store) App(ctx context.Context, name string) (push.App, error) {
	app, err := s.cache.apps.get(name, func() (push.App, error) {
		return one(ctx, s.read, readApp, "SELECT name, created_at FROM apps WHERE name = ? AND deleting = 0", name)
	})
	return app, wrap("app", err)
}

// Apps returns a page of all apps, by name.
func (s *Store) Apps(ctx context.Context, cursor string, limit int) ([]push.App, string, error) {
	key, err := decodeCursor(cursor, 1)
	if err != nil {
		return nil, "", err
	}
	limit = pageSize(limit)
	list, err := all(ctx, s.read, readApp,
		"SELECT name, created_at FROM apps WHERE deleting = 0 AND name > ? ORDER BY name LIMIT ?", key[0], limit+1)
	list, next := page(list, limit, func(a push.App) string { return a.Name })
	return list, next, wrap("apps", err)
}

// DeleteApp removes the app and everything that belongs to it. From the first commit on the app does not exist for any caller, and
// DeleteApp then calls gone. It removes the app's rows afterwards, in pieces. If that is interrupted, the next PutApp or DeleteApp
// of the name completes it.
func (s *Store) DeleteApp(ctx context.Context, name string, gone func()) error {
	o := &op{app: name, do: func(ctx context.Context, t *tx) error {
		mark := exec("UPDATE apps SET deleting = 1 WHERE name = ? AND deleting = 0", name)
		if err := t.run(ctx, mark); err != nil {
			return err
		}
		if mark.n == 0 {
			return push.ErrNotFound
		}
		// Rows that grant access, or from which new rows come, are removed at once.
		return t.run(ctx,
			exec("DELETE FROM server_keys WHERE app = ?", name),
			exec("DELETE FROM signing_keys WHERE app = ?", name),
			exec("DELETE FROM credentials WHERE app = ?", name),
			exec("DELETE FROM resources WHERE app = ?", name))
	}}
	err := s.write(ctx, "delete app", o)
	s.cache.forget(name)
	if err != nil && !errors.Is(err, push.ErrNotFound) {
		return err
	}
	if err == nil {
		gone()
	}
	if emptied := s.emptyApp(ctx, name); emptied != nil {
		return emptied
	}
	return err
}

// deleteRows is how many rows one transaction removes at most.
const deleteRows = 500

// appRows are the statements that remove up to a number of an app's rows from each table that may be large.
var appRows = []string{
	// The deliveries of the first push only; those of the next follow once that push is removed.
	`DELETE FROM deliveries WHERE push IN (SELECT n FROM pushes WHERE app = ? ORDER BY id LIMIT 1) AND (holder, user_id) IN
		(SELECT holder, user_id FROM deliveries WHERE push IN (SELECT n FROM pushes WHERE app = ? ORDER BY id LIMIT 1) LIMIT ?)`,
	"DELETE FROM device_state WHERE n IN (SELECT n FROM devices WHERE app = ? AND id IN (SELECT id FROM devices WHERE app = ? ORDER BY id LIMIT ?))",
	"DELETE FROM devices WHERE app = ? AND id IN (SELECT id FROM devices WHERE app = ? ORDER BY id LIMIT ?)",
	"DELETE FROM former_owners WHERE app = ? AND (user_id, device) IN (SELECT user_id, device FROM former_owners WHERE app = ? LIMIT ?)",
	"DELETE FROM wake_keys WHERE app = ? AND id IN (SELECT id FROM wake_keys WHERE app = ? LIMIT ?)",
	"DELETE FROM users WHERE app = ? AND id IN (SELECT id FROM users WHERE app = ? LIMIT ?)",
	"DELETE FROM idempotency WHERE app = ? AND key IN (SELECT key FROM idempotency WHERE app = ? LIMIT ?)",
}

// countsOfApp removes the counts of the pushes that the next piece removes. Nothing would find them afterwards.
const countsOfApp = `DELETE FROM push_counts WHERE push IN (SELECT n FROM pushes WHERE app = ? ORDER BY id LIMIT ?)
	AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.push = push_counts.push)`

// emptyApp removes the rows of an app that is being deleted, in pieces, and finally the app's own.
func (s *Store) emptyApp(ctx context.Context, name string) error {
	for again := true; again; {
		o := &op{app: name, long: true, do: func(ctx context.Context, t *tx) error {
			again = false
			deleting, err := all(ctx, t, scalar[int64], "SELECT deleting FROM apps WHERE name = ? AND deleting = 1 {lock}", name)
			if err != nil || len(deleting) == 0 {
				return err
			}
			again, err = t.emptyPiece(ctx, name)
			return err
		}}
		if err := s.write(ctx, "empty app", o); err != nil {
			return err
		}
	}
	return nil
}

// emptyPiece removes up to deleteRows rows, and reports whether there may be more.
func (t *tx) emptyPiece(ctx context.Context, app string) (more bool, err error) {
	for _, sql := range appRows {
		piece := exec(sql, app, app, deleteRows)
		if err := t.run(ctx, piece); err != nil {
			return false, err
		}
		if piece.n > 0 {
			return true, nil
		}
	}
	// The first push has no deliveries left. Those behind it may have some, and then stay for another piece.
	counts := exec(countsOfApp, app, deleteRows)
	first := exec(`DELETE FROM pushes WHERE id IN (SELECT id FROM pushes WHERE app = ? ORDER BY id LIMIT ?)
		AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.push = pushes.n)`, app, deleteRows)
	if err := t.run(ctx, counts, first); err != nil || first.n > 0 {
		return first.n > 0, err
	}
	return false, t.run(ctx, exec("DELETE FROM apps WHERE name = ? AND deleting = 1", app))
}

// appExists returns push.ErrNotFound if the app does not exist. Otherwise the app cannot be deleted until the transaction ends.
func (t *tx) appExists(ctx context.Context, app string) error {
	sql := "SELECT name FROM apps WHERE name = ? AND deleting = 0"
	if t.s.db.locksRows() {
		sql += " FOR SHARE"
	}
	_, err := one(ctx, t, scalar[string], sql, app)
	return err
}

// wrap returns an error that says what was being done; nil for nil.
func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("store: %s: %w", what, err)
}
