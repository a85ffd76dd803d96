package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// DirLock is a data directory's lock: one process at a time. The system lets go of it when the process ends, however it
// does.
type DirLock struct{ file *os.File }

// LockDir makes the directory if need be (mode 0700) and locks it. The error of a second process names the directory.
func LockDir(dir string) (*DirLock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("store: data directory: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, privateMode)
	if err != nil {
		return nil, fmt.Errorf("store: data directory: %w", err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		_ = f.Chmod(privateMode) // of an earlier version; there is nothing in it
		return &DirLock{f}, nil
	}
	_ = f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, fmt.Errorf("store: the data directory %s is in use by another hush process; stop that one, or name another directory", dir)
	}
	return nil, fmt.Errorf("store: lock of the data directory %s: %w", dir, err)
}

// Unlock lets the next one in, also while a child that is just being forked has the file open, too.
func (l *DirLock) Unlock() error {
	if l == nil {
		return nil
	}
	return errors.Join(syscall.Flock(int(l.file.Fd()), syscall.LOCK_UN), l.file.Close())
}
