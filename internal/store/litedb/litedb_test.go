package litedb_test

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/quick"
	"time"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/hushpush/hush/internal/store/litedb"
)

// newFile returns the path of an empty database in WAL mode.
func newFile(t testing.TB) string { return newFileOf(t, "a file?with=odd#name.db") }

func newFileOf(t testing.TB, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c := open(t, path)
	run(t, c, "PRAGMA journal_mode = WAL")
	return path
}

func open(t testing.TB, path string) *litedb.Conn {
	t.Helper()
	c, err := litedb.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return c
}

func run(t testing.TB, c *litedb.Conn, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if err := c.Exec(text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
}

// query runs a statement, and calls scan, if not nil, for each of its rows.
func query(c *litedb.Conn, scan func(s *litedb.Stmt) error, text string, args ...any) error {
	s, err := c.Prepare(text)
	if err != nil {
		return err
	}
	defer s.Reset()
	if err := s.Bind(args...); err != nil {
		return err
	}
	for {
		more, err := s.Step()
		if err != nil || !more {
			return err
		}
		if scan == nil {
			continue
		}
		if err := scan(s); err != nil {
			return err
		}
	}
}

func into(dest ...any) func(*litedb.Stmt) error {
	return func(s *litedb.Stmt) error { return s.Scan(dest...) }
}

func code(err error) int {
	var e *litedb.Error
	if !errors.As(err, &e) {
		return -1
	}
	return e.Code
}

// Any value that is bound and stored in a table is read back unchanged.
func TestValuesComeBack(t *testing.T) {
	t.Parallel()
	c := open(t, newFile(t))
	run(t, c, "CREATE TABLE kept (n INTEGER, s TEXT, b BLOB)")
	check := func(n int64, s string, b []byte) bool {
		var gotN int64
		var gotS string
		gotB := []byte("left over")
		if err := query(c, into(&gotN, &gotS, &gotB), "INSERT INTO kept VALUES (?, ?, ?) RETURNING n, s, b", n, s, b); err != nil {
			t.Error(err)
			return false
		}
		if err := query(c, into(&gotN, &gotS, &gotB), "DELETE FROM kept RETURNING n, s, b"); err != nil {
			t.Error(err)
			return false
		}
		return gotN == n && gotS == s && bytes.Equal(gotB, b) && (gotB == nil) == (b == nil)
	}
	if err := quick.Check(check, nil); err != nil {
		t.Error(err)
	}
	big := make([]byte, 1<<20)
	for i := range big {
		big[i] = byte(rand.Int())
	}
	for _, b := range [][]byte{nil, {}, {0}, big, big[:1<<16], big[:1<<16+1]} {
		for _, s := range []string{"", "\x00", "a\x00b", "\x00\x00", "é\xff", string(big)} {
			for _, n := range []int64{0, 1, -1, math.MaxInt64, math.MinInt64} {
				if !check(n, s, b) {
					t.Errorf("%d, %d bytes of text and %d of blob (nil: %v) came back as others", n, len(s), len(b), b == nil)
				}
			}
		}
	}
}

func FuzzValuesComeBack(f *testing.F) {
	f.Add(int64(0), "", []byte{}, "x")
	f.Add(int64(-1), "a\x00b", []byte(nil), "\xff")
	c := open(f, newFile(f))
	f.Fuzz(func(t *testing.T, n int64, s string, b []byte, s2 string) {
		var gotN int64
		var gotS, gotS2 string
		var gotB []byte
		err := query(c, into(&gotS2, &gotB, &gotS, &gotN), "SELECT ?, ?, ?, ?", s2, b, s, n)
		if err != nil || gotN != n || gotS != s || gotS2 != s2 || !bytes.Equal(gotB, b) || (gotB == nil) != (b == nil) {
			t.Errorf("got %d %q %q %q, %v; want %d %q %q %q", gotN, gotS, gotB, gotS2, err, n, s, b, s2)
		}
	})
}

// Writing a row allocates no memory of Go's, and reading one only that of its texts and blobs.
func TestARowCostsNoAllocation(t *testing.T) {
	c := open(t, newFile(t))
	run(t, c, "CREATE TABLE kept (n INTEGER PRIMARY KEY, s TEXT, b BLOB)")
	insert, err := c.Prepare("INSERT INTO kept VALUES (?, ?, ?) RETURNING n")
	if err != nil {
		t.Fatal(err)
	}
	var n int64
	values := []litedb.Value{litedb.Text("a text"), {}, litedb.Blob([]byte("a blob"))}
	order, dest := []int{1, 0, 2}, []any{&n}
	got := testing.AllocsPerRun(100, func() {
		if err := insert.BindValues(values, order); err != nil {
			t.Fatal(err)
		}
		for more := true; more; {
			if more, err = insert.Step(); err != nil {
				t.Fatal(err)
			}
			if more {
				if err := insert.Scan(dest...); err != nil {
					t.Fatal(err)
				}
			}
		}
		insert.Reset()
	})
	if got > 0 {
		t.Errorf("%v allocations a row, want none", got)
	}
}

type (
	word   string
	number int32
	raw    []byte
)

func TestKindsOfValuesAndDestinations(t *testing.T) {
	t.Parallel()
	c := open(t, newFile(t))
	var (
		w          word
		n          number
		i          int
		yes, no    bool
		r          raw
		some, none *int64
		text, nix  *string
		b          []byte
	)
	b, none, nix = []byte("left over"), new(int64), new(string)
	err := query(c, into(&w, &n, &i, &yes, &no, &r, &some, &none, &text, &nix, &b), "SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?",
		word("w"), number(-7), 8, true, false, raw("r"), 9, nil, "t", nil, []byte(nil))
	if err != nil {
		t.Fatal(err)
	}
	if w != "w" || n != -7 || i != 8 || !yes || no || string(r) != "r" || *some != 9 || none != nil || *text != "t" || nix != nil || b != nil {
		t.Errorf("got %q %d %d %v %v %q %d %v %q %v %q", w, n, i, yes, no, r, *some, none, *text, nix, b)
	}
}

func TestWhatDoesNotFitIsRefused(t *testing.T) {
	t.Parallel()
	c := open(t, newFile(t))
	const secret = "a-secret-argument"
	var text string
	var n int64
	var small int8
	var half float64
	for _, test := range []struct {
		dest any
		arg  any
		want string
	}{
		{&text, nil, "it is NULL"},
		{&n, nil, "it is NULL"},
		{&n, secret, "it is not an integer"},
		{&text, 7, "it is neither text nor blob"},
		{&small, 300, "the number is too large"},
		{&half, 1, "unsupported destination"},
		{half, 1, "unsupported destination"},
		{(*word)(nil), "x", "unsupported destination"},
		{&n, 1.5, "argument 1 is a float64"},
		{&n, []string{secret}, "argument 1 is a []string"},
	} {
		err := query(c, into(test.dest), "SELECT ?", test.arg)
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), secret) {
			t.Errorf("%T of %v: %v; want %q", test.dest, test.arg, err, test.want)
		}
	}
	if err := query(c, into(&n), "SELECT 1, 2"); err == nil {
		t.Error("two columns went into one destination")
	}
	for _, args := range [][]any{nil, {1}, {1, 2, 3}} {
		if err := query(c, into(&n, &n), "SELECT ?, ?", args...); err == nil {
			t.Errorf("%d arguments for two parameters are taken", len(args))
		}
	}
	for _, text := range []string{"", " ;", "-- nothing", "SELECT 1; SELECT 2"} {
		if _, err := c.Prepare(text); err == nil {
			t.Errorf("%q is taken for one statement", text)
		}
	}
}

