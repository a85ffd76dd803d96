// Package storetest is the test suite for the engines of package store. A new engine has to pass Exercise, as SQLite and PostgreSQL do.
// It tests separately what only it has, such as files, locks and nodes.
package storetest

import (
	"crypto/sha256"
	"errors"
	"reflect"
	"slices"
	"testing"

	"github.com/hushpush/hush/internal/store"
)

// Engine is one kind of database.
type Engine struct {
	// Empty returns the settings of an empty database for this test only, which is removed when the test ends.
	Empty func(t testing.TB) store.Config

	// Check, if not nil, is called for each store after its test, while the store is open.
	Check func(t testing.TB, s *store.Store)

	// SingleNode reports that a database belongs to one data directory, and so to one process at a time.
	SingleNode bool
}

// Exercise runs all tests on an engine, in parallel, each on a database of its own.
func Exercise(t *testing.T, e Engine) {
	t.Helper()
	all := reflect.ValueOf(suite{})
	for i := range all.NumMethod() {
		test := all.Method(i).Interface().(func(*testing.T, *World))
		t.Run(all.Type().Method(i).Name, func(t *testing.T) {
			t.Parallel()
			test(t, New(t, e))
		})
	}
}

// suite has the tests as its methods. Each gets a World with an open store of the engine.
type suite struct{}

// sealer marks sealed values, so that a test can search for unsealed ones, and binds each to its row, as a real sealer does.
type sealer struct{ key string }

// SealedBy returns the Config.Keys of a process with the key with this id and no root key.
func SealedBy(key string) func(store.KnownKeys) (store.Keys, error) {
	return func(store.KnownKeys) (store.Keys, error) { return store.Keys{Sealer: sealer{key}}, nil }
}

func (s sealer) KeyID() string { return s.key }

func (s sealer) Knows(id string) bool { return id == s.key }

func (s sealer) mark(additional []byte) []byte {
	h := sha256.Sum256(append([]byte(s.key), additional...))
	return h[:]
}

func (s sealer) Seal(plain, additional []byte) ([]byte, error) {
	out := s.mark(additional)
	for _, b := range plain {
		out = append(out, b^0x55)
	}
	return out, nil
}

func (s sealer) Open(sealed, additional []byte) ([]byte, error) {
	if len(sealed) < 32 || !slices.Equal(sealed[:32], s.mark(additional)) {
		return nil, errors.New("sealed for another row, or by another key")
	}
	plain := make([]byte, 0, len(sealed)-32)
	for _, b := range sealed[32:] {
		plain = append(plain, b^0x55)
	}
	return plain, nil
}

// Open opens a store, which is closed when the test ends.
func Open(t testing.TB, cfg store.Config) *store.Store {
	t.Helper()
	s, err := store.Open(Context(t), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}
