package litedb

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"reflect"
	"unsafe"

	sqlite3 "modernc.org/sqlite/lib"
)

// keptBytes is how much memory for arguments a statement keeps for the next time.
const keptBytes = 64 << 10

// Bind sets all parameters. order says which of the values each of them gets; nil: as they stand. Values are nil, strings,
// integers and bools, also of types of that kind, and []byte, of which a nil one is NULL.
func (s *Stmt) Bind(values []any, order []int) error {
	n := len(values)
	if order != nil {
		n = len(order)
	}
	switch {
	case s.at == 0:
		return errClosed
	case s.running:
		return errors.New("SQLite: the statement is under way")
	case n != s.params:
		return fmt.Errorf("SQLite: %d arguments; want %d", n, s.params)
	}
	if err := s.makeRoom(n, values, order); err != nil {
		return err
	}
	free := bytesAt(s.args.at, s.args.size)
	for i := range n {
		v, err := pick(i, values, order)
		if err != nil {
			return err
		}
		if err := s.bind(int32(i+1), v, free); err != nil {
			return err
		}
		free = free[len(v.bytes):]
	}
	return nil
}

func pick(i int, values []any, order []int) (value, error) {
	if order != nil {
		i = order[i]
	}
	v, ok := valueOf(values[i])
	if !ok {
		return v, fmt.Errorf("SQLite: argument %d is a %T; want a string, an integer, a bool or bytes", i+1, values[i])
	}
	return v, nil
}

// makeRoom gets memory for the bytes of all arguments before the first of them is bound: later it could not move.
func (s *Stmt) makeRoom(n int, values []any, order []int) error {
	size := 1 // so that also an empty text has an address; without one it would be NULL
	for i := range n {
		v, err := pick(i, values, order)
		if err != nil {
			return err
		}
		size += len(v.bytes)
	}
	s.quotable = size > 1
	if size > math.MaxInt32 {
		return &Error{Code: sqlite3.SQLITE_TOOBIG, Message: "the arguments are too big"}
	}
	if size <= s.args.size {
		return nil
	}
	room, err := allocate(s.c.tls, 1<<bits.Len(uint(size|63)))
	if err == nil {
		s.args.free(s.c.tls) // still bound, and not read before it is bound anew
		s.args = room
	}
	return err
}

// bind sets one parameter; its bytes go to the front of free.
func (s *Stmt) bind(i int32, v value, free []byte) error {
	at := uintptr(unsafe.Pointer(unsafe.SliceData(free)))
	size := int32(copy(free, v.bytes))
	var rc int32
	switch v.kind {
	case sqlite3.SQLITE_INTEGER:
		rc = sqlite3.Xsqlite3_bind_int64(s.c.tls, s.at, i, v.n)
	case sqlite3.SQLITE_TEXT:
		rc = sqlite3.Xsqlite3_bind_text(s.c.tls, s.at, i, at, size, sqlite3.SQLITE_STATIC)
	case sqlite3.SQLITE_BLOB:
		rc = sqlite3.Xsqlite3_bind_blob(s.c.tls, s.at, i, at, size, sqlite3.SQLITE_STATIC)
	default:
		rc = sqlite3.Xsqlite3_bind_null(s.c.tls, s.at, i)
	}
	if rc != sqlite3.SQLITE_OK {
		return s.c.errorOf(rc)
	}
	return nil
}

// value is an argument as SQLite knows it.
type value struct {
	kind  int
	n     int64
	bytes string // of a text or a blob; those of the argument itself
}

func integer(n int64) value { return value{kind: sqlite3.SQLITE_INTEGER, n: n} }
func text(s string) value   { return value{kind: sqlite3.SQLITE_TEXT, bytes: s} }

func blob(b []byte) value {
	if b == nil {
		return value{kind: sqlite3.SQLITE_NULL}
	}
	return value{kind: sqlite3.SQLITE_BLOB, bytes: unsafe.String(unsafe.SliceData(b), len(b))}
}

func valueOf(v any) (value, bool) {
	switch v := v.(type) {
	case nil:
		return value{kind: sqlite3.SQLITE_NULL}, true
	case string:
		return text(v), true
	case int64:
		return integer(v), true
	case int:
		return integer(int64(v)), true
	case []byte:
		return blob(v), true
	}
	switch v := reflect.ValueOf(v); {
	case v.Kind() == reflect.String:
		return text(v.String()), true
	case v.CanInt():
		return integer(v.Int()), true
	case v.Kind() == reflect.Bool && v.Bool():
		return integer(1), true
	case v.Kind() == reflect.Bool:
		return integer(0), true
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8:
		return blob(v.Bytes()), true
	}
	return value{}, false
}
