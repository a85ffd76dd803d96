package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// The settings that say whose the database is. All are there from the first start on.
const (
	sealKeyName = "secret key id" // names the key that seals
	rootKeyName = "root key hash" // SHA-256 in hexadecimal; several, the present one first, during a rotation
	holderName  = "node"          // the process that has the database: a holder as JSON
	rootIDChars = 8               // of the hash that a root key is named by
)

// KnownKeys is whose keys the database knows.
type KnownKeys struct {
	Secret []string // ids of the secret keys that something may be sealed with, the present one first; empty before the first start
	Root   []string // hashes of the root keys that it belongs to; empty before the first start
}

// Keys is what this process has.
type Keys struct {
	Sealer   Sealer // required; encrypts credentials and signing keys
	RootHash string // of the root key, SHA-256 in hexadecimal; "" where there is none, as in tests of other things
}

// CheckSecret refuses a secret key that the database does not belong to. given is nil if there is none; source says where
// it is, or should be. The error is a *KeyError.
func (k KnownKeys) CheckSecret(given Sealer, source string) error {
	for _, id := range slices.Backward(k.Secret) { // the oldest first: it is the one that was taken out too early
		if given == nil {
			return &KeyError{Stored: k.Secret[0], Source: source}
		}
		if !given.Knows(id) {
			return &KeyError{Stored: id, Given: given.KeyID(), Source: source}
		}
	}
	return nil
}

// CheckRoot refuses a root key that the database does not belong to. hash is "" if there is none; source says where it is,
// or should be. The error is a *RootKeyError.
func (k KnownKeys) CheckRoot(hash, source string) error {
	if len(k.Root) == 0 || slices.Contains(k.Root, hash) {
		return nil
	}
	return &RootKeyError{Stored: rootID(k.Root[0]), Given: rootID(hash), Source: source}
}

// KeyError says that a database belongs to another secret key than the one given.
type KeyError struct {
	Stored string // the id of the key that it belongs to
	Given  string // "": there is none
	Source string // where it is, or should be; "" if that is not known
}

// Error names the key that is wanted, and the one given.
func (e *KeyError) Error() string {
	return fmt.Sprintf("store: what is encrypted in the database belongs to the secret key %s, but %s; start hush with that key: "+
		"it is secret.key in the data directory of the server that made it, or your copy of that file, whose contents HUSH_SECRET_KEY may hold",
		e.Stored, butGiven(e.Given, e.Source))
}

// RootKeyError says that a database belongs to another root key than the one given.
type RootKeyError struct {
	Stored string // names the key that it belongs to
	Given  string // "": there is none
	Source string // where it is, or should be; "" if that is not known
}

// Error names both keys, and says what to do, also when the one that is wanted is lost.
func (e *RootKeyError) Error() string {
	return fmt.Sprintf("store: the database belongs to the root key %s, but %s; copy root.key from the data directory of the server that made it "+
		"(another key is made by the running server: hush key rotate-root); if that key is lost, run in the database: "+
		"DELETE FROM settings WHERE name = '%s', and the next start takes the root key that it has", e.Stored, butGiven(e.Given, e.Source), rootKeyName)
}

func butGiven(id, source string) string {
	switch {
	case id == "" && source == "":
		return "there is none"
	case id == "":
		return "there is none in " + source
	case source == "":
		return "the one given is " + id
	}
	return fmt.Sprintf("the one given is %s (%s)", id, source)
}

// rootID names a root key by its hash without telling enough of it to compare others with.
func rootID(hash string) string {
	if hash == "" {
		return ""
	}
	return "root-" + hash[:min(len(hash), rootIDChars)]
}

// knownKeys reads whose keys the database knows.
func knownKeys(ctx context.Context, r runner) (k KnownKeys, err error) {
	var present, before, roots []string
	for _, of := range []struct {
		name string
		into *[]string
	}{{sealKeyName, &present}, {oldSealKeysName, &before}, {rootKeyName, &roots}} {
		stored, err := all(ctx, r, scalar[string], "SELECT value FROM settings WHERE name = ?", of.name)
		if err != nil {
			return KnownKeys{}, err
		}
		*of.into = strings.Fields(strings.Join(stored, " "))
	}
	return KnownKeys{Secret: append(present, before...), Root: roots}, nil
}

// claim makes the database this process' own, all in one transaction: from its commit on, no process before it writes any
// more (see fence), and keys other than the present ones are refused. It also reads the wake secret, or makes it.
func (s *Store) claim(ctx context.Context, keys Keys, me holder) error {
	return s.write(ctx, "claim the database", &op{long: true, do: func(ctx context.Context, t *tx) error {
		// First, since whoever had the database locks it first, too.
		if err := t.putSetting(ctx, holderName, encode(me)); err != nil {
			return err
		}
		known, err := knownKeys(ctx, t)
		if err != nil {
			return err
		}
		if err := errors.Join(known.CheckSecret(keys.Sealer, ""), known.CheckRoot(keys.RootHash, "")); err != nil {
			return err
		}
		if keys.RootHash != "" {
			if err := t.putSetting(ctx, rootKeyName, keys.RootHash); err != nil {
				return err
			}
		}
		if err := t.claimSealKey(ctx); err != nil {
			return err
		}
		return t.loadWakeSecret(ctx)
	}})
}

// AnnounceRootKey notes the hash of a root key that is about to be made. From then on the database belongs to it, too, and
// the process may be killed before or after it has written the key.
func (s *Store) AnnounceRootKey(ctx context.Context, hash string) error {
	return s.write(ctx, "announce a root key", &op{do: func(ctx context.Context, t *tx) error {
		stored, err := all(ctx, t, scalar[string], "SELECT value FROM settings WHERE name = ? {lock}", rootKeyName)
		if err != nil {
			return err
		}
		hashes := strings.Fields(strings.Join(stored, " "))
		if slices.Contains(hashes, hash) {
			return nil
		}
		return t.putSetting(ctx, rootKeyName, strings.Join(append(hashes, hash), " "))
	}})
}

// SettleRootKey notes the hash of the only root key that the database belongs to from now on.
func (s *Store) SettleRootKey(ctx context.Context, hash string) error {
	return s.write(ctx, "settle the root key", &op{do: func(ctx context.Context, t *tx) error {
		return t.putSetting(ctx, rootKeyName, hash)
	}})
}

// claimKey notes that something is sealed with the present key, before it is. The key before it is remembered: there may
// be values of it.
func (t *tx) claimSealKey(ctx context.Context) error {
	given := t.s.sealer.KeyID()
	if err := t.run(ctx, exec("INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING", sealKeyName, given)); err != nil {
		return err
	}
	stored, err := one(ctx, t, scalar[string], "SELECT value FROM settings WHERE name = ? {lock}", sealKeyName)
	if err != nil || stored == given {
		return err
	}
	if !t.s.sealer.Knows(stored) {
		return &KeyError{Stored: stored, Given: given}
	}
	if err := t.addOldSealKey(ctx, stored); err != nil {
		return err
	}
	return t.putSetting(ctx, sealKeyName, given)
}

func (t *tx) putSetting(ctx context.Context, name, value string) error {
	return t.run(ctx, exec("INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", name, value))
}
