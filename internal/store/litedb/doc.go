// Package litedb is SQLite for one caller at a time: a thin binding of modernc.org/sqlite/lib without database/sql.
//
//	c, err := litedb.Open(path)
//	s, err := c.Prepare("SELECT name FROM users WHERE id = ?")
//	err = s.Bind(id)
//	more, err := s.Step() // and again while there is more
//	err = s.Scan(&name)
//	s.Reset()
//
// A connection and its statements belong to one goroutine at a time; only Interrupt may be called from another. Everything
// is freed by Close, and nothing by the garbage collector.
//
// Memory. What SQLite sees lies outside of Go's heap, in memory of the C library that SQLite was translated with, so that
// nothing moves or vanishes under it. The bytes of a statement's arguments are copied once, into memory of the statement,
// and SQLite is told that they stay as they are (SQLITE_STATIC). That holds because they are only ever written by Bind, which
// refuses a statement that has been stepped and not reset, and which binds all parameters anew. What Scan gives is copied
// into Go's heap, because SQLite keeps a column's bytes only until the next step.
package litedb
