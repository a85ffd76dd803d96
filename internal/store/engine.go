package store

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/hushpush/hush/push"
)

// engine is one of the two databases. What differs between them is behind it.
type engine interface {
	// begin starts a writing transaction. Only the writer calls it, one at a time.
	begin(ctx context.Context) (transaction, error)
	// reader runs single queries outside of any transaction.
	reader() runner
	ping(ctx context.Context) error
	// settle is called by the writer between two batches, when the callers of the first have their answers.
	maintain()
	// judge says what an error of a transaction means for it.
	classify(err error) verdict
	locksRows() bool // whether others may write at the same time
	// fence makes every transaction from now on fail with errOusted where another process has claimed the database.
	fence()
	close() error
}

// runner runs statements in order. The first error ends it.
type runner interface {
	run(ctx context.Context, stmts ...*stmt) error
}

// transaction is a runner whose work is kept by commit. Exactly one of commit and rollback ends it.
type transaction interface {
	runner
	// commit answers nil only when the work is flushed to disk. With errUnknown in its error the outcome is unknown.
	commit(ctx context.Context) error
	rollback()
}

// verdict is what an error means for a transaction.
type verdict int

const (
	verdictError  verdict = iota // one of the statements is at fault
	verdictRepeat                // nobody is: a deadlock, a serialization failure; the same again
	verdictLost                  // the connection is gone
	verdictFatal                 // the disk failed: what is on it is unknown
	verdictOusted                // another process has the database
)

// stmt is one statement, with what is to be done with its rows.
type stmt struct {
	sql  string
	args []any
	fold *folded // if not nil, the statement is run for each of rows
	rows *rows
	row  func(scan scanFunc) error // of a query, for each row; nil: a statement without rows
	hit  func(row int)             // see folded.hits
	n    int64                     // after it ran without rows: how many rows it touched
}

type scanFunc func(dest ...any) error

// exec is a statement without rows.
func exec(sql string, args ...any) *stmt { return &stmt{sql: sql, args: args} }

// each is a query; row is called for each row.
func each(row func(scanFunc) error, sql string, args ...any) *stmt {
	return &stmt{sql: sql, args: args, row: row}
}

// into is a query whose rows are read by read and appended to list.
func into[T any](list *[]T, read func(scanFunc) (T, error), sql string, args ...any) *stmt {
	return each(func(scan scanFunc) error {
		v, err := read(scan)
		if err == nil {
			*list = append(*list, v)
		}
		return err
	}, sql, args...)
}

// all runs one query and reads its rows.
func all[T any](ctx context.Context, r runner, read func(scanFunc) (T, error), sql string, args ...any) ([]T, error) {
	var list []T
	err := r.run(ctx, into(&list, read, sql, args...))
	return list, err
}

// one runs a query that has one row; push.ErrNotFound if there is none.
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

// scalar reads a row of one column.
func scalar[T any](scan scanFunc) (v T, err error) {
	err = scan(&v)
	return v, err
}

// translator spells what the statements in this package leave open, as one database has it, and remembers the result:
//
//	?        an argument
//	{lock}   locks the rows that were read until the transaction ends
//	{skip}   the same, without those that another transaction has locked
//	{bytes}  the type of a column of bytes, for CAST
//	{app}    of devices d, their app, as devices_of_app has it
//	{n}      and their number
type translator struct {
	words    *strings.Replacer
	numbered bool     // arguments are $1, $2, …
	known    sync.Map // string → string
}

var sqliteWords = strings.NewReplacer("{lock}", "", "{skip}", "", "{bytes}", "BLOB", "{app}", "d.app", "{n}", "d.n")

var postgresWords = strings.NewReplacer("{lock}", "FOR UPDATE", "{skip}", "FOR UPDATE SKIP LOCKED", "{bytes}", "bytea",
	"{app}", "(d.app || '')", "{n}", "(d.n + 0)")

func (t *translator) spell(sql string) string {
	if !t.numbered && strings.IndexByte(sql, '{') < 0 {
		return sql
	}
	if s, ok := t.known.Load(sql); ok {
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
	t.known.Store(sql, out)
	return out
}

// at names the statement that failed by its first words; arguments may be secret.
func (s *stmt) wrap(err error) error {
	words := strings.Fields(s.sql)
	return fmt.Errorf("%s: %w", strings.Join(words[:min(len(words), 4)], " "), err)
}
