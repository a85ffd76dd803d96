package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // for the migrations
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/hushpush/hush/internal/store/litedb"
)

const (
	sqliteFile  = "hush.db"
	busyTimeout = 10 * time.Second // only another program that has the file open can hold a lock
)

// sqliteEngine is SQLite in the data directory, with one connection that writes and a few that read.
// docs/decisions/0011-sqlite-without-database-sql.md says why it does not use database/sql.
type sqliteEngine struct {
	*translator
	conn    *litedb.Conn // the writing connection; owned by the writer
	wal     *walWrapper
	readers *sqliteReaders
}

func openSQLite(ctx context.Context, cfg Config) (*sqliteEngine, error) {
	path, err := filepath.Abs(filepath.Join(cfg.DataDir, sqliteFile))
	if err != nil {
		return nil, err
	}
	if err := createPrivate(path, cfg.Logger); err != nil {
		return nil, err
	}
	if err := litedb.SyncData(); err != nil {
		return nil, err
	}
	if err := migrateSQLiteFile(ctx, path); err != nil {
		return nil, err
	}
	e := &sqliteEngine{translator: &translator{words: sqliteWords}}
	if e.conn, err = openConn(path); err != nil {
		return nil, err
	}
	if e.wal, err = newWALWrapper(path, e.conn, cfg); err != nil {
		return nil, errors.Join(err, e.conn.Close())
	}
	if e.readers, err = openReaders(path, e.spell); err != nil {
		return nil, errors.Join(err, e.wal.close(), e.conn.Close())
	}
	return e, nil
}

// migrateSQLiteFile brings the schema up to date, and sets the file's page size and journal mode. It uses database/sql, which goose
// needs.
func migrateSQLiteFile(ctx context.Context, path string) error {
	q := url.Values{"_pragma": {fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()), "page_size(4096)", "journal_mode(WAL)", "synchronous(FULL)"}}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: q.Encode()}).String())
	if err != nil {
		return err
	}
	return errors.Join(migrateSQLite(ctx, db), db.Close())
}

// connSettings are the settings of every connection.
//
// The page cache of 8 MiB is small on purpose. Other pages are in the system's cache, one copy away. With 64 MiB, each commit after
// the split of a page walks the whole cache: balance_nonroot raises the highest page number, and pcache1TruncateUnsafe then
// searches every bucket for pages behind it. That was 15 % of the server's time.
var connSettings = []string{
	"PRAGMA journal_mode = WAL",
	"PRAGMA synchronous = FULL",                   // accepted means flushed
	"PRAGMA wal_autocheckpoint = 0",               // walWrapper does it while no caller waits
	"PRAGMA journal_size_limit = " + walSizeLimit, // a log that grew because of a long reader shrinks again
	"PRAGMA cache_size = -8192",
	"PRAGMA temp_store = MEMORY",
}

func openConn(path string, more ...string) (*litedb.Conn, error) {
	c, err := litedb.Open(path)
	if err != nil {
		return nil, err
	}
	err = c.SetBusyTimeout(busyTimeout)
	for _, setting := range append(connSettings[:len(connSettings):len(connSettings)], more...) {
		if err == nil {
			err = c.Exec(setting)
		}
	}
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// close closes the writing connection last. Closing it copies the log into the database file and removes the log.
func (e *sqliteEngine) close() error {
	return errors.Join(e.readers.close(), e.wal.close(), e.conn.Close())
}

func (e *sqliteEngine) locksRows() bool { return false }
func (e *sqliteEngine) fence()          {} // the lock of the data directory keeps other processes out
func (e *sqliteEngine) reader() runner  { return e.readers }
func (e *sqliteEngine) maintain()       { e.wal.maintain() }

// ping reads the first page of the file.
func (e *sqliteEngine) ping(ctx context.Context) error {
	return e.readers.run(ctx, each(ignore, "SELECT 1 FROM sqlite_schema LIMIT 1"))
}

func (e *sqliteEngine) begin(ctx context.Context) (transaction, error) {
	t := &sqliteTx{e}
	if err := t.run(ctx, exec("BEGIN IMMEDIATE")); err != nil {
		return nil, err
	}
	return t, nil
}

// classify takes a failed read or write of the file, and a damaged file, as fatal. A full disk is not fatal: the transaction is rolled
// back as a whole.
func (e *sqliteEngine) classify(err error) verdict {
	var se *litedb.Error
	if !errors.As(err, &se) {
		return verdictError
	}
	switch se.Kind() {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return verdictRepeat
	case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return verdictFatal
	}
	return verdictError
}

// sqliteTx is the transaction on the writing connection.
type sqliteTx struct{ e *sqliteEngine }

func (t *sqliteTx) run(ctx context.Context, stmts ...*stmt) error {
	return runAll(ctx, t.e.conn, t.e.spell, stmts)
}

func (t *sqliteTx) commit(ctx context.Context) error { return t.run(ctx, exec("COMMIT")) }

// rollback may find that SQLite has rolled back already, as after a full disk.
func (t *sqliteTx) rollback() { _ = t.run(context.Background(), exec("ROLLBACK")) }
