package store

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"
)

// folded is a statement that is run for many rows of values: "one change per row of a table" as one statement.
// PostgreSQL, where a statement costs a good part of what its work does, gets all rows at once, each column as an array.
// SQLite, which is in this process, runs a prepared statement for each row: all of them in one argument of JSON cost it double.
//
// In the text, r.name is a column of the rows. {rows} is where PostgreSQL takes them from; it stands alone after FROM, or
// before a comma and other tables. {lateral} is before a subquery that uses them.
type folded struct {
	columns  []column
	postgres string
	sqlite   string
	order    []int // of SQLite's arguments: indexes of columns
}

type column struct {
	name string
	kind string // text, int or blob; any of them may be NULL
}

var (
	rowColumn   = regexp.MustCompile(`\br\.(\w+)`)
	sqliteAlone = strings.NewReplacer(" FROM {rows}, ", " FROM ", "\tFROM {rows}, ", "\tFROM ", " FROM {rows}", "", "{lateral} ", "")
	arrayTypes  = map[string]string{"text": "text[]", "int": "bigint[]", "blob": "bytea[]"}
)

// fold takes the columns as "name kind, name kind".
func fold(columns, sql string) *folded {
	f := &folded{}
	var names, arrays []string
	for i, c := range strings.Split(columns, ",") {
		name, kind, _ := strings.Cut(strings.TrimSpace(c), " ")
		f.columns = append(f.columns, column{name, kind})
		names, arrays = append(names, name), append(arrays, fmt.Sprintf("$%d::%s", i+1, arrayTypes[kind]))
	}
	from := "unnest(" + strings.Join(arrays, ", ") + ") AS r(" + strings.Join(names, ", ") + ")"
	f.postgres = strings.NewReplacer("{rows}", from, "{lateral}", "LATERAL", "{bytes}", "bytea").Replace(sql)
	f.sqlite = rowColumn.ReplaceAllStringFunc(sqliteAlone.Replace(sql), func(name string) string {
		f.order = append(f.order, slices.Index(names, strings.TrimPrefix(name, "r.")))
		return "?"
	})
	return f
}

// foldInsert inserts rows of the columns, which are those of the table.
func foldInsert(table, columns string) *folded { return foldPut(table, columns, "") }

// foldPut is foldInsert with what is to be done on a conflict, and returned. SQLite gets its rows as VALUES: it keeps no journal
// for a statement that writes one row.
func foldPut(table, columns, then string) *folded {
	names, values := columnNames(columns), []string{}
	for _, name := range names {
		values = append(values, "r."+name)
	}
	into := "INSERT INTO " + table + " (" + strings.Join(names, ", ") + ") "
	f := fold(columns, into+"SELECT "+strings.Join(values, ", ")+" FROM {rows} "+then)
	f.sqlite = into + "VALUES (?" + strings.Repeat(", ?", len(names)-1) + ") " + then
	return f
}

func columnNames(columns string) (names []string) {
	for c := range strings.SplitSeq(columns, ",") {
		names = append(names, strings.Fields(c)[0])
	}
	return names
}

// each is a query for the rows; row is called for each row found. PostgreSQL gives them in no order of their own.
func (f *folded) each(rows [][]any, row func(scanFunc) error) *stmt {
	return &stmt{sql: f.sqlite, fold: f, rows: rows, row: row}
}

// exec is a statement without rows to be read.
func (f *folded) exec(rows [][]any) *stmt { return &stmt{sql: f.sqlite, fold: f, rows: rows} }

// arrays are the rows by column, as PostgreSQL takes them.
func (f *folded) arrays(rows [][]any) []any {
	args := make([]any, len(f.columns))
	for i, c := range f.columns {
		switch c.kind {
		case "text":
			args[i] = arrayOf(rows, i, func(v any) pgtype.Text { return pgtype.Text{String: v.(string), Valid: true} })
		case "int":
			args[i] = arrayOf(rows, i, func(v any) pgtype.Int8 { return pgtype.Int8{Int64: integer(v), Valid: true} })
		default:
			args[i] = arrayOf(rows, i, func(v any) []byte { return v.([]byte) })
		}
	}
	return args
}

// arrayOf is one column; a nil stays T's zero value, which is NULL.
func arrayOf[T any](rows [][]any, column int, value func(any) T) pgtype.FlatArray[T] {
	list := make(pgtype.FlatArray[T], len(rows))
	for i, row := range rows {
		if v := row[column]; v != nil {
			list[i] = value(v)
		}
	}
	return list
}

func integer(v any) int64 {
	if n, ok := v.(int); ok {
		return int64(n)
	}
	return v.(int64)
}
