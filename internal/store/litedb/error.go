package litedb

import (
	"errors"
	"fmt"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// Error is an error of SQLite. Its text may contain tables, columns and words of the statement, but never an argument.
type Error struct {
	Code    int    // the extended result code, https://sqlite.org/rescode.html
	Message string // SQLite's own
}

func (e *Error) Error() string { return fmt.Sprintf("%s (SQLite %d)", e.Message, e.Code) }

// Kind returns the primary result code.
func (e *Error) Kind() int { return e.Code & 0xff }

var (
	errMemory = errors.New("SQLite: no memory")
	errClosed = errors.New("SQLite: the connection is closed")
)

// errorOf returns the error of the last call, which returned rc. It uses SQLite's message only if that belongs to rc.
func (c *Conn) errorOf(rc int32) error {
	if c.db != 0 && sqlite3.Xsqlite3_extended_errcode(c.tls, c.db) == rc {
		return &Error{Code: int(rc), Message: libc.GoString(sqlite3.Xsqlite3_errmsg(c.tls, c.db))}
	}
	return c.plainError(rc)
}

// plainError returns an error with the general meaning of rc, and nothing from the statement.
func (c *Conn) plainError(rc int32) error {
	return &Error{Code: int(rc), Message: libc.GoString(sqlite3.Xsqlite3_errstr(c.tls, rc))}
}
