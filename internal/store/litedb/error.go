package litedb

import (
	"errors"
	"fmt"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// Error is what SQLite answered. Its text may name tables, columns and words of the statement, and never holds an argument.
type Error struct {
	Code    int    // the extended result code, https://sqlite.org/rescode.html
	Message string // SQLite's
}

func (e *Error) Error() string { return fmt.Sprintf("%s (SQLite %d)", e.Message, e.Code) }

// Kind is the primary result code.
func (e *Error) Kind() int { return e.Code & 0xff }

var (
	errMemory = errors.New("SQLite: no memory")
	errClosed = errors.New("SQLite: the connection is closed")
)

// errorOf is the error of the last call, which returned rc. SQLite's message is used only if it is about that.
func (c *Conn) errorOf(rc int32) error {
	if c.db != 0 && sqlite3.Xsqlite3_extended_errcode(c.tls, c.db) == rc {
		return &Error{Code: int(rc), Message: libc.GoString(sqlite3.Xsqlite3_errmsg(c.tls, c.db))}
	}
	return c.plainError(rc)
}

// plainError says what rc means, and nothing of what was done.
func (c *Conn) plainError(rc int32) error {
	return &Error{Code: int(rc), Message: libc.GoString(sqlite3.Xsqlite3_errstr(c.tls, rc))}
}
