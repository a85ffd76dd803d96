package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// DirLock is a data directory's lock: one process at a time. The system lets go of it when the process ends, however it
// does. The file says which process has it.
type DirLock struct{ file *os.File }

// lockDir makes the directory if need be (mode 0700) and locks it, once it is our turn. The error of a process that waited
// in vain names the directory and the process that has it.
func lockDir(ctx context.Context, dir string, me holder, turn turnstile) (*DirLock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("store: data directory: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, privateMode)
	if err != nil {
		return nil, fmt.Errorf("store: data directory: %w", err)
	}
	l := &DirLock{f}
	err = turn.wait(ctx, "data directory "+dir, func() (bool, error) {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("store: lock of the data directory %s: %w", dir, err)
		}
		return true, nil
	}, l.heldBy)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	_ = f.Chmod(privateMode) // of an earlier version
	if err := l.sign(me); err != nil {
		return nil, errors.Join(fmt.Errorf("store: data directory: %w", err), l.Unlock())
	}
	return l, nil
}

// maxHolderBytes is far more than what a lock file says.
const maxHolderBytes = 4 << 10

// heldBy is who has signed the file; its zero value if that cannot be told.
func (l *DirLock) heldBy(context.Context) holder {
	b, err := io.ReadAll(io.NewSectionReader(l.file, 0, maxHolderBytes))
	if err != nil {
		return holder{}
	}
	return holderOf(string(b))
}

func (l *DirLock) sign(me holder) error {
	if err := l.file.Truncate(0); err != nil {
		return err
	}
	_, err := l.file.WriteAt([]byte(encode(me)+"\n"), 0)
	return err
}

// Unlock lets the next one in, also while a child that is just being forked has the file open, too.
func (l *DirLock) Unlock() error {
	if l == nil {
		return nil
	}
	return errors.Join(syscall.Flock(int(l.file.Fd()), syscall.LOCK_UN), l.file.Close())
}
