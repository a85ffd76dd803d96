package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// hush is in hush's place: three runs differ in what they used, and the third number of a row's command is its devices.
const hush = `#!/bin/sh
n=$(cat "$COUNT" 2>/dev/null || echo 0); n=$((n + 1)); echo $n >"$COUNT"
printf '{"unit":"session","per_second":1234.5,"missing":%s,"ratio":0.5,"cpu":{"seconds_per_unit":0.00%s1},"memory":{"peak_bytes":2000000,"bytes_per_unit":%s},
"latencies":[{"p50_ms":1.234,"p99_ms":1234.5}]}' "$4" "$n" "$5"
`

func TestEachRowGetsTheFiguresOfTheRunInTheMiddle(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("COUNT", filepath.Join(dir, "count"))
	t.Setenv("POSTGRES", "")
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
		return path
	}
	text, err := replace("before\n"+beginMark+"\n| old heading |\n| `hush bench push --x 0 7500` | old |\n| `hush bench push $POSTGRES` | kept |\n"+endMark+"\nafter\n", beginMark, endMark,
		func(table string) (string, error) {
			write("hush", hush)
			return measureRows(table, dir, 3)
		})
	want := "before\n" + beginMark + "\n" + heading + "| `hush bench push --x 0 7500` | 1234 | 2.1ms | 0.50 | 1.23 ms | 1.23 s | 7.5 KB a session |\n| `hush bench push $POSTGRES` | kept |\n" + endMark + "\nafter\n"
	if err != nil || text != want {
		t.Errorf("the page is, %v:\n%s\nwant\n%s", err, text, want)
	}
	if err := measure(write("bare.md", "no table"), filepath.Join(dir, "hush"), 1); err == nil || !strings.Contains(err.Error(), beginMark) {
		t.Errorf("a page without a table: %v; want its marks named", err)
	}
}

func TestTheTimeOfAStackBelongsToOnePart(t *testing.T) {
	t.Parallel()
	const traces = `File: hush
Duration: 36.30s, Total samples = 1s (53.58%)
-----------+-------------------------------------------------------
     600ms   syscall.Syscall6
             modernc.org/sqlite/lib._walFrames
             github.com/hushpush/hush/internal/store.(*writer).run
-----------+-------------------------------------------------------
     0.25s   encoding/json.Marshal
             github.com/hushpush/hush/internal/h2push/deep.Do
             github.com/hushpush/hush/internal/delivery.(*Engine).work
-----------+-------------------------------------------------------
     100ms   runtime.scanobject
             runtime.gcBgMarkWorker
-----------+-------------------------------------------------------
      45ms   net/http.(*conn).serve
-----------+-------------------------------------------------------
       5ms   runtime.futex
`
	want := profileHeading + "| SQLite | 60 % |\n| `internal/h2push` | 25 % |\n| garbage collection | 10 % |\n| `net/http`: requests to the API | 4 % |\n"
	if got := shares(traces); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
