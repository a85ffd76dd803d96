package store

import "context"

// Shared lets several stores have one PostgreSQL database.
func (c Config) Shared() Config {
	c.shared = true
	return c
}

// ShortLog makes SQLite's write-ahead log begin anew after so many pages.
func (c Config) ShortLog(pages int) Config {
	c.walPages = pages
	return c
}

// AfterRead has f called when a question outside of a transaction has been answered, before its caller has the answer.
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

// OpenWithoutTime counts deliveries that are open on a device that has no due time: nobody would look at it. Acceptance takes a
// device without one as having nothing open.
func (s *Store) OpenWithoutTime(ctx context.Context) (int, error) {
	return one(ctx, s.read, scalar[int], `SELECT COUNT(*) FROM deliveries d JOIN device_state s ON s.n = d.holder WHERE d.final_at IS NULL AND s.due_at IS NULL`)
}

// LocksWaitedFor counts locks that transactions on PostgreSQL wait for.
func (s *Store) LocksWaitedFor(ctx context.Context) (int, error) {
	return one(ctx, s.read, scalar[int], "SELECT COUNT(*) FROM pg_locks WHERE NOT granted")
}
