package litedb

import (
	"errors"
	"strings"
	"unsafe"

	sqlite3 "modernc.org/sqlite/lib"
)

// Stmt is a prepared statement, which its connection caches and frees.
type Stmt struct {
	c       *Conn
	at      uintptr
	params  int
	columns int
	args    memory  // the bytes of the bound arguments
	values  []Value // reused by Bind

	running  bool // stepped, and not reset since
	quotable bool // texts or blobs are bound, which functions such as json_extract quote in their errors
}

// Prepare returns the statement with this text. It prepares it the first time only.
func (c *Conn) Prepare(text string) (*Stmt, error) {
	if s := c.stmts[text]; s != nil {
		return s, nil
	}
	s, err := c.compile(text, sqlite3.SQLITE_PREPARE_PERSISTENT)
	if err == nil {
		c.stmts[text] = s
	}
	return s, err
}

func (c *Conn) compile(text string, flags uint32) (*Stmt, error) {
	if c.db == 0 {
		return nil, errClosed
	}
	source, err := allocateString(c.tls, text)
	if err != nil {
		return nil, err
	}
	defer source.free(c.tls)
	const word = unsafe.Sizeof(uintptr(0))
	out, err := allocate(c.tls, int(2*word))
	if err != nil {
		return nil, err
	}
	defer out.free(c.tls)
	if rc := sqlite3.Xsqlite3_prepare_v3(c.tls, c.db, source.at, int32(source.size), flags, out.at, out.at+word); rc != sqlite3.SQLITE_OK {
		return nil, c.errorOf(rc)
	}
	s := &Stmt{c: c, at: pointerAt(out.at)}
	rest := text[min(int(pointerAt(out.at+word)-source.at), len(text)):]
	if s.at == 0 || strings.Trim(rest, " \t\n;") != "" {
		s.finalize()
		return nil, errors.New("SQLite: want one statement")
	}
	s.params = int(sqlite3.Xsqlite3_bind_parameter_count(c.tls, s.at))
	s.columns = int(sqlite3.Xsqlite3_column_count(c.tls, s.at))
	return s, nil
}

func (s *Stmt) finalize() {
	sqlite3.Xsqlite3_finalize(s.c.tls, s.at) // repeats the error of the last step
	s.at = 0
	s.args.free(s.c.tls)
}

// Step runs the statement to its next row, and reports whether there is one.
func (s *Stmt) Step() (bool, error) {
	if s.at == 0 {
		return false, errClosed
	}
	s.running = true
	switch rc := sqlite3.Xsqlite3_step(s.c.tls, s.at); rc {
	case sqlite3.SQLITE_ROW:
		return true, nil
	case sqlite3.SQLITE_DONE:
		return false, nil
	case sqlite3.SQLITE_ERROR:
		if s.quotable {
			return false, s.c.plainError(rc)
		}
		fallthrough
	default:
		return false, s.c.errorOf(rc)
	}
}

// Reset ends the statement, and releases its locks on the database. A statement that has been stepped has to be reset before it is
// bound again.
func (s *Stmt) Reset() {
	if s.at == 0 {
		return
	}
	sqlite3.Xsqlite3_reset(s.c.tls, s.at) // repeats the error of the last step
	s.running = false
	if s.args.size > maxRetainedBytes {
		sqlite3.Xsqlite3_clear_bindings(s.c.tls, s.at)
		s.args.free(s.c.tls)
	}
}

// Plans returns how often the statement has been planned, including when it was prepared.
func (s *Stmt) Plans() int {
	return 1 + int(sqlite3.Xsqlite3_stmt_status(s.c.tls, s.at, sqlite3.SQLITE_STMTSTATUS_REPREPARE, 0))
}
