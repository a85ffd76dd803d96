package auth

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// maxSecretKeys bounds how many secret keys are in use at a time: the present one, and those of rotations that are not done.
const maxSecretKeys = 8

// Keyring is the installation's secret keys. It seals with the first, and opens with whichever key a value was sealed with, so
// that a key can be rotated while the store is in use. It is safe for concurrent use.
type Keyring struct {
	mu      sync.RWMutex
	keys    []*Sealer // guarded by mu; the keys that something may be sealed with, the present one first
	retired []*Sealer // guarded by mu; no longer needed, but a reader may still have a value that it read before
}

// ParseSecretKeys reads the content of secret.key, from the file or from HUSH_SECRET_KEY: one key per line, each 32 bytes in
// base64. The first key seals; the others only open what they sealed. An error names the source and does not show the content.
func ParseSecretKeys(content, source string) (*Keyring, error) {
	words := strings.Fields(content)
	if len(words) == 0 {
		words = []string{""} // for its error
	}
	if len(words) > maxSecretKeys {
		return nil, fmt.Errorf("auth: there are %d secret keys in %s; want at most %d, a line each", len(words), source, maxSecretKeys)
	}
	ring := &Keyring{}
	for _, word := range words {
		key, err := ParseSecretKey(word, source)
		if err != nil {
			return nil, err
		}
		if ring.find(key.KeyID()) == nil {
			ring.keys = append(ring.keys, key)
		}
	}
	return ring, nil
}

// KeyID returns the id of the key that seals.
func (r *Keyring) KeyID() string { return r.first().KeyID() }

// OldKeyIDs returns the ids of the other keys that something may still be sealed with.
func (r *Keyring) OldKeyIDs() []string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	ids := []string{}
	for _, key := range r.keys[1:] {
		ids = append(ids, key.KeyID())
	}
	return ids
}

// Knows reports whether the keyring has the key of this id.
func (r *Keyring) Knows(id string) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.find(id) != nil
}

// find returns the key with an id; nil if there is none. The caller holds mu.
func (r *Keyring) find(id string) *Sealer {
	for _, key := range slices.Concat(r.keys, r.retired) {
		if key.KeyID() == id {
			return key
		}
	}
	return nil
}

func (r *Keyring) first() *Sealer {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.keys[0]
}

// Seal seals with the present key; see Sealer.Seal.
func (r *Keyring) Seal(plain, aad []byte) ([]byte, error) { return r.first().Seal(plain, aad) }

// Open opens with the key that the value names; see Sealer.Open.
func (r *Keyring) Open(sealed, aad []byte) ([]byte, error) {
	if len(sealed) < sealHead || sealed[0] != sealVersion {
		return nil, errors.New("auth: opening a sealed value: it is damaged, or sealed in a way that this version does not know")
	}
	id := hex.EncodeToString(sealed[1:sealHead])
	r.mu.RLock()
	key := r.find(id)
	r.mu.RUnlock()
	if key == nil {
		return nil, fmt.Errorf("auth: opening a sealed value: it was sealed with the secret key %s, which is not here", id)
	}
	return key.Open(sealed, aad)
}

// Rotate makes a new key, which seals from now on; all others go on opening. The new key is in the file before it seals
// anything.
func (r *Keyring) Rotate(path string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.keys) >= maxSecretKeys {
		return fmt.Errorf("auth: there are %d secret keys already; want the rotations under way to be done first", len(r.keys))
	}
	key, err := ParseSecretKey(newSecretKey(), path)
	if err != nil {
		return err
	}
	keys := append([]*Sealer{key}, r.keys...)
	if err := writeSecretKeys(path, keys); err != nil {
		return err
	}
	r.keys = keys
	return nil
}

// Retire removes old keys from the file, once nothing is sealed with them any more. The caller names them because another
// rotation may have begun meanwhile: its old key still has values of its own, and stays. This process still opens with all of
// them. path is "" if the keys are in the environment.
func (r *Keyring) Retire(path string, ids []string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	keep, retired := r.keys[:1:1], slices.Clone(r.retired)
	for _, key := range r.keys[1:] {
		if slices.Contains(ids, key.KeyID()) {
			retired = append(retired, key)
		} else {
			keep = append(keep, key)
		}
	}
	if path != "" {
		if err := writeSecretKeys(path, keep); err != nil {
			return err
		}
	}
	r.keys, r.retired = keep, retired
	return nil
}

func writeSecretKeys(path string, keys []*Sealer) error {
	lines := make([]string, len(keys))
	for i, key := range keys {
		lines[i] = key.text
	}
	if err := replaceKeyFile(path, strings.Join(lines, "\n")); err != nil {
		return fmt.Errorf("auth: writing the secret key: %w", err)
	}
	return nil
}
