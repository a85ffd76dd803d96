package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

const (
	sqliteFile    = "hush.db"
	sqliteReaders = 4
	busyTimeout   = 10 * time.Second // only the checkpointer can be in the writer's way
)

// sqliteEngine is SQLite in the data directory: one writing connection, a few that read, and one that moves the write-ahead
// log into the database file beside them.
type sqliteEngine struct {
	*translator
	path    string
	writeDB *sql.DB
	conn    *sql.Conn            // the writing connection; owned by the writer
	stmts   map[string]*sql.Stmt // of conn; owned by the writer
	readDB  *sql.DB
	reads   sync.Map // string → *sql.Stmt of readDB

	stop chan struct{}
	done sync.WaitGroup
}

func sqliteDSN(path string, readOnly bool) string {
	q := url.Values{}
	q.Add("_pragma", fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()))
	q.Add("_pragma", "journal_mode(WAL)")
	q.Add("_pragma", "synchronous(FULL)")
	q.Add("_pragma", "wal_autocheckpoint(0)") // the checkpointer does it, off the way of a push
	q.Add("_pragma", "cache_size(-65536)")    // 64 MiB
	q.Add("_pragma", "temp_store(MEMORY)")
	if readOnly {
		q.Add("_pragma", "query_only(1)")
	}
	return (&url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: q.Encode()}).String()
}

func openSQLite(ctx context.Context, dir string, log *slog.Logger) (*sqliteEngine, error) {
	path, err := filepath.Abs(filepath.Join(dir, sqliteFile))
	if err != nil {
		return nil, err
	}
	if err := keepPrivate(path, log); err != nil {
		return nil, err
	}
	e := &sqliteEngine{translator: &translator{words: sqliteWords}, path: path, stmts: map[string]*sql.Stmt{}, stop: make(chan struct{})}
	if e.writeDB, err = sql.Open("sqlite", sqliteDSN(path, false)); err != nil {
		return nil, err
	}
	if e.readDB, err = sql.Open("sqlite", sqliteDSN(path, true)); err != nil {
		return nil, errors.Join(err, e.writeDB.Close())
	}
	e.readDB.SetMaxOpenConns(sqliteReaders)
	e.readDB.SetMaxIdleConns(sqliteReaders)
	if err := migrateSQLite(ctx, e.writeDB); err != nil {
		return nil, errors.Join(err, e.close())
	}
	if e.conn, err = e.writeDB.Conn(ctx); err != nil {
		return nil, errors.Join(err, e.close())
	}
	e.done.Add(1)
	go e.checkpoint(log)
	return e, nil
}

func (e *sqliteEngine) close() error {
	close(e.stop)
	e.done.Wait()
	var errs []error
	if e.conn != nil {
		errs = append(errs, e.conn.Close())
	}
	return errors.Join(append(errs, e.readDB.Close(), e.writeDB.Close())...)
}

func (e *sqliteEngine) locksRows() bool { return false }
func (e *sqliteEngine) fence()          {} // nobody gets past the lock of the data directory
func (e *sqliteEngine) reader() runner  { return (*sqliteReader)(e) }

func (e *sqliteEngine) ping(ctx context.Context) error { return e.readDB.PingContext(ctx) }

func (e *sqliteEngine) begin(ctx context.Context) (transaction, error) {
	t := &sqliteTx{e}
	if err := t.run(ctx, exec("BEGIN IMMEDIATE")); err != nil {
		return nil, err
	}
	return t, nil
}

// judge: a failed read or write of the file is the end, as is a file that is no database any more. A full disk is not: the
// transaction is rolled back, and nothing of it is there.
func (e *sqliteEngine) judge(err error) verdict {
	var se *sqlite.Error
	if !errors.As(err, &se) {
		return verdictError
	}
	switch se.Code() & 0xff {
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
	for _, s := range stmts {
		prepared, err := t.prepare(ctx, s.sql)
		if err != nil {
			return s.at(err)
		}
		if err := runPrepared(ctx, prepared, s); err != nil {
			return s.at(err)
		}
	}
	return nil
}

func (t *sqliteTx) prepare(ctx context.Context, text string) (*sql.Stmt, error) {
	if p := t.e.stmts[text]; p != nil {
		return p, nil
	}
	p, err := t.e.conn.PrepareContext(ctx, t.e.spell(text))
	if err == nil {
		t.e.stmts[text] = p
	}
	return p, err
}

func (t *sqliteTx) commit(ctx context.Context) error { return t.run(ctx, exec("COMMIT")) }

// rollback may find that SQLite has rolled back already, as after a full disk.
func (t *sqliteTx) rollback() { _ = t.run(context.Background(), exec("ROLLBACK")) }

// sqliteReader runs single queries on the reading connections.
type sqliteReader sqliteEngine

func (r *sqliteReader) run(ctx context.Context, stmts ...*stmt) error {
	for _, s := range stmts {
		prepared, ok := r.reads.Load(s.sql)
		if !ok {
			p, err := r.readDB.PrepareContext(ctx, r.spell(s.sql))
			if err != nil {
				return s.at(err)
			}
			var raced bool
			if prepared, raced = r.reads.LoadOrStore(s.sql, p); raced {
				_ = p.Close()
			}
		}
		if err := runPrepared(ctx, prepared.(*sql.Stmt), s); err != nil {
			return s.at(err)
		}
	}
	return nil
}

func runPrepared(ctx context.Context, prepared *sql.Stmt, s *stmt) error {
	s.n = 0
	if s.fold == nil {
		return runOnce(ctx, prepared, s, s.args)
	}
	if s.fold.listed {
		if len(s.rows) == 0 {
			return nil
		}
		return runOnce(ctx, prepared, s, []any{encode(s.rows)})
	}
	var args []any
	for _, row := range s.rows {
		args = s.fold.sqliteArgs(args[:0], row)
		if err := runOnce(ctx, prepared, s, args); err != nil {
			return err
		}
	}
	return nil
}

func runOnce(ctx context.Context, prepared *sql.Stmt, s *stmt, args []any) error {
	if s.row == nil {
		res, err := prepared.ExecContext(ctx, args...)
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		s.n += n
		return err
	}
	rows, err := prepared.QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	for rows.Next() {
		if err := s.row(rows.Scan); err != nil {
			_ = rows.Close()
			return err
		}
	}
	return errors.Join(rows.Err(), rows.Close())
}

// When the write-ahead log is moved into the database file. Above walTruncate even at the cost of a pause of the writer:
// under constant load a passive checkpoint never reaches the end, and the file would grow for ever.
const (
	walEvery    = 500 * time.Millisecond
	walPassive  = 4 << 20
	walTruncate = 128 << 20
)

// checkpoint runs until the engine is closed.
func (e *sqliteEngine) checkpoint(log *slog.Logger) {
	defer e.done.Done()
	tick := time.NewTicker(walEvery)
	defer tick.Stop()
	db, err := sql.Open("sqlite", sqliteDSN(e.path, false))
	if err != nil {
		log.Error("no checkpoints: the write-ahead log grows", "error", err)
		return
	}
	db.SetMaxOpenConns(1)
	defer db.Close()
	for failing := false; ; {
		select {
		case <-e.stop:
			return
		case <-tick.C:
		}
		how := "PASSIVE"
		switch info, err := os.Stat(e.path + "-wal"); {
		case err != nil || info.Size() < walPassive:
			continue
		case info.Size() > walTruncate:
			how = "TRUNCATE"
		}
		_, err := db.Exec("PRAGMA wal_checkpoint(" + how + ")")
		if err != nil && !failing {
			log.Warn("checkpoint", "error", err)
		}
		failing = err != nil
	}
}
