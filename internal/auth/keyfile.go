package auth

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/hushpush/hush/push"
)

// The names of the key files in the data directory.
const (
	RootKeyFile   = "root.key"
	SecretKeyFile = "secret.key"
)

// maxKeyFileBytes is far more than a key file has; anything longer is not a key file.
const maxKeyFileBytes = 4 << 10

// minRootKey is how many characters a root key must have, whoever wrote it.
const minRootKey = 32

// LoadOrCreateRootKey reads DIR/root.key, or makes it on the first start, mode 0600 and flushed to disk. created reports
// whether it was made now. An empty, short or unreadable file is refused, never replaced.
func LoadOrCreateRootKey(dir string) (key push.Secret, created bool, err error) {
	path := filepath.Join(dir, RootKeyFile)
	text, created, err := loadOrCreate(path, "root key", func() string { return newSecret(rootPrefix) })
	if err != nil {
		return "", false, err
	}
	key, err = parseRootKey(text, path)
	return key, created, err
}

// loadRootKey reads DIR/root.key. If the file is missing, the error is one of fs.ErrNotExist.
func loadRootKey(dir string) (push.Secret, error) {
	path := filepath.Join(dir, RootKeyFile)
	text, err := readKeyFile(path, "root key")
	if err != nil {
		return "", err
	}
	return parseRootKey(text, path)
}

func parseRootKey(text, path string) (push.Secret, error) {
	if err := checkRootKey(text); err != nil {
		return "", fmt.Errorf("%w, in %s", err, path)
	}
	return push.Secret(text), nil
}

func checkRootKey(text string) error {
	if len(text) < minRootKey {
		return fmt.Errorf("auth: the root key has %d characters; want %d or more", len(text), minRootKey)
	}
	if strings.ContainsFunc(text, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return errors.New("auth: the root key has a space or a character beyond ASCII; a header could not carry it")
	}
	return nil
}

// LoadSecretKeys reads the secret keys from a file. If the file is missing, the error is one of fs.ErrNotExist: only the
// caller knows whether anything was sealed yet, and so whether LoadOrCreateSecretKeys may make a new one.
func LoadSecretKeys(path string) (*Keyring, error) {
	text, err := readKeyFile(path, "secret key")
	if err != nil {
		return nil, err
	}
	return ParseSecretKeys(text, path)
}

// LoadOrCreateSecretKeys reads the secret keys from a file, or makes it on the first start, mode 0600 and flushed to disk.
// An empty, short or unreadable file is refused, never replaced.
func LoadOrCreateSecretKeys(path string) (s *Keyring, created bool, err error) {
	text, created, err := loadOrCreate(path, "secret key", newSecretKey)
	if err != nil {
		return nil, false, err
	}
	s, err = ParseSecretKeys(text, path)
	return s, created, err
}

func loadOrCreate(path, what string, newKey func() string) (text string, created bool, err error) {
	text, err = readKeyFile(path, what)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return text, false, err
	}
	text = newKey()
	if err := createKeyFile(path, text); err != nil {
		return "", false, fmt.Errorf("auth: making the %s %s: %w", what, path, err)
	}
	return text, true, nil
}

func readKeyFile(path, what string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("auth: reading the %s: %w", what, err) // a PathError: it has the path, not the content
	}
	defer f.Close()
	if err := checkKeyMode(f, what); err != nil {
		return "", err
	}
	b, err := io.ReadAll(io.LimitReader(f, maxKeyFileBytes+1))
	if err != nil {
		return "", fmt.Errorf("auth: reading the %s: %w", what, err)
	}
	text := strings.TrimSpace(string(b))
	switch {
	case text == "":
		return "", fmt.Errorf("auth: the %s %s is empty; want the key, restore it from your backup", what, path)
	case len(b) > maxKeyFileBytes:
		return "", fmt.Errorf("auth: the %s %s has more than %d bytes; it is another file", what, path, maxKeyFileBytes)
	}
	return text, nil
}

// createKeyFile writes a file whole or not at all, also after a power cut: it is written and flushed under another name, and
// then linked. Unlike a rename, a link never replaces a key that someone else made meanwhile.
func createKeyFile(path, text string) (err error) {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(text + "\n")
	err = errors.Join(err, f.Chmod(0o600), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

// replaceKeyFile writes a file whole or not at all, also after a power cut, in place of an existing one.
func replaceKeyFile(path, text string) (err error) {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target // the link stays
	}
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // finds nothing once it is renamed
	_, err = f.WriteString(text + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
