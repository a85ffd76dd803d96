package store

import (
	"context"
	"time"

	"github.com/hushpush/hush/push"
)

const keyColumns = "id, app, role, created_at"

func readServerKey(scan scanFunc) (k push.ServerKey, err error) {
	var created int64
	err = scan(&k.ID, &k.App, &k.Role, &created)
	k.CreatedAt = time.UnixMicro(created).UTC()
	return k, err
}

// CreateServerKey stores a key by the hash of its secret. push.ErrNotFound if its app is not there, push.ErrConflict if its
// id or hash is taken.
func (s *Store) CreateServerKey(ctx context.Context, k push.ServerKey, hash []byte) error {
	return s.write(ctx, "create server key", &op{app: k.App, do: func(ctx context.Context, t *tx) error {
		if err := t.appExists(ctx, k.App); err != nil {
			return err
		}
		insert := exec("INSERT INTO server_keys (app, id, role, hash, created_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
			k.App, k.ID, string(k.Role), hash, micros(k.CreatedAt))
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

// ServerKeyByHash finds a key by the hash of its secret.
func (s *Store) ServerKeyByHash(ctx context.Context, hash []byte) (push.ServerKey, error) {
	k, err := one(ctx, s.read, readServerKey, keyByHash, hash)
	return k, doing("server key", err)
}

// ServerKeys is a page of an app's keys, by id.
func (s *Store) ServerKeys(ctx context.Context, app, cursor string, limit int) ([]push.ServerKey, string, error) {
	key, err := decodeCursor(cursor, 1)
	if err != nil {
		return nil, "", err
	}
	limit = pageSize(limit)
	list, err := all(ctx, s.read, readServerKey,
		"SELECT "+keyColumns+" FROM server_keys WHERE app = ? AND id > ? ORDER BY id LIMIT ?", app, key[0], limit+1)
	list, next := page(list, limit, func(k push.ServerKey) string { return k.ID })
	return list, next, doing("server keys", err)
}

// DeleteServerKey makes a key void.
func (s *Store) DeleteServerKey(ctx context.Context, app, id string) error {
	return s.deleteOne(ctx, "delete server key", app, "DELETE FROM server_keys WHERE app = ? AND id = ?", app, id)
}

// deleteOne runs a DELETE; push.ErrNotFound if there was no such row.
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

const signingKeyColumns = "app, kid, alg, sealed, public_key, created_at"

// readSigningKey opens the sealed secret.
func (s *Store) readSigningKey(scan scanFunc) (k push.SigningKey, err error) {
	var created int64
	var sealed []byte
	if err = scan(&k.App, &k.KID, &k.Alg, &sealed, &k.PublicKey, &created); err != nil {
		return k, err
	}
	k.CreatedAt = time.UnixMicro(created).UTC()
	if len(sealed) == 0 {
		return k, nil
	}
	plain, err := s.cfg.Sealer.Open(sealed, sealedRow(k.App, "signing key", k.KID))
	k.Secret = push.Secret(plain)
	return k, err
}

// PutSigningKey stores or replaces a key that verifies user tokens. push.ErrNotFound if its app is not there.
func (s *Store) PutSigningKey(ctx context.Context, k push.SigningKey) (created bool, err error) {
	var sealed []byte
	if k.Secret != "" {
		if sealed, err = s.cfg.Sealer.Seal([]byte(k.Secret.Reveal()), sealedRow(k.App, "signing key", k.KID)); err != nil {
			return false, doing("seal signing key", err)
		}
	}
	err = s.write(ctx, "put signing key", &op{app: k.App, do: func(ctx context.Context, t *tx) error {
		if err := t.appExists(ctx, k.App); err != nil {
			return err
		}
		if err := t.claimKey(ctx); err != nil {
			return err
		}
		n, err := one(ctx, t, scalar[int64], "SELECT COUNT(*) FROM signing_keys WHERE app = ? AND kid = ?", k.App, k.KID)
		if err != nil {
			return err
		}
		created = n == 0
		return t.run(ctx, exec(`INSERT INTO signing_keys (app, kid, alg, sealed, public_key, created_at) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT (app, kid) DO UPDATE SET alg = excluded.alg, sealed = excluded.sealed, public_key = excluded.public_key`,
			k.App, k.KID, k.Alg, nullBlob(sealed), k.PublicKey, micros(k.CreatedAt)))
	}})
	return created, err
}

const signingKeyByID = "SELECT " + signingKeyColumns + " FROM signing_keys WHERE app = ? AND kid = ?"

// SigningKey is one of an app's keys, with its secret.
func (s *Store) SigningKey(ctx context.Context, app, kid string) (push.SigningKey, error) {
	k, err := one(ctx, s.read, s.readSigningKey, signingKeyByID, app, kid)
	return k, doing("signing key", err)
}

// SigningKeys are the first 1 000 of an app's keys, by kid.
func (s *Store) SigningKeys(ctx context.Context, app string) ([]push.SigningKey, error) {
	list, err := all(ctx, s.read, s.readSigningKey,
		"SELECT "+signingKeyColumns+" FROM signing_keys WHERE app = ? ORDER BY kid LIMIT ?", app, maxPage)
	return list, doing("signing keys", err)
}

// DeleteSigningKey makes the tokens that it signed void.
func (s *Store) DeleteSigningKey(ctx context.Context, app, kid string) error {
	return s.deleteOne(ctx, "delete signing key", app, "DELETE FROM signing_keys WHERE app = ? AND kid = ?", app, kid)
}
