package store

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// oldSealKeysName is the name of the setting with the ids of earlier keys that values may still be sealed with.
const oldSealKeysName = "secret key ids before"

// resealRows is how many rows one transaction reseals.
const resealRows = 100

// Reseal reseals, with the sealer's current key, all values that an earlier key has sealed, in pieces. It returns how many there
// were. When it returns no error, no value is sealed with an earlier key, and this process will seal none with one: values are
// sealed only inside the writer's transactions. If Reseal is interrupted, the next call completes it.
func (s *Store) Reseal(ctx context.Context) (resealed int, err error) {
	for done := false; !done; {
		n := 0
		err := s.write(ctx, "reseal", &op{long: true, do: func(ctx context.Context, t *tx) (err error) {
			if err := t.claimSealKey(ctx); err != nil {
				return err
			}
			n, err = t.resealPiece(ctx)
			if done = err == nil && n == 0; done {
				return t.run(ctx, exec("DELETE FROM settings WHERE name = ?", oldSealKeysName))
			}
			return err
		}})
		if err != nil {
			return resealed, err
		}
		resealed += n
	}
	return resealed, nil
}

// SealKeysBefore returns the ids of earlier keys that values may still be sealed with.
func (s *Store) SealKeysBefore(ctx context.Context) ([]string, error) {
	stored, err := all(ctx, s.read, scalar[string], "SELECT value FROM settings WHERE name = ?", oldSealKeysName)
	return strings.Fields(strings.Join(stored, " ")), wrap("secret keys", err)
}

// addOldSealKey stores the id of a key that was the current one until now, and that values may still be sealed with.
func (t *tx) addOldSealKey(ctx context.Context, id string) error {
	stored, err := all(ctx, t, scalar[string], "SELECT value FROM settings WHERE name = ? {lock}", oldSealKeysName)
	if err != nil {
		return err
	}
	ids := strings.Fields(strings.Join(stored, " "))
	if slices.Contains(ids, id) {
		return nil
	}
	return t.putSetting(ctx, oldSealKeysName, strings.Join(append(ids, id), " "))
}

// sealedAt is a sealed value and the key of its row.
type sealedAt struct {
	app, id string
	sealed  []byte
}

func readSealedAt(scan scanFunc) (r sealedAt, err error) {
	err = scan(&r.app, &r.id, &r.sealed)
	return r, err
}

// sealedTables are the tables with sealed values. A value begins with one byte for its version and six for the id of its key.
var sealedTables = []struct{ kind, find, put string }{
	{"credential", "SELECT app, provider, sealed FROM credentials WHERE substr(sealed, 2, 6) <> ? ORDER BY app, provider LIMIT ? {lock}",
		"UPDATE credentials SET sealed = ? WHERE app = ? AND provider = ?"},
	{"signing key", "SELECT app, kid, sealed FROM signing_keys WHERE sealed IS NOT NULL AND substr(sealed, 2, 6) <> ? ORDER BY app, kid LIMIT ? {lock}",
		"UPDATE signing_keys SET sealed = ? WHERE app = ? AND kid = ?"},
}

// resealPiece reseals up to resealRows values, or the settings if no others are left.
func (t *tx) resealPiece(ctx context.Context) (n int, err error) {
	present, err := hex.DecodeString(t.s.sealer.KeyID())
	if err != nil {
		return 0, fmt.Errorf("the id of the secret key: %w", err)
	}
	for _, table := range sealedTables {
		rows, err := all(ctx, t, readSealedAt, table.find, present, resealRows)
		if err != nil {
			return 0, err
		}
		for _, row := range rows {
			sealed, err := t.resealValue(row.sealed, sealedRow(row.app, table.kind, row.id))
			if err != nil {
				return 0, fmt.Errorf("%s %s of app %s: %w", table.kind, row.id, row.app, err)
			}
			if err := t.run(ctx, exec(table.put, sealed, row.app, row.id)); err != nil {
				return 0, err
			}
		}
		if len(rows) > 0 {
			return len(rows), nil
		}
	}
	return t.resealSettings(ctx, present)
}

// sealedSettings are the names of the settings that are sealed, in base64. The additional data of each is its name.
var sealedSettings = []string{wakeSecretName}

func (t *tx) resealSettings(ctx context.Context, present []byte) (n int, err error) {
	for _, name := range sealedSettings {
		stored, err := all(ctx, t, scalar[string], "SELECT value FROM settings WHERE name = ? {lock}", name)
		if err != nil {
			return 0, err
		}
		if len(stored) == 0 {
			continue
		}
		value, err := base64.StdEncoding.DecodeString(stored[0])
		if err != nil || len(value) < 7 {
			return 0, fmt.Errorf("the setting %q is damaged", name)
		}
		if string(value[1:7]) == string(present) {
			continue
		}
		sealed, err := t.resealValue(value, sealedRow("", name, ""))
		if err != nil {
			return 0, fmt.Errorf("the setting %q: %w", name, err)
		}
		if err := t.putSetting(ctx, name, base64.StdEncoding.EncodeToString(sealed)); err != nil {
			return 0, err
		}
		n++
	}
	return n, nil
}

func (t *tx) resealValue(sealed, place []byte) ([]byte, error) {
	plain, err := t.s.sealer.Open(sealed, place)
	if err != nil {
		return nil, err
	}
	return t.s.sealer.Seal(plain, place)
}
