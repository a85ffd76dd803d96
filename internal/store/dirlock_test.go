package store

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// A child process has the parent's open files until it executes its own program.
func TestUnlockFreesTheDataDirectoryWhileAChildStillHasTheFileOpen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l, err := lockDir(t.Context(), dir, holder{}, newProcessTurn(-1, slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []*os.File{l.dir, l.file} {
		childs, err := syscall.Dup(int(f.Fd()))
		if err != nil {
			t.Fatal(err)
		}
		defer syscall.Close(childs)
	}
	if err := l.Unlock(); err != nil {
		t.Fatal(err)
	}
	next, err := lockDir(t.Context(), dir, holder{}, newProcessTurn(-1, slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatalf("after Unlock: %v, want the directory free", err)
	}
	if err := next.Unlock(); err != nil {
		t.Error(err)
	}
}

// Somebody who finds a file named lock after a crash may take it for a leftover.
func TestADataDirectoryStaysLockedWhenItsLockFileIsRemoved(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	openFor(t, Config{DataDir: dir})
	if err := os.Remove(filepath.Join(dir, "lock")); err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), Config{DataDir: dir, Keys: unsealed, TurnWait: -1})
	if busy := (*BusyError)(nil); !errors.As(err, &busy) {
		t.Errorf("a second process got: %v; want a BusyError", err)
	}
	if err == nil {
		_ = s.Close()
	}
}
