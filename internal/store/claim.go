package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// The names of the settings that say which process and which keys the database belongs to. All are set by the first start.
const (
	sealKeyName = "secret key id" // the id of the key that seals
	rootKeyName = "root key hash" // SHA-256 in hexadecimal; during a rotation several, the current one first
	holderName  = "node"          // the process that has claimed the database, a holder as JSON
)

// rootIDChars is how many characters of its hash identify a root key in messages.
const rootIDChars = 8

// KnownKeys names the keys that the database belongs to.
type KnownKeys struct {
	Secret []string // ids of the secret keys that values may be sealed with, the current one first; empty before the first start
	Root   []string // hashes of the root keys, the current one first; empty before the first start
}

// Keys are the keys of this process.
type Keys struct {
	Sealer   Sealer // required; encrypts credentials and signing keys
	RootHash string // of the root key, SHA-256 in hexadecimal; "" for none, as in tests
}

// CheckSecret returns a *KeyError if the database does not belong to the given secret key. given is nil if there is none. source says
// where the key is, or should be.
func (k KnownKeys) CheckSecret(given Sealer, source string) error {
	for _, id := range slices.Backward(k.Secret) { // the oldest first, since that is the one removed too early
		if given == nil {
			return &KeyError{Stored: k.Secret[0], Source: source}
		}
		if !given.Knows(id) {
			return &KeyError{Stored: id, Given: given.KeyID(), Source: source}
		}
	}
	return nil
}

// CheckRoot returns a *RootKeyError if the database does not belong to the root key with this hash. hash is "" if there is none.
// source says where the key is, or should be.
func (k KnownKeys) CheckRoot(hash, source string) error {
	if len(k.Root) == 0 || slices.Contains(k.Root, hash) {
		return nil
	}
	return &RootKeyError{Stored: rootID(k.Root[0]), Given: rootID(hash), Source: source}
}

// KeyError reports that a database belongs to another secret key than the given one.
type KeyError struct {
	Stored string // the id of the key that the database belongs to
	Given  string // the id of the given key; "" for none
	Source string // where the given key is, or should be; "" if unknown
}

// Error returns a text that names the key that is needed, and the given one.
func (e *KeyError) Error() string {
	return fmt.Sprintf("store: what is encrypted in the database belongs to the secret key %s, but %s; start hush with that key: "+
		"it is secret.key in the data directory of the server that made it, or your copy of that file, whose contents HUSH_SECRET_KEY may hold",
		e.Stored, butGiven(e.Given, e.Source))
}

// RootKeyError reports that a database belongs to another root key than the given one.
type RootKeyError struct {
	Stored string // identifies the key that the database belongs to
	Given  string // identifies the given key; "" for none
	Source string // where the given key is, or should be; "" if unknown
}

// Error returns a text that names both keys and says what to do, also if the key that is needed is lost.
func (e *RootKeyError) Error() string {
	return fmt.Sprintf("store: the database belongs to the root key %s, but %s; copy root.key from the data directory of the server that made it "+
		"(another key is made by the running server: hush key rotate-root); if that key is lost, run in the database: "+
		"DELETE FROM settings WHERE name = '%s', and the next start takes the root key that it has", e.Stored, butGiven(e.Given, e.Source), rootKeyName)
}

// butGiven returns the words for the given key in an error.
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

// rootID returns an id of a root key made of a part of its hash, too short to check guesses of the key against.
func rootID(hash string) string {
	if hash == "" {
		return ""
	}
	return "root-" + hash[:min(len(hash), rootIDChars)]
}

// knownKeys reads which keys the database belongs to.
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

// claim claims the database for this process and its keys, in one transaction. From its commit on, no earlier process can write (see
// fence), and other keys are refused. It also reads the wake secret, or makes it.
func (s *Store) claim(ctx context.Context, keys Keys, me holder) error {
	return s.write(ctx, "claim the database", &op{long: true, do: func(ctx context.Context, t *tx) error {
		// First, since the transactions of an earlier process lock this row first, too.
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

// AnnounceRootKey adds the hash of a root key that is about to be written to a file. From then on, the database belongs to that key,
// too. So the process may be killed before or after it has written the key.
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

// SettleRootKey stores the hash of the root key to which alone the database belongs from now on.
func (s *Store) SettleRootKey(ctx context.Context, hash string) error {
	return s.write(ctx, "settle the root key", &op{do: func(ctx context.Context, t *tx) error {
		return t.putSetting(ctx, rootKeyName, hash)
	}})
}

// claimSealKey stores the id of the current key before a value is sealed with it. It keeps the id of the previous key, with which
// values may still be sealed.
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

// putSetting stores or replaces a setting.
func (t *tx) putSetting(ctx context.Context, name, value string) error {
	return t.run(ctx, exec("INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", name, value))
}
