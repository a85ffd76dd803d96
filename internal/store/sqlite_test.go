package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hushpush/hush/internal/logged"
	"github.com/hushpush/hush/internal/store/litedb"
	"github.com/hushpush/hush/push"
)

// on calls do in a transaction of the writer.
func (s *Store) on(do func(ctx context.Context, t *tx) error) error {
	return s.write(context.Background(), "test", &op{long: true, do: do})
}

var fillings atomic.Int64

// putPages changes this many pages of the ballast in one transaction, to new contents, since SQLite does not write unchanged pages.
func (s *Store) putPages(pages int) error {
	return s.on(func(ctx context.Context, t *tx) error {
		filling := bytes.Repeat([]byte{byte(fillings.Add(1))}, 3000)
		return t.run(ctx, exec("UPDATE ballast SET bytes = ? WHERE id < ?", filling, pages))
	})
}

// openWithBallast opens a store with a table of 100 pages, whose log restarts after walPages pages.
func openWithBallast(t *testing.T, cfg Config, walPages int) *Store {
	t.Helper()
	cfg.DataDir = t.TempDir()
	s := openFor(t, cfg.ShortLog(walPages))
	err := s.on(func(ctx context.Context, t *tx) error {
		return t.run(ctx, exec("CREATE TABLE ballast (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL)"),
			exec("WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 99) INSERT INTO ballast SELECT i, zeroblob(3000) FROM n"))
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *Store) logBytes(t *testing.T) int64 {
	t.Helper()
	info, err := os.Stat(filepath.Join(s.cfg.DataDir, "hush.db-wal"))
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// The log of a store with continuous writes and reads restarts again and again.
func TestTheWriteAheadLogStaysShortUnderLoad(t *testing.T) {
	t.Parallel()
	const pages, written, rounds = 200, 40, 150 // 30 times the log's length in all
	s := openWithBallast(t, Config{}, pages)
	var stop atomic.Bool
	var readers sync.WaitGroup
	for range sqliteReaderCount {
		readers.Go(func() {
			for !stop.Load() {
				if n, err := one(context.Background(), s.read, scalar[int], "SELECT COUNT(*) FROM ballast WHERE id < 9 AND length(bytes) = 3000"); err != nil || n != 9 {
					t.Errorf("%d rows, %v; want 9", n, err)
					return
				}
			}
		})
	}
	longest := int64(0)
	for range rounds {
		if err := s.putPages(written); err != nil {
			t.Error(err)
			break
		}
		longest = max(longest, s.logBytes(t))
	}
	stop.Store(true)
	readers.Wait()
	if limit := int64(12 * pages * 4096); longest > limit {
		t.Errorf("the log had %d bytes; want at most %d of the %d that were written", longest, limit, rounds*written*4096)
	}
}

// A reader that does not end keeps the log from restarting. The writer goes on, and logs that once. When the reader has ended, the log
// restarts and its file is truncated.
func TestAReaderThatDoesNotEndMakesTheLogGrowAndNothingElse(t *testing.T) {
	t.Parallel()
	const pages, written = 10, 10
	var log logged.Buffer
	s := openWithBallast(t, Config{Logger: slog.New(slog.NewTextHandler(&log, nil))}, pages)
	err := s.on(func(ctx context.Context, t *tx) error {
		return t.run(ctx, each(ignore, fmt.Sprint("PRAGMA journal_size_limit = ", 2*pages*4096)))
	})
	if err != nil {
		t.Fatal(err)
	}
	reader, err := openConn(filepath.Join(s.cfg.DataDir, sqliteFile))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reader.Close() }()
	for _, text := range []string{"BEGIN", "SELECT COUNT(*) FROM ballast"} {
		if err := reader.Exec(text); err != nil {
			t.Fatal(err)
		}
	}
	const grows = "no checkpoints: the write-ahead log grows"
	for range 2 * walLongFactor {
		if err := s.putPages(written); err != nil {
			t.Fatalf("beside a reader that does not end: %v", err)
		}
	}
	grown := s.logBytes(t)
	if lines := strings.Count(log.String(), grows); grown < pages*walLongFactor*4096 || lines != 1 {
		t.Errorf("the log has %d bytes, and %d lines say that it grows; want %d or more, and one line", grown, lines, pages*walLongFactor*4096)
	}
	if err := reader.Exec("COMMIT"); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the log to begin anew, and its file to be cut", func() bool {
		if err := s.putPages(written); err != nil {
			t.Fatal(err)
		}
		return s.logBytes(t) < grown/2
	})
}

// A caller returns before the log is copied.
func TestAnswersDoNotWaitForTheLog(t *testing.T) {
	t.Parallel()
	s, c := openCounting(t, Config{})
	answered := make(chan struct{})
	c.settled = func() { <-answered }
	err := putTag(s, 1) // would never return if it waited for the copy
	close(answered)
	if err != nil {
		t.Error(err)
	}
}

const endlessQuery = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) FROM n"

