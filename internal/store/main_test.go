package store_test

import (
	"context"
	"os"
	"testing"

	"github.com/hushpush/hush/internal/store"
	"github.com/hushpush/hush/internal/store/pgtest"
	"github.com/hushpush/hush/internal/store/storetest"
)

func TestMain(m *testing.M) {
	if os.Getenv(crashDirEnv) != "" || os.Getenv(crashURLEnv) != "" {
		writeUntilKilled()
	}
	os.Exit(pgtest.Main(m))
}

// The two engines, with empty databases.
var (
	sqlite = storetest.Engine{
		Empty: func(t testing.TB) store.Config { return store.Config{DataDir: t.TempDir()} },
		Check: wantTimes, SingleNode: true,
	}
	postgres = storetest.Engine{
		Empty: func(t testing.TB) store.Config { return store.Config{DatabaseURL: pgtest.URL(t)} },
		Check: wantTimes,
	}
)

func TestSQLite(t *testing.T) {
	t.Parallel()
	storetest.Exercise(t, sqlite)
}

func TestPostgreSQL(t *testing.T) {
	t.Parallel()
	storetest.Exercise(t, postgres)
}

// wantTimes checks that devices with open deliveries have a due_at.
func wantTimes(t testing.TB, s *store.Store) {
	if n, err := s.OpenWithoutTime(context.Background()); err == nil && n > 0 {
		t.Errorf("%d deliveries are open on devices without a due time", n)
	}
}

// world is a storetest.World, for the tests that are not part of the suite.
type world struct{ *storetest.World }

func newWorld(t testing.TB, cfg store.Config) *world {
	t.Helper()
	return &world{storetest.NewWith(t, storetest.Engine{Check: wantTimes}, cfg)}
}

// onBoth runs a test on both engines, each with a database of its own.
func onBoth(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, newWorld(t, sqlite.Empty(t)))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, newWorld(t, postgres.Empty(t)))
	})
}

// onNodes runs a test on two nodes of one PostgreSQL database. On SQLite there is one node, which it passes twice.
func onNodes(t *testing.T, test func(t *testing.T, nodes []*world)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, sqlite.Empty(t))
		test(t, []*world{w, w})
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, postgres.Empty(t).Shared())
		other := &storetest.World{T: t, Config: w.Config, Engine: w.Engine, Store: storetest.Open(t, w.Config)}
		test(t, []*world{w, {other}})
	})
}
