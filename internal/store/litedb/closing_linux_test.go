package litedb_test

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/hushpush/hush/internal/store/litedb"
)

// Close leaves nothing to the garbage collector: opening and closing repeatedly leaks neither memory nor goroutines.
func TestClosingLeavesNothing(t *testing.T) {
	path := newFile(t)
	use := func() {
		c, err := litedb.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 50 {
			if err := query(c, nil, fmt.Sprint("SELECT ?, ", i), strings.Repeat("x", 1<<15)); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	use()
	goroutines, before := runtime.NumGoroutine(), resident(t)
	for range 100 {
		use()
	}
	if got := runtime.NumGoroutine(); got > goroutines {
		t.Errorf("%d goroutines, want %d", got, goroutines)
	}
	if grown := resident(t) - before; grown > 96<<20 { // the bound arguments alone would be three times as much
		t.Errorf("grown by %d bytes", grown)
	}
}

// A statement that once had a large argument does not keep its memory.
func TestLargeArgumentsAreGivenBack(t *testing.T) {
	c := open(t, newFile(t))
	large, before := strings.Repeat("x", 1<<20), resident(t)
	for i := range 200 {
		if err := query(c, nil, fmt.Sprint("SELECT length(?), ", i), large); err != nil {
			t.Fatal(err)
		}
	}
	if grown := resident(t) - before; grown > 100<<20 {
		t.Errorf("grown by %d bytes", grown)
	}
}

// resident returns how much memory the process has now.
func resident(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	var size, pages int
	if _, err := fmt.Sscan(string(text), &size, &pages); err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}
