package store

import (
	"context"
	"time"

	"github.com/hushpush/hush/push"
)

const signingKeyColumns = "app, kid, alg, sealed, public_key, created_at, name, used_at, expires_at"

// readSigningKey reads a key, and opens its sealed secret.
func (s *Store) readSigningKey(scan scanFunc) (k push.SigningKey, err error) {
	k, sealed, err := readSealedSigningKey(scan)
	if err != nil || len(sealed) == 0 {
		return k, err
	}
	plain, err := s.sealer.Open(sealed, sealedRow(k.App, "signing key", k.KID))
	k.Secret = push.Secret(plain)
	return k, err
}

func readSealedSigningKey(scan scanFunc) (k push.SigningKey, sealed []byte, err error) {
	var created int64
	var used, expires *int64
	err = scan(&k.App, &k.KID, &k.Alg, &sealed, &k.PublicKey, &created, &k.Name, &used, &expires)
	k.CreatedAt, k.UsedAt, k.ExpiresAt = time.UnixMicro(created).UTC(), clock(used), clock(expires)
	return k, sealed, err
}

// readOpenSigningKey reads a key without its secret.
func readOpenSigningKey(scan scanFunc) (push.SigningKey, error) {
	k, _, err := readSealedSigningKey(scan)
	return k, err
}

// PutSigningKey stores or replaces a key that verifies user tokens, and reports whether there was none with its kid. It returns
// push.ErrNotFound if the app does not exist. The same key keeps its CreatedAt and UsedAt; another one under the same kid does not.
func (s *Store) PutSigningKey(ctx context.Context, k push.SigningKey) (created bool, err error) {
	err = s.write(ctx, "put signing key", &op{app: k.App, do: func(ctx context.Context, t *tx) error {
		if err := t.appExists(ctx, k.App); err != nil {
			return err
		}
		if err := t.claimSealKey(ctx); err != nil {
			return err
		}
		before, err := all(ctx, t, s.readSigningKey, signingKeyByID+" {lock}", k.App, k.KID)
		if err != nil {
			return err
		}
		row := k
		if created = len(before) == 0; !created && before[0].Print() == k.Print() {
			row.CreatedAt, row.UsedAt = before[0].CreatedAt, before[0].UsedAt
		}
		return t.insertSigningKey(ctx, row)
	}})
	return created, err
}

func (t *tx) insertSigningKey(ctx context.Context, k push.SigningKey) (err error) {
	var sealed []byte // sealed inside the transaction; see Reseal
	if k.Secret != "" {
		if sealed, err = t.s.sealer.Seal([]byte(k.Secret.Reveal()), sealedRow(k.App, "signing key", k.KID)); err != nil {
			return wrap("seal signing key", err)
		}
	}
	return t.run(ctx, exec(`INSERT INTO signing_keys (app, kid, alg, sealed, public_key, created_at, name, used_at, expires_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (app, kid) DO UPDATE SET alg = excluded.alg, sealed = excluded.sealed, public_key = excluded.public_key,
			created_at = excluded.created_at, name = excluded.name, used_at = excluded.used_at, expires_at = excluded.expires_at`,
		k.App, k.KID, k.Alg, blobOrNull(sealed), k.PublicKey, micros(k.CreatedAt), k.Name, micros(k.UsedAt), micros(k.ExpiresAt)))
}

const signingKeyByID = "SELECT " + signingKeyColumns + " FROM signing_keys WHERE app = ? AND kid = ?"

// SigningKey returns one of an app's keys, with its secret.
func (s *Store) SigningKey(ctx context.Context, app, kid string) (push.SigningKey, error) {
	k, err := one(ctx, s.read, s.readSigningKey, signingKeyByID, app, kid)
	return k, wrap("signing key", err)
}

// SigningKeys returns a page of an app's keys, by kid, without their secrets.
func (s *Store) SigningKeys(ctx context.Context, app, cursor string, limit int) ([]push.SigningKey, string, error) {
	key, err := decodeCursor(cursor, 1)
	if err != nil {
		return nil, "", err
	}
	limit = pageSize(limit)
	list, err := all(ctx, s.read, readOpenSigningKey,
		"SELECT "+signingKeyColumns+" FROM signing_keys WHERE app = ? AND kid > ? ORDER BY kid LIMIT ?", app, key[0], limit+1)
	list, next := page(list, limit, func(k push.SigningKey) string { return k.KID })
	return list, next, wrap("signing keys", err)
}

// SigningKeysFrom returns those of an app's keys whose kid begins with prefix, by kid, with their secrets; 1 000 at most.
func (s *Store) SigningKeysFrom(ctx context.Context, app, prefix string) ([]push.SigningKey, error) {
	list, err := all(ctx, s.read, s.readSigningKey,
		"SELECT "+signingKeyColumns+" FROM signing_keys WHERE app = ? AND kid >= ? AND kid < ? ORDER BY kid LIMIT ?",
		app, prefix, prefix+"\x7f", maxPage)
	return list, wrap("signing keys", err)
}

// DeleteSigningKey deletes a key, which makes the tokens that it has signed void.
func (s *Store) DeleteSigningKey(ctx context.Context, app, kid string) error {
	return s.deleteOne(ctx, "delete signing key", app, "DELETE FROM signing_keys WHERE app = ? AND kid = ?", app, kid)
}
