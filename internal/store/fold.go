package store

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/hushpush/hush/internal/store/litedb"
)

// folded is one statement for many rows of values, such as one change for each row of a table.
// PostgreSQL gets all rows at once, each column as an array, since there a statement costs a good part of what its work does.
// SQLite, which runs in this process, executes a prepared statement for each row. One argument with all rows as JSON took it
// twice as long.
//
// In the text, r.name is a column of the rows. {rows} is where PostgreSQL reads them from; it stands alone after FROM, or before
// a comma and other tables. {lateral} stands before a subquery that uses them, and {hits} at the end of a statement for hits.
type folded struct {
	columns  []column
	postgres string
	sqlite   string
	order    []int  // the column of each of SQLite's arguments
	many     string // SQLite's statement for rowsAtOnce rows; "" if there is none
}

type column struct {
	name string
	kind string // text, int or blob; each may be NULL
}

var (
	rowColumn      = regexp.MustCompile(`\br\.(\w+)`)
	sqliteReplacer = strings.NewReplacer(" FROM {rows}, ", " FROM ", "\tFROM {rows}, ", "\tFROM ", " FROM {rows}", "", "{lateral} ", "", " {hits}", "")
	arrayTypes     = map[string]string{"text": "text[]", "int": "bigint[]", "blob": "bytea[]"}
)

// fold returns a folded statement. The columns of its rows are written as "name kind, name kind".
func fold(columns, sql string) *folded {
	f := &folded{}
	var names, arrays []string
	for i, c := range strings.Split(columns, ",") {
		name, kind, _ := strings.Cut(strings.TrimSpace(c), " ")
		f.columns = append(f.columns, column{name, kind})
		names, arrays = append(names, name), append(arrays, fmt.Sprintf("$%d::%s", i+1, arrayTypes[kind]))
	}
	from := "unnest(" + strings.Join(arrays, ", ") + ") AS r(" + strings.Join(names, ", ") + ")"
	f.postgres = strings.NewReplacer("{rows}", from, "{lateral}", "LATERAL", "{bytes}", "bytea", "{hits}", "RETURNING r.number").Replace(sql)
	f.sqlite = rowColumn.ReplaceAllStringFunc(sqliteReplacer.Replace(sql), func(name string) string {
		f.order = append(f.order, slices.Index(names, strings.TrimPrefix(name, "r.")))
		return "?"
	})
	return f
}

// foldInsert returns a folded statement that inserts rows into these columns of a table.
func foldInsert(table, columns string) *folded { return foldPut(table, columns, "") }

// rowsAtOnce is how many rows SQLite inserts by one statement if there are as many. It then opens each index once for all of them,
// and finds the place of a key next to the previous one without a search.
const rowsAtOnce = 32

// foldPut is foldInsert with clauses behind the rows, such as ON CONFLICT and RETURNING. SQLite gets its rows as VALUES. It needs no
// statement journal to insert one row, nor several OR FAIL; what a failed statement has inserted is rolled back with its
// transaction.
func foldPut(table, columns, then string) *folded {
	names, values := columnNames(columns), []string{}
	for _, name := range names {
		values = append(values, "r."+name)
	}
	into := "INSERT INTO " + table + " (" + strings.Join(names, ", ") + ") "
	f := fold(columns, into+"SELECT "+strings.Join(values, ", ")+" FROM {rows} "+then)
	row := "(?" + strings.Repeat(", ?", len(names)-1) + ")"
	f.sqlite = into + "VALUES " + row + " " + then
	if !strings.Contains(then, "RETURNING") {
		f.many = strings.Replace(into, "INSERT", "INSERT OR FAIL", 1) + "VALUES " + row + strings.Repeat(", "+row, rowsAtOnce-1) + " " + then
	}
	return f
}

func columnNames(columns string) (names []string) {
	for c := range strings.SplitSeq(columns, ",") {
		names = append(names, strings.Fields(c)[0])
	}
	return names
}

// rows are the rows of values that a folded statement runs for, one behind the other. They serve one run: the statement frees
// them, so an op that runs again makes new ones.
type rows struct {
	width  int
	args   []arg
	pooled *[]arg // the slice from argPool that args use; nil for none
}

