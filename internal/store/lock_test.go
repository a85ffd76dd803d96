package store

import (
	"log/slog"
	"syscall"
	"testing"
)

// A child that is being forked has the parent's open files until it runs its own program.
func TestUnlockFreesTheDataDirectoryWhileAChildStillHasTheFileOpen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l, err := lockDir(t.Context(), dir, holder{}, newTurnstile(-1, slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	childs, err := syscall.Dup(int(l.file.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(childs)
	if err := l.Unlock(); err != nil {
		t.Fatal(err)
	}
	next, err := lockDir(t.Context(), dir, holder{}, newTurnstile(-1, slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatalf("after Unlock: %v, want the directory free", err)
	}
	if err := next.Unlock(); err != nil {
		t.Error(err)
	}
}