// order has the index of each parameter's value, and several parameters may have the same value.
func TestValuesInAnotherOrder(t *testing.T) {
	t.Parallel()
	c := open(t, newFile(t))
	s, err := c.Prepare("SELECT ?, ?, ?")
	if err != nil {
		t.Fatal(err)
	}
	var first, third string
	var second int
	if err := s.BindValues([]litedb.Value{litedb.Text("a"), litedb.Integer(2), litedb.Text("not used")}, []int{0, 1, 0}); err != nil {
		t.Fatal(err)
	}
	if more, err := s.Step(); !more || err != nil {
		t.Fatal(more, err)
	}
	if err := s.Bind(); err == nil {
		t.Error("the arguments of a statement under way are changed")
	}
	if err := s.Scan(&first, &second, &third); err != nil || first != "a" || second != 2 || third != "a" {
		t.Errorf("got %q %d %q, %v; want a 2 a", first, second, third, err)
	}
}

func TestErrorsHaveTheirCodeAndNoArguments(t *testing.T) {
	t.Parallel()
	c := open(t, newFile(t))
	const secret = "a-secret-argument"
	run(t, c, "CREATE TABLE kept (id TEXT PRIMARY KEY, n INTEGER NOT NULL CHECK (n > 0), UNIQUE (n)) STRICT")
	insert := "INSERT INTO kept VALUES (?, ?)"
	if err := query(c, nil, insert, secret, 1); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		text string
		args []any
		code int
	}{
		{insert, []any{secret, 2}, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY},
		{insert, []any{secret + "2", 1}, sqlite3.SQLITE_CONSTRAINT_UNIQUE},
		{insert, []any{secret + "2", nil}, sqlite3.SQLITE_CONSTRAINT_NOTNULL},
		{insert, []any{secret + "2", -1}, sqlite3.SQLITE_CONSTRAINT_CHECK},
		{insert, []any{"x", secret}, sqlite3.SQLITE_CONSTRAINT_DATATYPE},
		{"SELECT json_extract(?, '$.a')", []any{secret}, sqlite3.SQLITE_ERROR},
		{"SELECT json_extract('{}', ?)", []any{secret}, sqlite3.SQLITE_ERROR},
		{"SELEC ?", nil, sqlite3.SQLITE_ERROR},
		{"SELECT 1 FROM nowhere WHERE a = ?", nil, sqlite3.SQLITE_ERROR},
		{"COMMIT", nil, sqlite3.SQLITE_ERROR},
	} {
		err := query(c, nil, test.text, test.args...)
		if code(err) != test.code {
			t.Errorf("%s: %v, code %d; want %d", test.text, err, code(err), test.code)
		}
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("%s: the error has an argument in it: %v", test.text, err)
		}
	}
	n := 0
	if err := query(c, into(&n), "SELECT COUNT(*) FROM kept"); err != nil || n != 1 {
		t.Errorf("%d rows, %v; want the one that was right", n, err)
	}
}

