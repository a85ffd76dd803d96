package litedb

import (
	"errors"
	"fmt"
	"reflect"

	sqlite3 "modernc.org/sqlite/lib"
)

// Scan reads all columns of the current row. A destination is a pointer to a string, an integer, a bool or a type of one of these
// kinds, to a []byte, or to a pointer to any of them. NULL is read as a nil pointer or a nil []byte; other destinations refuse it.
// Both texts and blobs can be read into strings and into bytes.
func (s *Stmt) Scan(dest ...any) error {
	if len(dest) != s.columns {
		return fmt.Errorf("SQLite: %d destinations; the row has %d columns", len(dest), s.columns)
	}
	for i, d := range dest {
		if err := s.column(int32(i), d); err != nil {
			return fmt.Errorf("SQLite: column %d into a %T: %w", i+1, d, err)
		}
	}
	return nil
}

func (s *Stmt) column(i int32, dest any) (err error) {
	switch d := dest.(type) {
	case *string:
		*d, err = s.text(i)
	case *int64:
		*d, err = s.integer(i)
	case *int:
		var n int64
		n, err = s.integer(i)
		*d = int(n)
	case *[]byte:
		*d, err = s.bytes(i)
	case **int64:
		if *d = nil; !s.null(i) {
			*d = new(int64)
			**d, err = s.integer(i)
		}
	default:
		v := reflect.ValueOf(dest)
		if v.Kind() != reflect.Pointer || v.IsNil() {
			return errDestination
		}
		err = s.reflected(i, v.Elem())
	}
	return err
}

func (s *Stmt) reflected(i int32, v reflect.Value) error {
	switch {
	case v.Kind() == reflect.String:
		b, err := s.borrow(i)
		if err == nil && b == nil {
			err = errNull
		}
		v.SetString(s.c.intern(b))
		return err
	case v.CanInt():
		n, err := s.integer(i)
		if err == nil && v.OverflowInt(n) {
			return errors.New("the number is too large")
		}
		v.SetInt(n)
		return err
	case v.Kind() == reflect.Bool:
		n, err := s.integer(i)
		v.SetBool(n != 0)
		return err
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8:
		b, err := s.bytes(i)
		v.SetBytes(b)
		return err
	case v.Kind() == reflect.Pointer:
		v.SetZero()
		if s.null(i) {
			return nil
		}
		v.Set(reflect.New(v.Type().Elem()))
		return s.reflected(i, v.Elem())
	}
	return errDestination
}

var (
	errDestination = errors.New("unsupported destination")
	errNull        = errors.New("it is NULL")
	errNoInteger   = errors.New("it is not an integer")
	errNoText      = errors.New("it is neither text nor blob")
)

func (s *Stmt) kind(i int32) int32 { return sqlite3.Xsqlite3_column_type(s.c.tls, s.at, i) }
func (s *Stmt) null(i int32) bool  { return s.kind(i) == sqlite3.SQLITE_NULL }

func (s *Stmt) integer(i int32) (int64, error) {
	switch s.kind(i) {
	case sqlite3.SQLITE_INTEGER:
		return sqlite3.Xsqlite3_column_int64(s.c.tls, s.at, i), nil
	case sqlite3.SQLITE_NULL:
		return 0, errNull
	}
	return 0, errNoInteger
}

func (s *Stmt) text(i int32) (string, error) {
	b, err := s.borrow(i)
	if err == nil && b == nil {
		return "", errNull
	}
	return string(b), err
}

// Texts of named string types mostly have a few different values. So short ones are interned.
const (
	maxInternedBytes = 16
	maxInterned      = 256
)

// intern returns a text. Short ones are allocated once.
func (c *Conn) intern(b []byte) string {
	if len(b) > maxInternedBytes {
		return string(b)
	}
	w, known := c.interned[string(b)]
	if !known {
		if w = string(b); len(c.interned) < maxInterned {
			c.interned[w] = w
		}
	}
	return w
}

func (s *Stmt) bytes(i int32) ([]byte, error) {
	b, err := s.borrow(i)
	if b == nil {
		return nil, err
	}
	return append(make([]byte, 0, len(b)), b...), err
}

// borrow returns a text or a blob in SQLite's own memory, valid until the next step; nil for NULL.
func (s *Stmt) borrow(i int32) ([]byte, error) {
	var at uintptr
	switch s.kind(i) {
	case sqlite3.SQLITE_NULL:
		return nil, nil
	case sqlite3.SQLITE_TEXT:
		at = sqlite3.Xsqlite3_column_text(s.c.tls, s.at, i)
	case sqlite3.SQLITE_BLOB:
		at = sqlite3.Xsqlite3_column_blob(s.c.tls, s.at, i)
	default:
		return nil, errNoText
	}
	size := int(sqlite3.Xsqlite3_column_bytes(s.c.tls, s.at, i))
	switch {
	case size == 0:
		return []byte{}, nil // an empty blob has no address
	case at == 0:
		return nil, errMemory
	}
	return bytesAt(at, size), nil
}
