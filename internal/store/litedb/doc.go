// Package litedb binds SQLite for one caller at a time: a thin layer over modernc.org/sqlite/lib, without database/sql.
//
//	c, err := litedb.Open(path)
//	s, err := c.Prepare("SELECT name FROM users WHERE id = ?")
//	err = s.Bind(id)
//	more, err := s.Step() // and again while there is more
//	err = s.Scan(&name)
//	s.Reset()
//
// A connection and its statements belong to one goroutine at a time; only Interrupt may be called from another. Close frees all
// memory, and the garbage collector none of it.
//
// Memory. SQLite sees only memory outside of Go's heap, from the C library that SQLite was translated with, so that nothing moves or
// vanishes under it. The bytes of a statement's arguments are copied once, into memory of the statement, and are bound as
// SQLITE_STATIC, which promises that they do not change. The promise holds because only Bind writes them: it refuses a statement
// that has been stepped and not reset, and binds all parameters again. Scan copies a row into Go's heap, because SQLite keeps a
// column's bytes only until the next step.
package litedb
