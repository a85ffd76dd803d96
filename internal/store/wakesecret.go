package store

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"

	"github.com/hushpush/hush/push"
)

const (
	wakeSecretName  = "wake secret" // the name of the setting with the secret, sealed and in base64
	wakeSecretBytes = 32
)

// WakeSecret returns the secret from which all wake keys are derived. It stays the same as long as there is a wake key.
func (s *Store) WakeSecret() push.Secret { return s.wakeSecret }

// loadWakeSecret reads the wake secret, which the first start makes.
func (t *tx) loadWakeSecret(ctx context.Context) error {
	stored, err := all(ctx, t, scalar[string], "SELECT value FROM settings WHERE name = ?", wakeSecretName)
	if err != nil {
		return err
	}
	if len(stored) > 0 {
		t.s.wakeSecret, err = t.s.openWakeSecret(stored[0])
		return err
	}
	made := make([]byte, wakeSecretBytes)
	rand.Read(made) // never fails, see crypto/rand
	t.s.wakeSecret = push.Secret(made)
	return t.putWakeSecret(ctx, t.s.wakeSecret)
}

func (s *Store) openWakeSecret(stored string) (push.Secret, error) {
	sealed, err := base64.StdEncoding.DecodeString(stored)
	if err != nil {
		return "", errors.New("the wake secret is not base64")
	}
	plain, err := s.sealer.Open(sealed, sealedRow("", wakeSecretName, ""))
	if err == nil && len(plain) != wakeSecretBytes {
		err = errors.New("the wake secret has another length")
	}
	return push.Secret(plain), err
}

// putWakeSecret seals the wake secret and stores it. Reseal seals it again with another secret key, which changes no wake key.
func (t *tx) putWakeSecret(ctx context.Context, secret push.Secret) error {
	sealed, err := t.s.sealer.Seal([]byte(secret.Reveal()), sealedRow("", wakeSecretName, ""))
	if err != nil {
		return err
	}
	return t.putSetting(ctx, wakeSecretName, base64.StdEncoding.EncodeToString(sealed))
}
