package server

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/hushpush/hush/push"
)

// rotation changes the installation's own keys for the API.
type rotation struct{ *Server }

// RotateRootKey makes a new root key. The present one stays good for keep. The database belongs to both while it is made.
func (r rotation) RotateRootKey(ctx context.Context, keep time.Duration) (secret push.Secret, id string, oldUntil time.Time, err error) {
	r.rotatingRoot.Lock()
	defer r.rotatingRoot.Unlock()
	secret, id, oldUntil, err = r.roots.Rotate(keep, func(hash string) error { return r.store.AnnounceRootKey(ctx, hash) })
	if err != nil {
		return "", "", time.Time{}, err
	}
	r.auth.GroundsChanged()
	if err := r.store.SettleRootKey(context.WithoutCancel(ctx), r.roots.Hash()); err != nil {
		r.log.Warn("the root key is rotated; until the next start, the database goes on belonging to the one before, too", "error", err)
	}
	return secret, id, oldUntil, nil
}

// RotateSecretKey makes a new secret key, with which everything is sealed anew in the background. push.ErrConflict where the
// key is in the environment, which the server cannot write.
func (r rotation) RotateSecretKey() error {
	if r.cfg.Settings.SecretKey != "" {
		return fmt.Errorf("server: the secret key is in HUSH_SECRET_KEY: %w", push.ErrConflict)
	}
	if err := r.secrets.Rotate(r.secretKeyFile()); err != nil {
		return err
	}
	select {
	case r.reseal <- struct{}{}:
	default:
	}
	return nil
}

// SecretKey names the present secret key, and those that something may still be sealed with. The store knows of the old ones
// only once something is sealed with the new one.
func (r rotation) SecretKey(ctx context.Context) (id string, old []string, err error) {
	stored, err := r.store.SealKeysBefore(ctx)
	old = r.secrets.OldKeyIDs() // read last: when none is left, the file is written
	for _, key := range stored {
		if !slices.Contains(old, key) {
			old = append(old, key)
		}
	}
	return r.secrets.KeyID(), old, err
}

// Times of the loop below.
const (
	resealAgain = 30 * time.Second // after an error
	forgetPer   = time.Second      // for the old root key's file
)

// resealLoop seals anew what an old secret key has sealed, at the start and after each rotation, until ctx ends: a rotation
// that was cut short goes on. It also removes the old root key's file when its time is over.
func (s *Server) resealLoop(ctx context.Context) {
	var again <-chan time.Time
	forget := time.NewTicker(forgetPer)
	defer forget.Stop()
	if len(s.secrets.OldKeyIDs()) > 0 {
		again = time.After(0)
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-forget.C:
			if err := s.roots.Forget(); err != nil {
				s.log.Warn("the old root key is void, but its file is still there", "error", err)
			}
			continue
		case <-again:
		case <-s.reseal:
		}
		again = nil
		if err := s.resealAll(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("the rotation of the secret key is not done: keep the old key; it goes on by itself", "error", err)
			again = time.After(resealAgain)
		}
	}
}

func (s *Server) resealAll(ctx context.Context) error {
	old := s.secrets.OldKeyIDs() // read first: the key of a rotation that begins meanwhile is not among those that are done
	n, err := s.store.Reseal(ctx)
	if err != nil {
		return err
	}
	s.log.Info("all that is encrypted is sealed with the new secret key", "key", s.secrets.KeyID(), "sealed_anew", n)
	if s.cfg.Settings.SecretKey != "" {
		s.log.Info("the old secret keys are needed no more: take their lines out of HUSH_SECRET_KEY, and keep them for older backups only", "keys", old)
		return s.secrets.Retire("", old)
	}
	if err := s.secrets.Retire(s.secretKeyFile(), old); err != nil {
		s.log.Warn("the old secret keys are needed no more, but their file cannot be written: take their lines out", "file", s.secretKeyFile(), "keys", old, "error", err)
		return nil
	}
	s.log.Info("the old secret keys are void: keep a copy of the new one apart from the database", "file", s.secretKeyFile(), "keys", old)
	return nil
}
