package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hushpush/hush/push"
)

// Store is the durable state of one installation. Its methods may be called at the same time. Errors are
// push.ErrNotFound, push.ErrConflict, those of package push's rules where a method says so, push.ErrUnavailable while the
// database cannot be reached, or wrapped ones of the database.
type Store struct {
	cfg     Config
	db      engine
	read    runner
	writer  *writer
	watch   *watchers
	appLogs *appLogs
	lock    *DirLock // nil if it is not ours to let go

	wakeSecret push.Secret // never changes once Open has returned

	claimTurn  turn // whose turn it is among apps with due devices
	pushTurnMu sync.Mutex
	pushTurn   turn // and with due pushes; guarded by pushTurnMu

	closing   sync.Once
	closedErr error
}

// Open opens the store, brings its schema up to date and frees, on SQLite, what the last process had in hand. It refuses a
// data directory that another process uses, and a database whose encrypted rows belong to another key. Close it.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Store{cfg: cfg, watch: newWatchers(), appLogs: newAppLogs()}
	if cfg.DatabaseURL != "" {
		s.db, err = openPostgres(ctx, cfg.DatabaseURL)
	} else {
		if cfg.Lock == nil {
			if s.lock, err = LockDir(cfg.DataDir); err != nil {
				return nil, err
			}
		}
		s.db, err = openSQLite(ctx, cfg.DataDir, cfg.Logger)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("store: open: %w", err), s.lock.Unlock())
	}
	s.read = namingReader{s.db}
	if err := s.checkKey(ctx); err != nil {
		return nil, errors.Join(err, s.db.close(), s.lock.Unlock())
	}
	s.writer = startWriter(s)
	if err := s.loadWakeSecret(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if !s.db.locksRows() {
		if err := s.freeOwned(ctx); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

// Close finishes the work that was handed over and lets the database go. Later calls answer push.ErrUnavailable.
func (s *Store) Close() error {
	s.closing.Do(func() {
		s.writer.stop()
		s.closedErr = errors.Join(s.db.close(), s.lock.Unlock())
	})
	return s.closedErr
}

// Ping tells whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.db.ping(ctx); err != nil {
		return fmt.Errorf("store: ping: %w", err)
	}
	return nil
}

// Node names this process as the owner of what it claims.
func (s *Store) Node() string { return s.cfg.Node }

// freeOwned makes due what the last process had in hand. There is no other process: the data directory is locked.
func (s *Store) freeOwned(ctx context.Context) error {
	return s.write(ctx, "free what the last process had in hand", &op{long: true, do: func(ctx context.Context, t *tx) error {
		return t.run(ctx, exec("UPDATE devices SET owner = '', due_at = ? WHERE owner <> '' AND due_at IS NOT NULL", micros(s.now())))
	}})
}

func (s *Store) now() time.Time { return s.cfg.Now().UTC().Truncate(time.Microsecond) }
