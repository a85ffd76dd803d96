package auth

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func newRing(t *testing.T) (ring *Keyring, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "secret.key")
	ring, _, err := LoadOrCreateSecretKeys(path)
	if err != nil {
		t.Fatal(err)
	}
	return ring, path
}

func keysOf(t *testing.T, path string) []string {
	t.Helper()
	ring, err := LoadSecretKeys(path)
	if err != nil {
		t.Fatal(err)
	}
	return append([]string{ring.KeyID()}, ring.OldKeyIDs()...)
}

// While one rotation is finished, another may have begun: the key between the two has values of its own still.
func TestRetiringKeepsTheKeyOfARotationThatBeganMeanwhile(t *testing.T) {
	t.Parallel()
	ring, path := newRing(t)
	if err := ring.Rotate(path); err != nil {
		t.Fatal(err)
	}
	done, between := ring.OldKeyIDs(), ring.KeyID()
	sealed, err := ring.Seal([]byte("plain"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := ring.Rotate(path); err != nil {
		t.Fatal(err)
	}
	if err := ring.Retire(path, done); err != nil {
		t.Fatal(err)
	}
	if got, want := keysOf(t, path), []string{ring.KeyID(), between}; !slices.Equal(got, want) {
		t.Errorf("the file has the keys %v; want %v", got, want)
	}
	restarted, err := LoadSecretKeys(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := restarted.Open(sealed, nil); err != nil {
		t.Errorf("after a restart, a value of the key between: %v", err)
	}
}

func TestRetiredKeysOpenInThisProcessAndCountNoMore(t *testing.T) {
	t.Parallel()
	ring, path := newRing(t)
	first, err := ring.Seal([]byte("plain"), nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2 * maxSecretKeys {
		if err := ring.Rotate(path); err != nil {
			t.Fatalf("rotation %d, all before being done: %v", i+1, err)
		}
		if err := ring.Retire(path, ring.OldKeyIDs()); err != nil {
			t.Fatal(err)
		}
	}
	if got := ring.OldKeyIDs(); len(got) != 0 {
		t.Errorf("old keys: %v; want none", got)
	}
	if _, err := ring.Open(first, nil); err != nil {
		t.Errorf("a value that was read before the rotations: %v", err)
	}
	text, err := os.ReadFile(path)
	if err != nil || strings.Count(strings.TrimSpace(string(text)), "\n") != 0 {
		t.Errorf("the file has %d bytes, %v; want one line", len(text), err)
	}
}
