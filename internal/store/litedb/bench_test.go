//go:build unix

package litedb_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"syscall"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/hushpush/hush/internal/store/litedb"
)

// The cost of one row in a batch of 300 that is committed and flushed, with database/sql and with this package, on one table.
const (
	benchBatch  = 300
	benchRows   = 100 * benchBatch
	benchTable  = "CREATE TABLE deliveries (push INTEGER, device INTEGER, state TEXT NOT NULL, at INTEGER NOT NULL, events BLOB NOT NULL, PRIMARY KEY (push, device)) WITHOUT ROWID"
	benchInsert = "INSERT INTO deliveries VALUES (?, ?, ?, ?, ?)"
	benchUpdate = "UPDATE deliveries SET state = ?, at = ?, events = events || ? WHERE push = ? AND device = ?"
	benchFind   = "SELECT state, at, events FROM deliveries WHERE push = ? AND device = ?"
	benchList   = "SELECT state, at, events FROM json_each(?) AS r CROSS JOIN deliveries WHERE push = r.value ->> 0 AND device = r.value ->> 1"
)

// cpu returns the processor time that this process has used. Wall time says little on a busy machine.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// perRow reports the processor time per row of b.N batches since from.
func perRow(b *testing.B, from time.Duration) {
	b.ReportMetric(float64((cpu(b)-from).Nanoseconds())/float64(b.N*benchBatch)/1000, "cpu-µs/row")
}

// batcher commits one batch.
type batcher func(b *testing.B, text string, rows [][]any)

func byDatabaseSQL(b *testing.B) batcher {
	ctx := context.Background()
	db, err := sql.Open("sqlite", newFileOf(b, "bench.db")+"?_pragma=synchronous(FULL)&_pragma=cache_size(-8192)")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	conn, err := db.Conn(ctx)
	if err != nil {
		b.Fatal(err)
	}
	stmts := map[string]*sql.Stmt{}
	run := func(b *testing.B, text string, args []any) {
		s := stmts[text]
		if s == nil {
			if s, err = conn.PrepareContext(ctx, text); err != nil {
				b.Fatal(err)
			}
			stmts[text] = s
		}
		if _, err := s.ExecContext(ctx, args...); err != nil {
			b.Fatal(err)
		}
	}
	run(b, benchTable, nil)
	return func(b *testing.B, text string, rows [][]any) {
		run(b, "BEGIN IMMEDIATE", nil)
		for _, row := range rows {
			run(b, text, row)
		}
		run(b, "COMMIT", nil)
	}
}

func byLitedb(b *testing.B) (batcher, *litedb.Conn) {
	c := open(b, newFileOf(b, "bench.db"))
	run(b, c, "PRAGMA synchronous = FULL", "PRAGMA cache_size = -8192", benchTable)
	one := func(b *testing.B, text string, args []any) {
		if err := query(c, nil, text, args...); err != nil {
			b.Fatal(err)
		}
	}
	return func(b *testing.B, text string, rows [][]any) {
		one(b, "BEGIN IMMEDIATE", nil)
		for _, row := range rows {
			one(b, text, row)
		}
		one(b, "COMMIT", nil)
	}, c
}

func benchInserts(from int64) [][]any {
	rows := make([][]any, benchBatch)
	for i := range rows {
		n := from + int64(i)
		rows[i] = []any{n, n * 7919 % 10_000, "waiting", time.Now().UnixMicro(), []byte("accepted and more")}
	}
	return rows
}

// benchUpdates returns updates of rows in no order.
func benchUpdates(from int64) [][]any {
	rows := make([][]any, benchBatch)
	for i := range rows {
		n := (from + int64(i)) * 7919 % benchRows
		rows[i] = []any{"sent", time.Now().UnixMicro(), []byte("s"), n, n * 7919 % 10_000}
	}
	return rows
}

func BenchmarkRows(b *testing.B) {
	if err := litedb.SyncData(); err != nil {
		b.Fatal(err)
	}
	for _, way := range []string{"database/sql", "litedb"} {
		for _, what := range []string{"insert", "update"} {
			b.Run(fmt.Sprintf("%s/%s", way, what), func(b *testing.B) {
				batch := batcher(nil)
				if way == "litedb" {
					batch, _ = byLitedb(b)
				} else {
					batch = byDatabaseSQL(b)
				}
				n := int64(0)
				for ; what == "update" && n < benchRows; n += benchBatch {
					batch(b, benchInsert, benchInserts(n))
				}
				b.ReportAllocs()
				from := cpu(b)
				for b.Loop() {
					if what == "insert" {
						batch(b, benchInsert, benchInserts(n))
					} else {
						batch(b, benchUpdate, benchUpdates(n))
					}
					n += benchBatch
				}
				perRow(b, from)
			})
		}
	}
}

// The cost of finding a row for each of 300 pairs of numbers, with a statement for each, or with one for a list of them in JSON.
func BenchmarkFind(b *testing.B) {
	batch, c := byLitedb(b)
	for n := int64(0); n < benchRows; n += benchBatch {
		batch(b, benchInsert, benchInserts(n))
	}
	pairs := make([][]any, benchBatch)
	for i := range pairs {
		n := int64(i) * 7919 % benchRows
		pairs[i] = []any{n, n * 7919 % 10_000}
	}
	var state string
	var at int64
	var events []byte
	found := 0
	scan := func(s *litedb.Stmt) error { found++; return s.Scan(&state, &at, &events) }
	find := func(b *testing.B, text string, args ...any) {
		if err := query(c, scan, text, args...); err != nil {
			b.Fatal(err)
		}
	}
	for _, way := range []string{"each", "list"} {
		b.Run(way, func(b *testing.B) {
			b.ReportAllocs()
			found = 0
			run(b, c, "BEGIN")
			defer run(b, c, "COMMIT")
			from := cpu(b)
			for b.Loop() {
				if way == "each" {
					for _, pair := range pairs {
						find(b, benchFind, pair...)
					}
					continue
				}
				list, err := json.Marshal(pairs)
				if err != nil {
					b.Fatal(err)
				}
				find(b, benchList, string(list))
			}
			if found != b.N*benchBatch {
				b.Fatalf("found %d rows, want %d", found, b.N*benchBatch)
			}
			perRow(b, from)
		})
	}
}
