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
	tls   *libc.TLS
	db    uintptr // 0 once it is closed
	stmts map[string]*Stmt
	words map[string]string // see word

	interrupting sync.Mutex // held while Interrupt uses open
	open         bool       // guarded by interrupting
}

// Open opens a database file that is there. Close the connection.
func Open(path string) (*Conn, error) {
	if strings.IndexByte(path, 0) >= 0 {
		return nil, errors.New("SQLite: a path with a zero byte")
	}
	c := &Conn{tls: libc.NewTLS(), stmts: map[string]*Stmt{}, words: map[string]string{}, open: true}
	if err := c.openFile(path); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// openFile spares SQLite's own mutex: there is one caller at a time.
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
	c.db = pointerAt(out.at) // also after most errors: it tells them, and is to be closed
	if rc != sqlite3.SQLITE_OK {
		return c.errorOf(rc)
	}
	return c.planOnce()
}

// planOnce keeps SQLite from planning a statement anew when the value of an argument could make another index the right one: for
// "user = ?" beside an index of rows "WHERE user = ”" that was at every call, and took more time than the call.
func (c *Conn) planOnce() error {
	room, err := allocate(c.tls, 2*8) // a place of 8 bytes for each argument, as libc.VaList has them
	if err != nil {
		return err
	}
	defer room.free(c.tls)
	if rc := sqlite3.Xsqlite3_db_config(c.tls, c.db, sqlite3.SQLITE_DBCONFIG_ENABLE_QPSG, libc.VaList(room.at, int32(1), uintptr(0))); rc != sqlite3.SQLITE_OK {
		return c.errorOf(rc)
	}
	return nil
}

// Close ends the statements, those under way too, and the connection. An open transaction is rolled back. Closing twice is
// no error.
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

// Interrupt makes the statement that is being stepped now fail with SQLITE_INTERRUPT. It has no effect on one that begins
// later, so who wants a statement to end calls it until that has ended. It may be called by any goroutine, also after Close.
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

// Exec runs one statement that is needed rarely, and drops its rows.
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

// Changes is how many rows the last INSERT, UPDATE or DELETE touched that has ended.
func (c *Conn) Changes() int64 { return sqlite3.Xsqlite3_changes64(c.tls, c.db) }

// SetBusyTimeout says how long to wait for a lock that another connection has before failing with SQLITE_BUSY.
func (c *Conn) SetBusyTimeout(d time.Duration) error {
	if rc := sqlite3.Xsqlite3_busy_timeout(c.tls, c.db, int32(d.Milliseconds())); rc != sqlite3.SQLITE_OK {
		return c.errorOf(rc)
	}
	return nil
}

// Checkpoint is how much of the write-ahead log is copied into the database file.
type Checkpoint int32

// https://sqlite.org/c3ref/wal_checkpoint_v2.html
const (
	CheckpointNothing Checkpoint = sqlite3.SQLITE_CHECKPOINT_NOOP    // asks only
	CheckpointPassive Checkpoint = sqlite3.SQLITE_CHECKPOINT_PASSIVE // as much as can be without waiting for anybody
	CheckpointRestart Checkpoint = sqlite3.SQLITE_CHECKPOINT_RESTART // all, and waits until the next write can begin the log anew
)

// Checkpoint copies from the write-ahead log and answers how many pages that has, and how many of them are copied. It fails
// with SQLITE_BUSY if it could not do all that the mode promises before the busy timeout; what it did then counts all the same.
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

// SyncData has SQLite flush with fdatasync(2) in place of fsync(2), for all connections of the process. That flushes the same
// but the times of a file, for which a file system would write its own journal at each commit. Where the system has no
// fdatasync, nothing changes.
func SyncData() error {
	if _, err := sqlite.Fdatasync(true); err != nil && !errors.Is(err, sqlite.ErrFdatasyncUnavailable) {
		return fmt.Errorf("SQLite: fdatasync: %w", err)
	}
	return nil
}
