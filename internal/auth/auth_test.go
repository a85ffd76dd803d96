package auth_test

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hushpush/hush/internal/auth"
	"github.com/hushpush/hush/push"
)

// memory is a store of keys and credentials in memory.
type memory struct {
	mu      sync.Mutex
	server  []storedKey
	signing []push.SigningKey
	devices []push.Device
	uses    []push.KeyUse
	gone    bool // the app is
	heard   []time.Time
}

type storedKey struct {
	key  push.ServerKey
	hash []byte
}

func (m *memory) ServerKeyByHash(_ context.Context, hash []byte) (push.ServerKey, error) {
	for _, k := range m.server {
		if bytes.Equal(k.hash, hash) {
			return k.key, nil
		}
	}
	return push.ServerKey{}, push.ErrNotFound
}

func (m *memory) ServerKey(_ context.Context, app, id string) (push.ServerKey, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, k := range m.server {
		if k.key.App == app && k.key.ID == id {
			return k.key, nil
		}
	}
	return push.ServerKey{}, push.ErrNotFound
}

func (m *memory) App(_ context.Context, name string) (push.App, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.gone {
		return push.App{}, push.ErrNotFound
	}
	return push.App{Name: name}, nil
}

func (m *memory) DeviceByCredential(_ context.Context, hash []byte) (push.Device, error) {
	for _, d := range m.devices {
		if bytes.Equal(d.CredentialHash, hash) {
			return d, nil
		}
	}
	return push.Device{}, push.ErrNotFound
}

func (m *memory) Heard(_ context.Context, key push.DeviceKey, at time.Time) error {
	for i := range m.devices {
		if m.devices[i].Key() == key {
			m.devices[i].HeardAt = at
		}
	}
	m.heard = append(m.heard, at)
	return nil
}

func (m *memory) SigningKey(_ context.Context, app, kid string) (push.SigningKey, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, k := range m.signing {
		if k.App == app && k.KID == kid {
			return k, nil
		}
	}
	return push.SigningKey{}, push.ErrNotFound
}

func (m *memory) SigningKeysFrom(_ context.Context, app, prefix string) ([]push.SigningKey, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []push.SigningKey
	for _, k := range m.signing {
		if k.App == app && strings.HasPrefix(k.KID, prefix) {
			out = append(out, k)
		}
	}
	return out, nil
}

func (m *memory) KeysUsed(_ context.Context, uses []push.KeyUse) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.uses = append(m.uses, uses...)
	return nil
}

func (m *memory) PutSigningKey(_ context.Context, key push.SigningKey) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.signing = append(m.signing, key)
	return true, nil
}

const (
	rootKey    = "hush_root_for_the_tests_of_this_package"
	wakeSecret = "the wake secret for the tests of this package"
)

// noon is when the tests of user tokens happen.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func setup(t *testing.T) (*auth.Auth, *memory) {
	t.Helper()
	m := &memory{}
	a, err := auth.New(auth.Config{Store: m, RootKey: rootKey, WakeSecret: wakeSecret, Now: func() time.Time { return noon }})
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	return a, m
}
