package store

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"

	"github.com/hushpush/hush/push"
)

const (
	wakeSecretName  = "wake secret" // the setting that has it, sealed, in base64
	wakeSecretBytes = 32
)

// WakeSecret is what all wake keys are derived from. It stays the same for as long as there is a wake key.
func (s *Store) WakeSecret() push.Secret { return s.wakeSecret }

// loadWakeSecret reads the wake secret, or makes it: at the first start, and where it was sealed with another key and no
// wake key has been derived from it. Who has no secret key only asks which one is wanted, and gets no wake secret.
func (s *Store) loadWakeSecret(ctx context.Context) error {
	if s.cfg.Sealer.KeyID() == "" {
		return nil
	}
	return s.write(ctx, "wake secret", &op{do: func(ctx context.Context, t *tx) error {
		if err := t.claimKey(ctx); err != nil {
			return err
		}
		stored, err := all(ctx, t, scalar[string], "SELECT value FROM settings WHERE name = ?", wakeSecretName)
		if err != nil {
			return err
		}
		if len(stored) > 0 {
			secret, err := s.openWakeSecret(stored[0])
			if err == nil {
				s.wakeSecret = secret
				return nil
			}
			used, failed := all(ctx, t, scalar[int64], "SELECT 1 FROM wake_keys LIMIT 1")
			if failed != nil || len(used) > 0 {
				return errors.Join(err, failed)
			}
		}
		made := make([]byte, wakeSecretBytes)
		rand.Read(made) // never fails, see crypto/rand
		s.wakeSecret = push.Secret(made)
		return t.putWakeSecret(ctx, s.wakeSecret)
	}})
}

func (s *Store) openWakeSecret(stored string) (push.Secret, error) {
	sealed, err := base64.StdEncoding.DecodeString(stored)
	if err != nil {
		return "", errors.New("the wake secret is not base64")
	}
	plain, err := s.cfg.Sealer.Open(sealed, sealedRow("", wakeSecretName, ""))
	if err == nil && len(plain) != wakeSecretBytes {
		err = errors.New("the wake secret has another length")
	}
	return push.Secret(plain), err
}

// putWakeSecret seals the wake secret and stores it. Reseal seals it anew for another secret key; wake keys stay what they are.
func (t *tx) putWakeSecret(ctx context.Context, secret push.Secret) error {
	sealed, err := t.s.cfg.Sealer.Seal([]byte(secret.Reveal()), sealedRow("", wakeSecretName, ""))
	if err != nil {
		return err
	}
	return t.run(ctx, exec("INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
		wakeSecretName, base64.StdEncoding.EncodeToString(sealed)))
}
