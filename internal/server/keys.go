package server

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/hushpush/hush/internal/auth"
	"github.com/hushpush/hush/internal/store"
)

// keys returns the keys of the installation: the secret key from the environment or its file, the root key from its file. Keys that are
// missing are made, but only where the database belongs to none yet, and only if nothing is wrong with the others.
func (s *Server) keys(known store.KnownKeys) (store.Keys, error) {
	secrets, secretErr := s.loadSecretKeys(known)
	roots, rootErr := s.loadRootKeys(known)
	if secretErr != nil && rootErr != nil {
		return store.Keys{}, fmt.Errorf("%w; and %w", secretErr, rootErr)
	}
	if err := cmp.Or(secretErr, rootErr); err != nil {
		return store.Keys{}, err
	}
	var err error
	if roots == nil {
		if roots, err = s.makeRootKey(); err != nil {
			return store.Keys{}, err
		}
	}
	if secrets == nil {
		if secrets, err = s.makeSecretKey(); err != nil {
			return store.Keys{}, err
		}
	}
	s.warnOfGroup("root key", s.rootKeyFile())
	if s.cfg.Settings.SecretKey == "" {
		s.warnOfGroup("secret key", s.secretKeyFile())
	}
	s.roots, s.secrets = roots, secrets
	return store.Keys{Sealer: secrets, RootHash: roots.Hash()}, nil
}

// loadSecretKeys reads the secret keys, and checks that the database belongs to them. nil without an error: one is to be made.
func (s *Server) loadSecretKeys(known store.KnownKeys) (*auth.Keyring, error) {
	set := s.cfg.Settings
	var ring *auth.Keyring
	var err error
	source := s.secretKeyFile()
	switch {
	case set.SecretKeyEmpty:
		source = "HUSH_SECRET_KEY"
		err = errors.New("server: HUSH_SECRET_KEY is set, but empty; want the contents of the key's file, or the variable unset")
	case set.SecretKey != "":
		source = "HUSH_SECRET_KEY"
		ring, err = auth.ParseSecretKeys(set.SecretKey.Reveal(), source)
	default:
		ring, err = auth.LoadSecretKeys(source)
	}
	if err == nil {
		return ring, known.CheckSecret(ring, source)
	}
	return nil, alsoWanted(err, known.CheckSecret(nil, source))
}

// loadRootKeys reads the root keys, and checks that the database belongs to them. nil without an error: one is to be made.
func (s *Server) loadRootKeys(known store.KnownKeys) (*auth.RootKeys, error) {
	roots, err := auth.LoadRootKeys(s.cfg.Settings.Data, s.cfg.Now)
	if err == nil {
		return roots, known.CheckRoot(roots.Hash(), s.rootKeyFile())
	}
	return nil, alsoWanted(err, known.CheckRoot("", s.rootKeyFile()))
}

// alsoWanted returns what is to be said of a key that cannot be read, and which key is wanted, if one is. A key that is only
// missing is no error where none is wanted.
func alsoWanted(err, wanted error) error {
	switch missing := errors.Is(err, fs.ErrNotExist); {
	case missing:
		return wanted
	case wanted != nil:
		return fmt.Errorf("%w; %w", err, wanted)
	}
	return err
}

func (s *Server) makeRootKey() (*auth.RootKeys, error) {
	_, created, err := auth.LoadOrCreateRootKey(s.cfg.Settings.Data)
	if err != nil {
		return nil, err
	}
	if created {
		s.made = append(s.made, s.rootKeyFile())
		s.log.Info("made the root key, which may do everything", "file", s.rootKeyFile())
	}
	return auth.LoadRootKeys(s.cfg.Settings.Data, s.cfg.Now)
}

func (s *Server) makeSecretKey() (*auth.Keyring, error) {
	ring, created, err := auth.LoadOrCreateSecretKeys(s.secretKeyFile())
	if err != nil {
		return nil, err
	}
	if created {
		s.made = append(s.made, s.secretKeyFile())
		s.log.Info("made the secret key, which encrypts credentials: keep a copy apart from the database", "file", s.secretKeyFile())
	}
	return ring, nil
}

// inTheWay adds to a refusal of our keys that they were made just now: another process has claimed the database meanwhile.
func (s *Server) inTheWay(err error) error {
	var secret *store.KeyError
	var root *store.RootKeyError
	if len(s.made) == 0 || !errors.As(err, &secret) && !errors.As(err, &root) {
		return err
	}
	return fmt.Errorf("%w; made just now, and good for nothing: remove %s", err, strings.Join(s.made, " and "))
}

// warnOfGroup says that a key's file is open to a group: refused it is not, as secrets are often mounted so.
func (s *Server) warnOfGroup(what, path string) {
	if auth.OpenToGroup(path) {
		s.log.Warn("the "+what+" is open to a group; if nobody else is to read it, run: chmod 600", "file", path)
	}
}

func (s *Server) rootKeyFile() string { return filepath.Join(s.cfg.Settings.Data, auth.RootKeyFile) }

// secretKeyFile returns where the secret key is, unless it is in the environment.
func (s *Server) secretKeyFile() string {
	return cmp.Or(s.cfg.Settings.SecretKeyFile, secretKeyPath(s.cfg.Settings.Data))
}
