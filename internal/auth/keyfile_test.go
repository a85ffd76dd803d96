package auth_test

import (
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hushpush/hush/internal/auth"
)

func TestKeyFilesAreMadeOnceForTheirOwnerOnly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	root, created, err := auth.LoadOrCreateRootKey(dir)
	if err != nil || !created {
		t.Fatalf("first LoadOrCreateRootKey: created %v, %v; want a new one", created, err)
	}
	secretPath := filepath.Join(dir, auth.SecretKeyFile)
	sealer, created, err := auth.LoadOrCreateSecretKeys(secretPath)
	if err != nil || !created {
		t.Fatalf("first LoadOrCreateSecretKey: created %v, %v; want a new one", created, err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("the directory has %v, %v; want the two key files and nothing else", entries, err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s has mode %v, %v; want 0600", e.Name(), info.Mode(), err)
		}
	}
	again, created, err := auth.LoadOrCreateRootKey(dir)
	if err != nil || created || again.Reveal() != root.Reveal() {
		t.Errorf("second LoadOrCreateRootKey: created %v, same %v, %v; want the same", created, again == root, err)
	}
	sealerAgain, created, err := auth.LoadOrCreateSecretKeys(secretPath)
	if err != nil || created || sealerAgain.KeyID() != sealer.KeyID() {
		t.Errorf("second LoadOrCreateSecretKey: created %v, %v; want the same key", created, err)
	}
}

func TestBadKeyFilesAreRefusedKeptAndNotShown(t *testing.T) {
	t.Parallel()
	const content = "sesame"
	for name, text := range map[string]string{
		"empty": "", "white space": " \n", "short": content, "long": strings.Repeat(content, 2000),
		"wrong base64 and a space inside": strings.Repeat(content, 10) + " " + content,
	} {
		dir := t.TempDir()
		for _, file := range []string{auth.RootKeyFile, auth.SecretKeyFile} {
			path := filepath.Join(dir, file)
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			var err error
			if file == auth.RootKeyFile {
				_, _, err = auth.LoadOrCreateRootKey(dir)
			} else {
				_, _, err = auth.LoadOrCreateSecretKeys(path)
			}
			if err == nil || !strings.Contains(err.Error(), file) || strings.Contains(err.Error(), content) {
				t.Errorf("%s, %s: %v; want an error that names the file, not its content", file, name, err)
			}
			if kept, err := os.ReadFile(path); err != nil || string(kept) != text {
				t.Errorf("%s, %s: the file changed (%v); want it as it was", file, name, err)
			}
		}
	}
}

func TestAMissingOrUnreadableSecretKeyIsSaid(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := auth.LoadSecretKeys(filepath.Join(dir, "secret.key")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v; want fs.ErrNotExist", err)
	}
	if _, err := auth.LoadSecretKeys(dir); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a directory in its place: %v; want an error other than fs.ErrNotExist", err)
	}
}

func TestSealedValuesOpenOnlyWithTheirKeyAndPlace(t *testing.T) {
	t.Parallel()
	key := base64.StdEncoding.EncodeToString([]byte(secretOfK1))
	s, err := auth.ParseSecretKey(" "+key+"\n", "HUSH_SECRET_KEY")
	if err != nil {
		t.Fatal(err)
	}
	other, err := auth.NewSealer([]byte("fedcba9876543210fedcba9876543210"))
	if err != nil {
		t.Fatal(err)
	}
	const plain = "the key of the app"
	sealed, err := s.Seal([]byte(plain), []byte("notes/apns"))
	if err != nil || strings.Contains(string(sealed), plain) {
		t.Fatalf("Seal: %q, %v; want it hidden", sealed, err)
	}
	if got, err := s.Open(sealed, []byte("notes/apns")); err != nil || string(got) != plain {
		t.Errorf("Open: %q, %v; want %q", got, err, plain)
	}
	changed := append([]byte(nil), sealed...)
	changed[len(changed)-1] ^= 1
	for name, open := range map[string]func() ([]byte, error){
		"another place": func() ([]byte, error) { return s.Open(sealed, []byte("other/apns")) },
		"another key":   func() ([]byte, error) { return other.Open(sealed, []byte("notes/apns")) },
		"changed":       func() ([]byte, error) { return s.Open(changed, []byte("notes/apns")) },
		"cut off":       func() ([]byte, error) { return s.Open(sealed[:5], []byte("notes/apns")) },
		"nothing":       func() ([]byte, error) { return s.Open(nil, nil) },
	} {
		if got, err := open(); err == nil {
			t.Errorf("%s: opened as %q; want an error", name, got)
		}
	}
	if s.KeyID() == other.KeyID() || strings.Contains(key, s.KeyID()) {
		t.Errorf("key ids %s and %s; want two that differ and tell nothing", s.KeyID(), other.KeyID())
	}
}

func TestSecretKeyInTheEnvironment(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{
		"empty": "", "not base64": "not%base64", "short": base64.StdEncoding.EncodeToString([]byte("short")),
	} {
		_, err := auth.ParseSecretKey(content, "HUSH_SECRET_KEY")
		if err == nil || !strings.Contains(err.Error(), "HUSH_SECRET_KEY") || content != "" && strings.Contains(err.Error(), content) {
			t.Errorf("%s: %v; want an error that names where it came from, not its content", name, err)
		}
	}
}
