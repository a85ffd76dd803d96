package store

import (
	"context"
	"time"

	"github.com/hushpush/hush/push"
)

const keyColumns = "id, app, role, created_at, name, used_at, expires_at"

func readServerKey(scan scanFunc) (k push.ServerKey, err error) {
	var created int64
	var used, expires *int64
	err = scan(&k.ID, &k.App, &k.Role, &created, &k.Name, &used, &expires)
	k.CreatedAt, k.UsedAt, k.ExpiresAt = time.UnixMicro(created).UTC(), clock(used), clock(expires)
	return k, err
}

// CreateServerKey stores a key with the hash of its secret. It returns push.ErrNotFound if its app does not exist, and
// push.ErrConflict if its id or hash is already in use.
func (s *Store) CreateServerKey(ctx context.Context, k push.ServerKey, hash []byte) error {
	return s.write(ctx, "create server key", &op{app: k.App, do: func(ctx context.Context, t *tx) error {
		if err := t.appExists(ctx, k.App); err != nil {
			return err
		}
		insert := exec("INSERT INTO server_keys (app, id, role, hash, created_at, name, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
			k.App, k.ID, string(k.Role), hash, micros(k.CreatedAt), k.Name, micros(k.ExpiresAt))
		if err := t.run(ctx, insert); err != nil {
			return err
		}
		if insert.n == 0 {
			return push.ErrConflict
		}
		return nil
	}})
}

const keyByHash = "SELECT " + keyColumns + " FROM server_keys WHERE hash = ?"

// ServerKeyByHash returns the key whose secret has this hash. Its UsedAt may be some seconds old. The rest is never older than the
// last change that was acknowledged.
func (s *Store) ServerKeyByHash(ctx context.Context, hash []byte) (push.ServerKey, error) {
	k, err := s.cache.keys.get(string(hash), func() (push.ServerKey, error) {
		return one(ctx, s.read, readServerKey, keyByHash, hash)
	})
	return k, wrap("server key", err)
}

// ServerKey returns one of an app's keys.
func (s *Store) ServerKey(ctx context.Context, app, id string) (push.ServerKey, error) {
	k, err := one(ctx, s.read, readServerKey, "SELECT "+keyColumns+" FROM server_keys WHERE app = ? AND id = ?", app, id)
	return k, wrap("server key", err)
}

// ServerKeys returns a page of an app's keys, by id.
func (s *Store) ServerKeys(ctx context.Context, app, cursor string, limit int) ([]push.ServerKey, string, error) {
	key, err := decodeCursor(cursor, 1)
	if err != nil {
		return nil, "", err
	}
	limit = pageSize(limit)
	list, err := all(ctx, s.read, readServerKey,
		"SELECT "+keyColumns+" FROM server_keys WHERE app = ? AND id > ? ORDER BY id LIMIT ?", app, key[0], limit+1)
	list, next := page(list, limit, func(k push.ServerKey) string { return k.ID })
	return list, next, wrap("server keys", err)
}

// DeleteServerKey deletes a key.
func (s *Store) DeleteServerKey(ctx context.Context, app, id string) error {
	defer s.cache.forget(app)
	return s.deleteOne(ctx, "delete server key", app, "DELETE FROM server_keys WHERE app = ? AND id = ?", app, id)
}

// deleteOne runs a DELETE. It returns push.ErrNotFound if there was no such row.
func (s *Store) deleteOne(ctx context.Context, what, app, sql string, args ...any) error {
	return s.write(ctx, what, &op{app: app, do: func(ctx context.Context, t *tx) error {
		gone := exec(sql, args...)
		if err := t.run(ctx, gone); err != nil {
			return err
		}
		if gone.n == 0 {
			return push.ErrNotFound
		}
		return nil
	}})
}

// KeysUsed stores when keys were last used. It ignores keys that no longer exist.
func (s *Store) KeysUsed(ctx context.Context, uses []push.KeyUse) error {
	return s.write(ctx, "store the use of keys", &op{weight: len(uses), do: func(ctx context.Context, t *tx) error {
		stmts := make([]*stmt, len(uses))
		for i, use := range uses {
			sql := "UPDATE server_keys SET used_at = ? WHERE app = ? AND id = ?"
			if use.Signing {
				sql = "UPDATE signing_keys SET used_at = ? WHERE app = ? AND kid = ?"
			}
			stmts[i] = exec(sql, micros(use.At), use.App, use.ID)
		}
		return t.run(ctx, stmts...)
	}})
}
