package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hushpush/hush/push"
)

// Store is the durable state of one installation. Its methods may be called concurrently. They return push.ErrNotFound,
// push.ErrConflict, the errors of package push's rules where a method says so, push.ErrUnavailable while the database cannot
// be reached, or wrapped errors of the database.
type Store struct {
	cfg     Config
	db      engine
	read    runner
	writer  *writer
	watch   *watchers
	appLogs *appLogs
	cache   *rowCaches
	lock    *DirLock // nil without a data directory
	sealer  Sealer   // never changes once Open has returned

	wakeSecret push.Secret // never changes once Open has returned

	lastPush        int64        // on SQLite, the highest number given to a push; owned by the writer
	leasesCheckedAt atomic.Int64 // in microseconds: when endLeases last looked for expired leases

	deviceRotation appRotation // among apps with due devices; owned by the writer
	pushRotationMu sync.Mutex
	pushRotation   appRotation // among apps with due pushes; guarded by pushRotationMu
	broadcasts     broadcasts

	closing   sync.Once
	closedErr error
}

// Open opens the store and brings its schema up to date. On SQLite, it also releases the devices that the last process had
// claimed. It waits up to Config.TurnWait for another process that has the data directory or the database, and then returns a
// *BusyError. It refuses a database that belongs to other keys. The caller has to Close the store.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Store{cfg: cfg, watch: newWatchers(), appLogs: newAppLogs(), cache: newRowCaches()}
	me, turn := newHolder(cfg.Node), newProcessTurn(cfg.TurnWait, cfg.Logger)
	if cfg.DataDir != "" {
		if s.lock, err = lockDir(ctx, cfg.DataDir, me, turn); err != nil {
			return nil, err
		}
	}
	if cfg.DatabaseURL != "" {
		s.db, err = openPostgres(ctx, cfg, me, turn)
	} else {
		s.db, err = openSQLite(ctx, cfg)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("store: open: %w", err), s.lock.Unlock())
	}
	s.read = namingReader{s.db}
	keys, err := s.keys(ctx)
	if err != nil {
		return nil, errors.Join(err, s.db.close(), s.lock.Unlock())
	}
	s.sealer = keys.Sealer
	s.writer = startWriter(s)
	if err := s.claim(ctx, keys, me); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.db.fence()
	if !s.db.locksRows() {
		if err := s.freeOwned(ctx); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

// keys asks Config.Keys for the keys, given those that the database belongs to.
func (s *Store) keys(ctx context.Context) (Keys, error) {
	known, err := knownKeys(ctx, s.read)
	if err != nil {
		return Keys{}, wrap("keys", err)
	}
	keys, err := s.cfg.Keys(known)
	if err == nil && keys.Sealer == nil {
		err = errors.New("store: no Sealer; want one that encrypts credentials")
	}
	return keys, err
}

// Close finishes the operations that were submitted and closes the database. Later calls return push.ErrUnavailable.
func (s *Store) Close() error {
	s.closing.Do(func() {
		s.writer.stop()
		s.closedErr = errors.Join(s.db.close(), s.lock.Unlock())
	})
	return s.closedErr
}

// Ping returns an error if the database does not answer.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.db.ping(ctx); err != nil {
		return fmt.Errorf("store: ping: %w", err)
	}
	return nil
}

// Engine returns the name of the database, "sqlite" or "postgres", and its version.
func (s *Store) Engine(ctx context.Context) (name, version string, err error) {
	name, ask := "sqlite", "SELECT sqlite_version()"
	if s.db.locksRows() {
		name, ask = "postgres", "SELECT current_setting('server_version')"
	}
	version, err = one(ctx, s.read, scalar[string], ask)
	return name, version, wrap("engine", err)
}

// Node returns the name under which this process owns what it claims.
func (s *Store) Node() string { return s.cfg.Node }

// freeOwned makes due the devices that the last process had claimed. No other process has claimed any, since the data
// directory is locked.
func (s *Store) freeOwned(ctx context.Context) error {
	return s.write(ctx, "release the devices that the last process had claimed", &op{long: true, do: func(ctx context.Context, t *tx) error {
		now := micros(s.now())
		return t.run(ctx, exec("UPDATE device_state SET owner = '', due_at = ? WHERE owner <> '' AND due_at IS NOT NULL", now),
			exec("UPDATE device_state SET due_at = ? WHERE n IN (SELECT holder FROM deliveries WHERE wake_until IS NOT NULL)", now))
	}})
}

func (s *Store) now() time.Time { return s.cfg.Now().UTC().Truncate(time.Microsecond) }