func TestAFullDatabaseIsSaidAndKeepsWhatItHad(t *testing.T) {
	t.Parallel()
	c := open(t, newFile(t))
	run(t, c, "CREATE TABLE kept (b BLOB)", "PRAGMA max_page_count = 20", "BEGIN IMMEDIATE")
	var err error
	for i := 0; err == nil && i < 1000; i++ {
		err = query(c, nil, "INSERT INTO kept VALUES (?)", make([]byte, 1000))
	}
	if code(err) != sqlite3.SQLITE_FULL {
		t.Fatalf("%v; want SQLITE_FULL", err)
	}
	if err := c.Exec("ROLLBACK"); err != nil && code(err) != sqlite3.SQLITE_ERROR { // SQLite has rolled back already
		t.Error(err)
	}
	if err := query(c, nil, "INSERT INTO kept VALUES (?)", []byte("small")); err != nil {
		t.Errorf("after the rollback: %v", err)
	}
}

func TestALockIsWaitedForAndThenSaid(t *testing.T) {
	t.Parallel()
	path := newFile(t)
	c, other := open(t, path), open(t, path)
	run(t, other, "CREATE TABLE kept (n INTEGER)", "BEGIN IMMEDIATE")
	if err := c.Exec("BEGIN IMMEDIATE"); code(err) != sqlite3.SQLITE_BUSY {
		t.Errorf("%v; want SQLITE_BUSY", err)
	}
	if err := c.SetBusyTimeout(time.Minute); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- c.Exec("BEGIN IMMEDIATE") }()
	run(t, other, "COMMIT")
	if err := <-done; err != nil {
		t.Errorf("when the lock was free: %v", err)
	}
	run(t, c, "COMMIT")
}

func TestOpeningWhatIsNoDatabase(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := litedb.Open(filepath.Join(dir, "not there")); code(err)&0xff != sqlite3.SQLITE_CANTOPEN {
		t.Errorf("a file that is not there: %v; want SQLITE_CANTOPEN", err)
	}
	if _, err := litedb.Open("a\x00b"); err == nil {
		t.Error("a path with a zero byte is opened")
	}
	path := filepath.Join(dir, "text")
	if err := os.WriteFile(path, bytes.Repeat([]byte("no database "), 100), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := open(t, path).Exec("SELECT * FROM sqlite_schema"); code(err) != sqlite3.SQLITE_NOTADB {
		t.Errorf("%v; want SQLITE_NOTADB", err)
	}
}

const endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) FROM n"

