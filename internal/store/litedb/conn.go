package litedb

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
	"unsafe"

	"modernc.org/libc"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Conn is a connection to one database file.
type Conn struct {
	tls      *libc.TLS
	db       uintptr // 0 once closed
	stmts    map[string]*Stmt
	interned map[string]string // see intern

	interrupting sync.Mutex // held while Interrupt uses open
	open         bool       // guarded by interrupting
}

// Open opens an existing database file. The caller has to Close the connection.
func Open(path string) (*Conn, error) {
	if strings.IndexByte(path, 0) >= 0 {
		return nil, errors.New("SQLite: a path with a zero byte")
	}
	c := &Conn{tls: libc.NewTLS(), stmts: map[string]*Stmt{}, interned: map[string]string{}, open: true}
	if err := c.openFile(path); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// openFile opens the file without SQLite's own mutex, since there is one caller at a time.
func (c *Conn) openFile(path string) error {
	name, err := allocateString(c.tls, path)
	if err != nil {
		return err
	}
	defer name.free(c.tls)
	out, err := allocate(c.tls, int(unsafe.Sizeof(uintptr(0))))
	if err != nil {
		return err
	}
	defer out.free(c.tls)
	const flags = sqlite3.SQLITE_OPEN_READWRITE | sqlite3.SQLITE_OPEN_NOMUTEX | sqlite3.SQLITE_OPEN_EXRESCODE
	rc := sqlite3.Xsqlite3_open_v2(c.tls, name.at, out.at, flags, 0)
	c.db = pointerAt(out.at) // set even after most errors; it has their message, and must be closed
	if rc != sqlite3.SQLITE_OK {
		return c.errorOf(rc)
	}
	return c.disableReplanning()
}

// disableReplanning keeps SQLite from planning a statement again when the value of an argument may make another index usable. For
// "user = ?", and a partial index of the rows with an empty user, it did so at every call, and took longer than the call.
func (c *Conn) disableReplanning() error {
	room, err := allocate(c.tls, 2*8) // 8 bytes for each argument, as libc.VaList lays them out
	if err != nil {
		return err
	}
	defer room.free(c.tls)
	if rc := sqlite3.Xsqlite3_db_config(c.tls, c.db, sqlite3.SQLITE_DBCONFIG_ENABLE_QPSG, libc.VaList(room.at, int32(1), uintptr(0))); rc != sqlite3.SQLITE_OK {
		return c.errorOf(rc)
	}
	return nil
}

// Close closes the connection and its statements, even running ones. It rolls an open transaction back. It may be called twice.
func (c *Conn) Close() error {
	c.interrupting.Lock()
	defer c.interrupting.Unlock()
	if !c.open {
		return nil
	}
	c.open = false
	for _, s := range c.stmts {
		s.finalize()
	}
	clear(c.stmts)
	var err error
	if rc := sqlite3.Xsqlite3_close(c.tls, c.db); rc != sqlite3.SQLITE_OK {
		err = c.errorOf(rc)
	}
	c.db = 0
	c.tls.Close()
	return err
}

// Interrupt makes the statement that is being stepped fail with SQLITE_INTERRUPT. It has no effect on a statement that begins later, so
// a caller repeats it until the statement has ended. Any goroutine may call it, even after Close.
func (c *Conn) Interrupt() {
	c.interrupting.Lock()
	defer c.interrupting.Unlock()
	if !c.open {
		return
	}
	tls := libc.NewTLS() // c.tls is in use
	defer tls.Close()
	sqlite3.Xsqlite3_interrupt(tls, c.db)
}

// Exec runs one statement without preparing it for later use, and ignores its rows.
func (c *Conn) Exec(text string) error {
	s, err := c.compile(text, 0)
	if err != nil {
		return err
	}
	defer s.finalize()
	if err := s.Bind(); err != nil {
		return err
	}
	for more := true; more && err == nil; {
		more, err = s.Step()
	}
	return err
}

// Changes returns how many rows the last completed INSERT, UPDATE or DELETE affected.
func (c *Conn) Changes() int64 { return sqlite3.Xsqlite3_changes64(c.tls, c.db) }

// SetBusyTimeout sets how long a statement waits for another connection's lock before it fails with SQLITE_BUSY.
func (c *Conn) SetBusyTimeout(d time.Duration) error {
	if rc := sqlite3.Xsqlite3_busy_timeout(c.tls, c.db, int32(d.Milliseconds())); rc != sqlite3.SQLITE_OK {
		return c.errorOf(rc)
	}
	return nil
}

// Checkpoint is a mode of checkpoints: how much of the write-ahead log they copy into the database file.
type Checkpoint int32

// https://sqlite.org/c3ref/wal_checkpoint_v2.html
const (
	CheckpointNothing Checkpoint = sqlite3.SQLITE_CHECKPOINT_NOOP    // copies nothing
	CheckpointPassive Checkpoint = sqlite3.SQLITE_CHECKPOINT_PASSIVE // copies as much as it can without waiting
	CheckpointRestart Checkpoint = sqlite3.SQLITE_CHECKPOINT_RESTART // copies all, and waits until the next write can restart the log
)

// Checkpoint copies pages of the write-ahead log into the database file. It returns how many pages the log has, and how many of them
// are copied. It fails with SQLITE_BUSY if it cannot do all that the mode promises within the busy timeout; the pages that it has
// copied stay copied.
func (c *Conn) Checkpoint(mode Checkpoint) (logged, copied int, err error) {
	out, err := allocate(c.tls, 8)
	if err != nil {
		return 0, 0, err
	}
	defer out.free(c.tls)
	rc := sqlite3.Xsqlite3_wal_checkpoint_v2(c.tls, c.db, 0, int32(mode), out.at, out.at+4)
	counts := unsafe.Slice((*int32)(pointer(out.at)), 2)
	if rc != sqlite3.SQLITE_OK {
		err = c.errorOf(rc)
	}
	return int(counts[0]), int(counts[1]), err
}

// SyncData makes all connections of the process flush files by fdatasync(2) instead of fsync(2). fdatasync does not flush a file's
// times, for which a file system would write its own journal at each commit. On systems without fdatasync, SyncData does nothing.
func SyncData() error {
	if _, err := sqlite.Fdatasync(true); err != nil && !errors.Is(err, sqlite.ErrFdatasyncUnavailable) {
		return fmt.Errorf("SQLite: fdatasync: %w", err)
	}
	return nil
}
