package auth

import (
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/hushpush/hush/push"
)

// RootKeyOldFile holds, after a rotation, the previous root key and until when it is valid, one per line.
const RootKeyOldFile = "root.key.old"

// RootKeys are the installation's root key and, for a while after a rotation, the previous one.
type RootKeys struct {
	dir string // of the files; "" if there are none
	now func() time.Time

	files sync.Mutex // held while the files are written, so that rotations run one after the other

	mu      sync.RWMutex
	secret  push.Secret // guarded by mu
	current rootKey     // guarded by mu
	old     rootKey     // guarded by mu; its zero value if there is none
}

// rootKey is one root key.
type rootKey struct {
	id    string // a name that does not reveal the key
	hash  []byte
	until time.Time // it is void from then on; zero for no end
}

func newRootKey(secret string, until time.Time) rootKey {
	hash := Hash(secret)
	return rootKey{id: "root-" + hex.EncodeToString(hash[:4]), hash: hash, until: until}
}

func (k rootKey) good(now time.Time) bool {
	return k.hash != nil && (k.until.IsZero() || now.Before(k.until))
}

// LoadRootKeys reads DIR/root.key, and DIR/root.key.old if it exists. If root.key is missing, the error is one of
// fs.ErrNotExist: only the caller knows whether the database belongs to a root key already, and so whether LoadOrCreateRootKey
// may make a new one.
func LoadRootKeys(dir string, now func() time.Time) (*RootKeys, error) {
	secret, err := loadRootKey(dir)
	if err != nil {
		return nil, err
	}
	keys := &RootKeys{dir: dir, now: now, secret: secret, current: newRootKey(secret.Reveal(), time.Time{})}
	text, err := readKeyFile(filepath.Join(dir, RootKeyOldFile), "old root key")
	if errors.Is(err, fs.ErrNotExist) {
		return keys, nil
	}
	if err != nil {
		return nil, err
	}
	old, end, _ := strings.Cut(text, "\n")
	until, err := time.Parse(time.RFC3339Nano, strings.TrimSpace(end))
	if err != nil {
		return nil, fmt.Errorf("auth: the old root key in %s has no time below it; want the key, and until when it is good, a line each", filepath.Join(dir, RootKeyOldFile))
	}
	keys.old = newRootKey(strings.TrimSpace(old), until)
	return keys, nil
}

// Secret returns the present root key.
func (k *RootKeys) Secret() push.Secret {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.secret
}

// Hash returns the SHA-256 of the present root key, in hexadecimal.
func (k *RootKeys) Hash() string {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return hex.EncodeToString(k.current.hash)
}

// id returns the id of the root key with this hash, if it is valid.
func (k *RootKeys) id(hash []byte) (id string, ok bool) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	for _, key := range []rootKey{k.current, k.old} {
		if subtle.ConstantTimeCompare(hash, key.hash) == 1 && key.good(k.now()) {
			return key.id, true
		}
	}
	return "", false
}

// stands reports whether the root key with this id is valid.
func (k *RootKeys) stands(id string) bool {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return id == k.current.id || id == k.old.id && k.old.good(k.now())
}

// Rotate makes a new root key, which is valid from now on. The present one stays valid for keep, and one before that is void.
// The old key's file is written first: a process that is killed in between finds the present key in both files, and later both
// keys, so that there is always a valid one. Before the files are written, Rotate calls announce with the new key's hash, as
// Hash returns it; an error of announce ends the rotation.
func (k *RootKeys) Rotate(keep time.Duration, announce func(hash string) error) (secret push.Secret, id string, oldUntil time.Time, err error) {
	k.files.Lock()
	defer k.files.Unlock()
	made := newSecret(rootPrefix)
	if err := announce(hex.EncodeToString(Hash(made))); err != nil {
		return "", "", time.Time{}, err
	}
	oldUntil = k.now().Add(keep).UTC().Truncate(time.Second)
	if k.dir != "" {
		err := replaceKeyFile(filepath.Join(k.dir, RootKeyOldFile), k.Secret().Reveal()+"\n"+oldUntil.Format(time.RFC3339Nano))
		if err == nil {
			err = replaceKeyFile(filepath.Join(k.dir, RootKeyFile), made)
		}
		if err != nil {
			return "", "", time.Time{}, fmt.Errorf("auth: writing the new root key: %w", err)
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.old = newRootKey(k.secret.Reveal(), oldUntil)
	k.secret, k.current = push.Secret(made), newRootKey(made, time.Time{})
	return k.secret, k.current.id, oldUntil, nil
}

// Forget removes the old key's file once the key has reached its end.
func (k *RootKeys) Forget() error {
	k.files.Lock()
	defer k.files.Unlock()
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.dir == "" || k.old.hash == nil || k.old.good(k.now()) {
		return nil
	}
	k.old = rootKey{}
	if err := os.Remove(filepath.Join(k.dir, RootKeyOldFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("auth: removing the old root key: %w", err)
	}
	return nil
}