func TestAQueryEndsWithItsContext(t *testing.T) {
	t.Parallel()
	s := openFor(t, Config{DataDir: t.TempDir()})
	errClock := errors.New("whose clock it was")
	for range 3 {
		short, cancel := context.WithTimeoutCause(context.Background(), 20*time.Millisecond, errClock)
		_, err := one(short, s.read, scalar[int], endlessQuery)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, errClock) {
			t.Errorf("%v; want the deadline's error and its cause", err)
		}
	}
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := one(gone, s.read, scalar[int], "SELECT 1"); !errors.Is(err, context.Canceled) {
		t.Errorf("%v; want canceled", err)
	}
	for range 2 * sqliteReaderCount { // on all connections
		if n, err := one(context.Background(), s.read, scalar[int], "SELECT 1"); n != 1 || err != nil {
			t.Errorf("after an interrupt: %d, %v", n, err)
		}
	}
}

func TestAQueryWaitsForAConnectionAsLongAsItMay(t *testing.T) {
	t.Parallel()
	s := openFor(t, Config{DataDir: t.TempDir()})
	long, end := context.WithCancel(context.Background())
	var busy sync.WaitGroup
	for range sqliteReaderCount {
		busy.Go(func() {
			if _, err := one(long, s.read, scalar[int], endlessQuery); !errors.Is(err, context.Canceled) {
				t.Errorf("%v; want canceled", err)
			}
		})
	}
	waitFor(t, "all connections in use", func() bool { return len(s.db.(*sqliteEngine).readers.free) == 0 })
	short, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if _, err := one(short, s.read, scalar[int], "SELECT 1"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("without a connection: %v; want the deadline's error", err)
	}
	got := make(chan error, 1)
	go func() { got <- s.Ping(context.Background()) }()
	end()
	busy.Wait()
	if err := <-got; err != nil {
		t.Errorf("with one: %v", err)
	}
}

func TestQueriesOfAClosedStoreAreUnavailable(t *testing.T) {
	t.Parallel()
	s := openFor(t, Config{DataDir: t.TempDir()})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := one(context.Background(), s.read, scalar[int], "SELECT 1"); !errors.Is(err, push.ErrUnavailable) {
		t.Errorf("%v; want push.ErrUnavailable", err)
	}
}

// A reader cannot write, and a panic in the middle of a query leaves nothing behind.
func TestConnectionsStayUsable(t *testing.T) {
	t.Parallel()
	s := openFor(t, Config{DataDir: t.TempDir()})
	if err := s.read.run(context.Background(), exec("INSERT INTO users (app, id) VALUES ('notes', 'alice')")); err == nil {
		t.Error("a reader has written")
	}
	const text = "SELECT 1 UNION SELECT ?"
	for range 2 {
		err := s.on(func(ctx context.Context, t *tx) error {
			return t.run(ctx, each(func(scanFunc) error { panic("on purpose") }, text, 2))
		})
		if err == nil || !strings.Contains(err.Error(), "on purpose") {
			t.Errorf("%v; want the panic", err)
		}
		sum := 0
		err = s.on(func(ctx context.Context, t *tx) error {
			return t.run(ctx, each(func(scan scanFunc) error {
				n, err := scalar[int](scan)
				sum += n
				return err
			}, text, 2))
		})
		if err != nil || sum != 3 {
			t.Errorf("afterwards: %d, %v; want 3", sum, err)
		}
	}
}

// A full disk undoes only the transaction that does not fit. Acknowledged changes stay, and writing goes on once there is room.
func TestAFullDiskIsNoEnd(t *testing.T) {
	t.Parallel()
	s := openWithBallast(t, Config{Fatal: func(err error) { t.Errorf("fatal: %v", err) }}, walPages)
	limit := func(pages int) {
		t.Helper()
		if err := s.on(func(ctx context.Context, t *tx) error {
			return t.run(ctx, each(ignore, fmt.Sprint("PRAGMA max_page_count = ", pages)))
		}); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := s.PutApp(context.Background(), "notes"); err != nil {
		t.Fatal(err)
	}
	limit(1) // SQLite raises the limit to the current number of pages
	written, full := 0, error(nil)
	for i := 0; i < 10_000 && full == nil; i++ {
		if full = s.PutTags(context.Background(), "notes", fmt.Sprint("u", i), []string{strings.Repeat("t", 3000)}); full == nil {
			written++
		}
	}
	var se *litedb.Error
	if !errors.As(full, &se) || s.db.classify(full) != verdictError {
		t.Fatalf("%v; want an error of SQLite that is not fatal", full)
	}
	limit(1 << 30)
	if err := s.PutTags(context.Background(), "notes", "later", []string{"t"}); err != nil {
		t.Errorf("with room again: %v", err)
	}
	if n, err := one(context.Background(), s.read, scalar[int], "SELECT COUNT(*) FROM users"); err != nil || n != written+1 {
		t.Errorf("%d users, %v; want the %d that were answered, and the later one", n, err, written)
	}
}
