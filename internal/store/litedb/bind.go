package litedb

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"reflect"
	"slices"
	"unsafe"

	sqlite3 "modernc.org/sqlite/lib"
)

// keptBytes is how much memory for arguments a statement keeps for the next time.
const keptBytes = 64 << 10

// Bind sets all parameters, as they stand. Values are nil, strings, integers and bools, also of types of that kind, and []byte, of
// which a nil one is NULL.
func (s *Stmt) Bind(values ...any) error {
	s.values = slices.Grow(s.values[:0], len(values))
	for i, v := range values {
		known, ok := valueOf(v)
		if !ok {
			return fmt.Errorf("SQLite: argument %d is a %T; want a string, an integer, a bool or bytes", i+1, v)
		}
		s.values = append(s.values, known)
	}
	defer clear(s.values)
	return s.BindValues(s.values, nil)
}

// BindValues sets all parameters. order says which of the values each of them gets; nil: as they stand.
func (s *Stmt) BindValues(values []Value, order []int) error {
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
	pick := func(i int) *Value {
		if order != nil {
			i = order[i]
		}
		return &values[i]
	}
	size := 1 // so that also an empty text has an address; without one it would be NULL
	for i := range n {
		size += len(pick(i).bytes)
	}
	if err := s.makeRoom(size); err != nil {
		return err
	}
	free := bytesAt(s.args.at, s.args.size)
	for i := range n {
		v := pick(i)
		if err := s.bind(int32(i+1), v, free); err != nil {
			return err
		}
		free = free[len(v.bytes):]
	}
	return nil
}

// makeRoom gets memory for the bytes of all arguments before the first of them is bound: later it could not move.
func (s *Stmt) makeRoom(size int) error {
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
func (s *Stmt) bind(i int32, v *Value, free []byte) error {
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

// Value is an argument as SQLite knows it. Its zero value is NULL.
type Value struct {
	kind  int32
	n     int64
	bytes string // of a text or a blob; those of the argument itself
}

// Integer is an integer.
func Integer(n int64) Value { return Value{kind: sqlite3.SQLITE_INTEGER, n: n} }

// Text is a text.
func Text(s string) Value { return Value{kind: sqlite3.SQLITE_TEXT, bytes: s} }

// Blob is a blob, which is not to be changed before the statement has been reset; NULL for nil.
func Blob(b []byte) Value {
	if b == nil {
		return Value{}
	}
	return Value{kind: sqlite3.SQLITE_BLOB, bytes: unsafe.String(unsafe.SliceData(b), len(b))}
}

// Null reports whether a value is NULL.
func (v Value) Null() bool { return v.kind == 0 || v.kind == sqlite3.SQLITE_NULL }

// Integer is the number of an integer.
func (v Value) Integer() int64 { return v.n }

// Text is the text, or the bytes of a blob.
func (v Value) Text() string { return v.bytes }

// valueOf is the value of what Bind takes, and false of anything else.
func valueOf(v any) (Value, bool) {
	switch v := v.(type) {
	case nil:
		return Value{}, true
	case string:
		return Text(v), true
	case int64:
		return Integer(v), true
	case int:
		return Integer(int64(v)), true
	case []byte:
		return Blob(v), true
	}
	switch v := reflect.ValueOf(v); {
	case v.Kind() == reflect.String:
		return Text(v.String()), true
	case v.CanInt():
		return Integer(v.Int()), true
	case v.Kind() == reflect.Bool && v.Bool():
		return Integer(1), true
	case v.Kind() == reflect.Bool:
		return Integer(0), true
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8:
		return Blob(v.Bytes()), true
	}
	return Value{}, false
}
