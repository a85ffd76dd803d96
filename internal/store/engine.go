package store

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/hushpush/hush/push"
)

// engine is one of the two databases. It hides what differs between them.
type engine interface {
	// begin starts a writing transaction. Only the writer's committers call it, and each has one transaction at a time.
	begin(ctx context.Context) (transaction, error)
	// reader returns a runner of single queries outside of any transaction.
	reader() runner
	ping(ctx context.Context) error
	// maintain does upkeep between two batches, after the callers of the first have returned.
	maintain()
	// classify returns what an error of a transaction means for it.
	classify(err error) verdict
	locksRows() bool // reports whether other transactions may write at the same time, so that rows have to be locked
	// fence makes every later transaction fail with errOusted once another process has claimed the database.
	fence()
	close() error
}

// runner runs statements in order, and stops at the first error.
type runner interface {
	run(ctx context.Context, stmts ...*stmt) error
}

// transaction is a runner whose changes take effect with commit. Exactly one of commit and rollback ends it.
type transaction interface {
	runner
	// commit returns nil only once the changes are flushed to disk. If its error wraps errUnknown, the outcome is unknown.
	commit(ctx context.Context) error
	rollback()
}

// verdict is the consequence of an error for a transaction.
type verdict int

const (
	verdictError  verdict = iota // one of the statements is at fault
	verdictRepeat                // no statement is at fault, as with a deadlock: run the transaction again
	verdictLost                  // the connection was lost
	verdictFatal                 // the disk failed, and its contents are unknown
	verdictOusted                // another process has claimed the database
)

// stmt is one statement, with the functions that read its result.
type stmt struct {
	sql  string
	args []any
	fold *folded // if not nil, the statement runs for each of rows
	rows *rows
	row  func(scan scanFunc) error // called for each row of a query's result; nil for a statement whose result has none
	hit  func(row int)             // see folded.hits
	n    int64                     // the rows affected, once a statement without result rows has run
}

type scanFunc func(dest ...any) error

// exec returns a statement whose result has no rows.
func exec(sql string, args ...any) *stmt { return &stmt{sql: sql, args: args} }

// each returns a query that calls row for each row of its result.
func each(row func(scanFunc) error, sql string, args ...any) *stmt {
	return &stmt{sql: sql, args: args, row: row}
}

// into returns a query that reads its rows by read and appends them to list.
func into[T any](list *[]T, read func(scanFunc) (T, error), sql string, args ...any) *stmt {
	return each(func(scan scanFunc) error {
		v, err := read(scan)
		if err == nil {
			*list = append(*list, v)
		}
		return err
	}, sql, args...)
}

// all runs one query and returns its rows.
func all[T any](ctx context.Context, r runner, read func(scanFunc) (T, error), sql string, args ...any) ([]T, error) {
	var list []T
	err := r.run(ctx, into(&list, read, sql, args...))
	return list, err
}

// one runs a query and returns its first row; without one, its error is push.ErrNotFound.
func one[T any](ctx context.Context, r runner, read func(scanFunc) (T, error), sql string, args ...any) (T, error) {
	list, err := all(ctx, r, read, sql, args...)
	if err == nil && len(list) == 0 {
		err = push.ErrNotFound
	}
	if err != nil {
		var zero T
		return zero, err
	}
	return list[0], nil
}

// scalar reads a row with one column.
func scalar[T any](scan scanFunc) (v T, err error) {
	err = scan(&v)
	return v, err
}

// translator translates the statements of this package into the dialect of one database, and caches the result. It replaces:
//
//	?        an argument
//	{lock}   locks the rows read until the transaction ends
//	{skip}   the same, but skips rows that another transaction has locked
//	{bytes}  the type of a binary column, for CAST
//	{app}    the app of a device d, as the index devices_of_app spells it
//	{n}      the number of a device d, as that index spells it
type translator struct {
	words    *strings.Replacer
	numbered bool     // arguments are $1, $2, …
	cached   sync.Map // string → string
}

var sqliteWords = strings.NewReplacer("{lock}", "", "{skip}", "", "{bytes}", "BLOB", "{app}", "d.app", "{n}", "d.n")

var postgresWords = strings.NewReplacer("{lock}", "FOR UPDATE", "{skip}", "FOR UPDATE SKIP LOCKED", "{bytes}", "bytea",
	"{app}", "(d.app || '')", "{n}", "(d.n + 0)")

func (t *translator) spell(sql string) string {
	if !t.numbered && strings.IndexByte(sql, '{') < 0 {
		return sql
	}
	if s, ok := t.cached.Load(sql); ok {
		return s.(string)
	}
	out := t.words.Replace(sql)
	if t.numbered {
		var b strings.Builder
		n := 0
		for _, c := range out {
			if c != '?' {
				b.WriteRune(c)
				continue
			}
			n++
			b.WriteString("$" + strconv.Itoa(n))
		}
		out = b.String()
	}
	t.cached.Store(sql, out)
	return out
}

// wrap names the statement that failed by its first words. It leaves out the arguments, which may be secret.
func (s *stmt) wrap(err error) error {
	words := strings.Fields(s.sql)
	return fmt.Errorf("%s: %w", strings.Join(words[:min(len(words), 4)], " "), err)
}
