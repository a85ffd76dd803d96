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

// maxRetainedBytes is how much memory for arguments a statement retains after Reset, at most.
const maxRetainedBytes = 64 << 10

// Bind sets all parameters, in order. A value is nil, a string, an integer, a bool, or of a type of one of these kinds, or a []byte. nil
// and a nil []byte are NULL.
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

// BindValues sets all parameters. order has the index of each parameter's value; nil means that the values are in order.
func (s *Stmt) BindValues(values []Value, order []int) error {
	n := len(values)
	if order != nil {
		n = len(order)
	}
	switch {
	case s.at == 0:
		return errClosed
	case s.running:
		return errors.New("SQLite: the statement is running; reset it before binding")
	case n != s.params:
		return fmt.Errorf("SQLite: %d arguments; want %d", n, s.params)
	}
	pick := func(i int) *Value {
		if order != nil {
			i = order[i]
		}
		return &values[i]
	}
	size := 1 // so that even an empty text has an address, without which it would be NULL
	for i := range n {
		size += len(pick(i).bytes)
	}
	if err := s.reserveArgs(size); err != nil {
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

// reserveArgs allocates memory for the bytes of all arguments before the first is bound, since it cannot move after that.
func (s *Stmt) reserveArgs(size int) error {
	s.quotable = size > 1
	if size > math.MaxInt32 {
		return &Error{Code: sqlite3.SQLITE_TOOBIG, Message: "the arguments are too big"}
	}
	if size <= s.args.size {
		return nil
	}
	room, err := allocate(s.c.tls, 1<<bits.Len(uint(size|63)))
	if err == nil {
		s.args.free(s.c.tls) // still bound, but not read before all parameters are bound again
		s.args = room
	}
	return err
}

// bind sets one parameter, and copies its bytes to the front of free.
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

// Value is an argument of one of SQLite's types. Its zero value is NULL.
type Value struct {
	kind  int32
	n     int64
	bytes string // of a text or a blob; not a copy
}

// Integer returns an integer.
func Integer(n int64) Value { return Value{kind: sqlite3.SQLITE_INTEGER, n: n} }

// Text returns a text.
func Text(s string) Value { return Value{kind: sqlite3.SQLITE_TEXT, bytes: s} }

// Blob returns a blob; NULL for nil. b must not be changed before the statement is reset.
func Blob(b []byte) Value {
	if b == nil {
		return Value{}
	}
	return Value{kind: sqlite3.SQLITE_BLOB, bytes: unsafe.String(unsafe.SliceData(b), len(b))}
}

// Null reports whether a value is NULL.
func (v Value) Null() bool { return v.kind == 0 || v.kind == sqlite3.SQLITE_NULL }

// Integer returns the number of an integer.
func (v Value) Integer() int64 { return v.n }

// Text returns a text, or the bytes of a blob.
func (v Value) Text() string { return v.bytes }

// valueOf returns the Value of an argument of Bind; false if its type is not supported.
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
