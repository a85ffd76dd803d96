package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/hushpush/hush/push"
)

// The prefixes show people, and scanners for leaked secrets, what a secret is. Nothing is decided by them.
const (
	rootPrefix       = "hush_root_"
	serverKeyPrefix  = "hush_key_"
	credentialPrefix = "hush_dev_"
)

// secretBytes is how many random bytes a secret has: too many to guess, so that a plain hash of it is safe to store.
const secretBytes = 32

func newSecret(prefix string) string {
	b := make([]byte, secretBytes)
	rand.Read(b) // never fails, see crypto/rand
	return prefix + base64.RawURLEncoding.EncodeToString(b)
}

// Hash returns the SHA-256 of a server key or a credential, which is what is stored of it.
func Hash(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// NewServerKey makes a server key: its id, the secret to be shown once, and the hash to be stored.
func NewServerKey() (id, secret string, hash []byte) {
	secret = newSecret(serverKeyPrefix)
	return string(push.NewID()), secret, Hash(secret)
}

// NewCredential makes a device's credential: the secret to be shown once, and the hash to be stored.
func NewCredential() (secret string, hash []byte) {
	secret = newSecret(credentialPrefix)
	return secret, Hash(secret)
}

// ServerKey returns the server key that a secret belongs to. The root key's role is push.RoleRoot, and its app is empty. The
// error is push.ErrUnauthenticated for anything else, also for a valid user token.
func (a *Auth) ServerKey(ctx context.Context, bearer string) (push.ServerKey, error) {
	if bearer == "" {
		return push.ServerKey{}, push.ErrUnauthenticated
	}
	hash := Hash(bearer)
	if id, ok := a.root.id(hash); ok {
		return push.ServerKey{ID: id, Role: push.RoleRoot}, nil
	}
	key, err := a.store.ServerKeyByHash(ctx, hash)
	if errors.Is(err, push.ErrNotFound) {
		return push.ServerKey{}, push.ErrUnauthenticated
	}
	if err != nil {
		return push.ServerKey{}, fmt.Errorf("auth: looking a server key up: %w", err)
	}
	if key.Expired(a.now()) {
		return push.ServerKey{}, unauthenticated("the server key was good until %s; want a newer one", key.ExpiresAt.UTC().Format(time.RFC3339))
	}
	a.uses.record(push.KeyUse{App: key.App, ID: key.ID}, a.now())
	return key, nil
}

// DeviceByCredential returns the device that a credential belongs to; push.ErrRegisterAgain if it is unknown or void.
func (a *Auth) DeviceByCredential(ctx context.Context, credential string) (push.Device, error) {
	if credential == "" {
		return push.Device{}, push.ErrUnauthenticated
	}
	device, err := a.store.DeviceByCredential(ctx, Hash(credential))
	if errors.Is(err, push.ErrNotFound) {
		return push.Device{}, push.ErrRegisterAgain
	}
	if err != nil {
		return push.Device{}, fmt.Errorf("auth: looking a device's credential up: %w", err)
	}
	if !device.Registered() {
		return push.Device{}, push.ErrRegisterAgain
	}
	a.recordHeard(ctx, device)
	return device, nil
}

// recordHeard records once an hour that a device called. Backends see when it was last seen, and if its user has too many
// devices, the one unheard for longest has to make room. If the write fails, the next call makes up for it.
func (a *Auth) recordHeard(ctx context.Context, d push.Device) {
	if now := a.now(); d.HeardLater(now, true) {
		_ = a.store.Heard(ctx, d.Key(), now)
	}
}

// NewServerKey calls the function of that name, for rooms that know an Auth only by an interface.
func (a *Auth) NewServerKey() (id, secret string, hash []byte) { return NewServerKey() }

// NewCredential calls the function of that name, for rooms that know an Auth only by an interface.
func (a *Auth) NewCredential() (secret string, hash []byte) { return NewCredential() }

// Hash calls the function of that name, for rooms that know an Auth only by an interface.
func (a *Auth) Hash(secret string) []byte { return Hash(secret) }
