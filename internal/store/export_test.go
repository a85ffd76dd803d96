package store

import "context"

// Shared returns settings with which several stores may use one PostgreSQL database.
func (c Config) Shared() Config {
	c.shared = true
	return c
}

// ShortLog returns settings with which SQLite's write-ahead log restarts after this many pages.
func (c Config) ShortLog(pages int) Config {
	c.walPages = pages
	return c
}

// AfterRead makes the store call f after each query outside of a transaction, before the query returns to its caller.
func (s *Store) AfterRead(f func()) { s.read = pausingReader{s.read, f} }

type pausingReader struct {
	runner
	after func()
}

func (r pausingReader) run(ctx context.Context, stmts ...*stmt) error {
	err := r.runner.run(ctx, stmts...)
	r.after()
	return err
}

// CachedKeys returns how many server keys are cached.
func (s *Store) CachedKeys() int {
	s.cache.keys.mu.Lock()
	defer s.cache.keys.mu.Unlock()
	return len(s.cache.keys.rows)
}

// OpenWithoutTime counts open deliveries on devices without a due_at, at which no node would look. Acceptance takes a device without
// one for a device without open deliveries.
func (s *Store) OpenWithoutTime(ctx context.Context) (int, error) {
	return one(ctx, s.read, scalar[int], `SELECT COUNT(*) FROM deliveries d JOIN device_state s ON s.n = d.holder WHERE d.final_at IS NULL AND s.due_at IS NULL`)
}

// LocksWaitedFor counts the locks that transactions on PostgreSQL wait for.
func (s *Store) LocksWaitedFor(ctx context.Context) (int, error) {
	return one(ctx, s.read, scalar[int], "SELECT COUNT(*) FROM pg_locks WHERE NOT granted")
}
