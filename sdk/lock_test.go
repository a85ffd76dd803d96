//go:build unix

package sdk

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// A child that is being forked has the parent's open files until it runs its own program. On a busy machine that takes a
// while, and the lock must be free meanwhile.
func TestReleaseFreesTheDirectoryWhileAChildStillHasTheFileOpen(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "hush.lock")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	childs, err := syscall.Dup(int(f.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(childs)
	release(f)
	next, err := lockDir(path, 0)
	if err != nil {
		t.Fatalf("after release: %v, want the lock free", err)
	}
	next()
}