func TestAStatementIsPlannedOnce(t *testing.T) {
	t.Parallel()
	c := open(t, newFile(t))
	run(t, c, "CREATE TABLE t (app TEXT, user TEXT)", "CREATE INDEX of_user ON t (app, user)", "CREATE INDEX of_nobody ON t (app) WHERE user = ''")
	const ask = "SELECT 1 FROM t WHERE app = ? AND user = ?"
	for _, user := range []string{"alice", "", "bob"} {
		if err := query(c, nil, ask, "notes", user); err != nil {
			t.Fatal(err)
		}
	}
	s, err := c.Prepare(ask)
	if err != nil || s.Plans() != 1 {
		t.Errorf("planned %d times, %v; want once, whatever the arguments", s.Plans(), err)
	}
}

func TestAnInterruptEndsWhatRuns(t *testing.T) {
	t.Parallel()
	c := open(t, newFile(t))
	for range 3 {
		done := make(chan error, 1)
		go func() { done <- query(c, nil, endless) }()
		for err, ended := error(nil), false; !ended; {
			c.Interrupt()
			select {
			case err = <-done:
				ended = true
				if code(err) != sqlite3.SQLITE_INTERRUPT {
					t.Errorf("%v; want SQLITE_INTERRUPT", err)
				}
			case <-time.After(time.Millisecond):
			}
		}
		n := 0
		if err := query(c, into(&n), "SELECT 1"); err != nil || n != 1 {
			t.Errorf("after an interrupt: %d, %v", n, err)
		}
	}
}

func TestCloseEndsWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	path := newFile(t)
	c, other := open(t, path), open(t, path)
	run(t, c, "CREATE TABLE kept (n INTEGER)", "INSERT INTO kept VALUES (1), (2)", "BEGIN IMMEDIATE", "INSERT INTO kept VALUES (3)")
	s, err := c.Prepare("SELECT n FROM kept WHERE n > ?")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Bind(0); err != nil {
		t.Fatal(err)
	}
	if more, err := s.Step(); !more || err != nil {
		t.Fatal(more, err)
	}
	for range 2 {
		if err := c.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
	n := 0
	if err := query(other, into(&n), "SELECT COUNT(*) FROM kept"); err != nil || n != 2 {
		t.Errorf("%d rows, %v; want the two that were committed", n, err)
	}
	c.Interrupt()
	s.Reset()
	if _, err := s.Step(); err == nil {
		t.Error("a statement of a closed connection runs")
	}
	if err := s.Bind(0); err == nil {
		t.Error("a statement of a closed connection takes arguments")
	}
	if _, err := c.Prepare("SELECT 1"); err == nil {
		t.Error("a closed connection takes statements")
	}
}

func TestACheckpointCopiesTheLogAndLetsItBeginAnew(t *testing.T) {
	t.Parallel()
	path := newFile(t)
	c, reader := open(t, path), open(t, path)
	run(t, c, "PRAGMA wal_autocheckpoint = 0", "CREATE TABLE kept (n INTEGER)", "INSERT INTO kept VALUES (1)")
	run(t, reader, "BEGIN", "SELECT n FROM kept") // keeps the log as it is now
	run(t, c, "INSERT INTO kept VALUES (2)")
	logged, copied, err := c.Checkpoint(litedb.CheckpointRestart)
	if code(err) != sqlite3.SQLITE_BUSY || copied >= logged {
		t.Errorf("beside a reader: %d of %d pages, %v; want SQLITE_BUSY and less than all", copied, logged, err)
	}
	run(t, reader, "COMMIT")
	if logged, copied, err = c.Checkpoint(litedb.CheckpointPassive); err != nil || copied != logged || logged == 0 {
		t.Errorf("without it: %d of %d pages, %v; want all", copied, logged, err)
	}
	if _, _, err = c.Checkpoint(litedb.CheckpointRestart); err != nil {
		t.Error(err)
	}
	run(t, c, "INSERT INTO kept VALUES (3)")
	again, copied, err := c.Checkpoint(litedb.CheckpointNothing)
	if err != nil || again >= logged || copied != 0 {
		t.Errorf("after the next write: %d of %d pages, %v; want fewer than %d, and none of them copied", copied, again, err, logged)
	}
}