// arg is one value of a row. Its zero value is NULL.
type arg = litedb.Value

// argPool reuses the memory for values of statements that have run.
var argPool = sync.Pool{New: func() any { return new([]arg) }}

// maxPooledArgs is the largest capacity that goes back to argPool.
const maxPooledArgs = 32 << 10

// rows returns empty rows of the statement's columns, with room for n.
func (f *folded) rows(n int) *rows {
	r := &rows{width: len(f.columns)}
	if n > 0 {
		r.grow(n)
	}
	return r
}

func (r *rows) grow(n int) {
	if r.pooled == nil {
		r.pooled = argPool.Get().(*[]arg)
		r.args = (*r.pooled)[:0]
	}
	r.args = slices.Grow(r.args, n*r.width)
}

// free gives the memory back to argPool once the statement has run.
func (r *rows) free() {
	if r == nil || r.pooled == nil || cap(r.args) > maxPooledArgs {
		return
	}
	clear(r.args)
	*r.pooled = r.args[:0]
	argPool.Put(r.pooled)
	r.pooled, r.args = nil, nil
}

// add appends a row, whose values are in the order of the columns.
func (r *rows) add(row ...arg) {
	if len(row) != r.width {
		panic(fmt.Sprintf("store: a row of %d values; want %d", len(row), r.width))
	}
	if r.pooled == nil {
		r.grow(1)
	}
	r.args = append(r.args, row...)
}

func (r *rows) len() int        { return len(r.args) / max(r.width, 1) }
func (r *rows) row(i int) []arg { return r.args[i*r.width : (i+1)*r.width] }

// Values of rows.
func num[T ~int | ~int64](n T) arg { return litedb.Integer(int64(n)) }
func str[T ~string](s T) arg       { return litedb.Text(string(s)) }
func raw(b []byte) arg             { return litedb.Blob(b) } // NULL for nil

// keyOrNull returns the value of a text in a column of bytes; NULL for "".
func keyOrNull(s string) arg {
	if s == "" {
		return arg{}
	}
	return raw([]byte(s))
}

// when returns the value of a time; NULL for the zero time.
func when(t time.Time) arg {
	if t.IsZero() {
		return arg{}
	}
	return num(t.UnixMicro())
}

// each returns a query for the rows. It calls row for each row found, which PostgreSQL returns in no particular order.
func (f *folded) each(r *rows, row func(scanFunc) error) *stmt {
	return &stmt{sql: f.sqlite, fold: f, rows: r, row: row}
}

// exec returns a statement for the rows whose result has no rows.
func (f *folded) exec(r *rows) *stmt { return &stmt{sql: f.sqlite, fold: f, rows: r} }

// hits returns a statement that calls hit for each of its rows that affected a row of the table. One of its columns is number, the
// row's index.
func (f *folded) hits(r *rows, hit func(row int)) *stmt {
	return &stmt{sql: f.sqlite, fold: f, rows: r, hit: hit}
}

// arrays returns the rows by column, as the arguments of PostgreSQL's statement.
func (f *folded) arrays(r *rows) []any {
	args := make([]any, len(f.columns))
	for i, c := range f.columns {
		switch c.kind {
		case "text":
			args[i] = arrayOf(r, i, func(v arg) pgtype.Text { return pgtype.Text{String: v.Text(), Valid: true} })
		case "int":
			args[i] = arrayOf(r, i, func(v arg) pgtype.Int8 { return pgtype.Int8{Int64: v.Integer(), Valid: true} })
		default:
			args[i] = arrayOf(r, i, func(v arg) []byte { return []byte(v.Text()) })
		}
	}
	return args
}

// arrayOf returns one column, with T's zero value for NULL.
func arrayOf[T any](r *rows, column int, value func(arg) T) pgtype.FlatArray[T] {
	list := make(pgtype.FlatArray[T], r.len())
	for i := range list {
		if v := r.row(i)[column]; !v.Null() {
			list[i] = value(v)
		}
	}
	return list
}
