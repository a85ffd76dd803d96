package server

import (
	"cmp"
	"context"
	"errors"
	"os"

	"github.com/hushpush/hush/internal/auth"
	"github.com/hushpush/hush/internal/store"
)

// sealer is the key that encrypts credentials: from the environment, or from its file, which is made if it is missing and
// the database has nothing that another key has encrypted.
func (s *Server) sealer(ctx context.Context, cfg store.Config) (*auth.Keyring, error) {
	set := s.cfg.Settings
	path := s.secretKeyFile()
	var sealer *auth.Keyring
	var err error
	if set.SecretKeyEmpty {
		err = errors.New("server: HUSH_SECRET_KEY is set, but empty; want the contents of the key's file, or the variable unset")
	} else if set.SecretKey != "" {
		sealer, err = auth.ParseSecretKeys(set.SecretKey.Reveal(), "HUSH_SECRET_KEY")
	} else {
		sealer, err = auth.LoadSecretKeys(path)
	}
	if err == nil {
		if set.SecretKey == "" {
			s.warnOfGroup("secret key", path)
		}
		return sealer, nil
	}
	missing := errors.Is(err, os.ErrNotExist)
	wanted := needsNoKey(ctx, cfg)
	switch other := (*store.KeyError)(nil); {
	case wanted != nil && missing && !errors.As(wanted, &other):
		return nil, wanted
	case wanted != nil || !missing:
		return nil, errors.Join(err, wanted)
	}
	made, created, err := auth.LoadOrCreateSecretKeys(path)
	if created {
		s.log.Info("made the secret key, which encrypts credentials: keep a copy apart from the database", "file", path)
	}
	return made, err
}

// warnOfGroup says that a key's file is open to a group: refused it is not, as secrets are often mounted so.
func (s *Server) warnOfGroup(what, path string) {
	if auth.OpenToGroup(path) {
		s.log.Warn("the "+what+" is open to a group; if nobody else is to read it, run: chmod 600", "file", path)
	}
}

// secretKeyFile is where the secret key is, unless it is in the environment.
func (s *Server) secretKeyFile() string {
	return cmp.Or(s.cfg.Settings.SecretKeyFile, secretKeyPath(s.cfg.Settings.Data))
}

// needsNoKey is nil if the database has nothing encrypted; else a *store.KeyError that names the key it wants.
func needsNoKey(ctx context.Context, cfg store.Config) error {
	cfg.Sealer = noKey{}
	st, err := store.Open(ctx, cfg)
	if err != nil {
		return err
	}
	return st.Close()
}

// noKey stands for a secret key that could not be had.
type noKey struct{}

var errNoKey = errors.New("server: there is no secret key")

func (noKey) Seal(_, _ []byte) ([]byte, error) { return nil, errNoKey }
func (noKey) Open(_, _ []byte) ([]byte, error) { return nil, errNoKey }
func (noKey) KeyID() string                    { return "" }
func (noKey) Knows(string) bool                { return false }
