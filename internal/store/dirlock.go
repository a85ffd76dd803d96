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
// does. It is on the directory itself and on a file in it, which says which process has it: whoever takes that file for a
// leftover and removes it lets nobody in.
type DirLock struct{ dir, file *os.File }

// lockDir makes the directory if need be (mode 0700) and locks it, once it is our turn. The error of a process that waited
// in vain names the directory and the process that has it.
func lockDir(ctx context.Context, dir string, me holder, turn turnstile) (*DirLock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("store: data directory: %w", err)
	}
	itself, err := os.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("store: data directory: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, privateMode)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("store: data directory: %w", err), itself.Close())
	}
	l := &DirLock{dir: itself, file: f}
	err = turn.wait(ctx, "data directory "+dir, func() (bool, error) {
		got, err := l.try()
		if err != nil {
			err = fmt.Errorf("store: lock of the data directory %s: %w", dir, err)
		}
		return got, err
	}, l.currentHolder)
	if err != nil {
		return nil, errors.Join(err, f.Close(), itself.Close())
	}
	_ = f.Chmod(privateMode) // of an earlier version
	if err := l.sign(me); err != nil {
		return nil, errors.Join(fmt.Errorf("store: data directory: %w", err), l.Unlock())
	}
	return l, nil
}

// try takes both locks, or as many as are free.
func (l *DirLock) try() (got bool, err error) {
	// Some file systems, such as NFS, cannot lock a directory. The file's lock is enough there.
	if err := flock(l.dir); errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	err = flock(l.file)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}

func flock(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }

func unflock(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_UN) }

// maxHolderBytes is far more than what a lock file says.
const maxHolderBytes = 4 << 10

// heldBy is who has signed the file; its zero value if that cannot be told.
func (l *DirLock) currentHolder(context.Context) holder {
	b, err := io.ReadAll(io.NewSectionReader(l.file, 0, maxHolderBytes))
	if err != nil {
		return holder{}
	}
	return decodeHolder(string(b))
}

func (l *DirLock) sign(me holder) error {
	if err := l.file.Truncate(0); err != nil {
		return err
	}
	_, err := l.file.WriteAt([]byte(encode(me)+"\n"), 0)
	return err
}

// Unlock lets the next one in, also while a child that is just being forked has the files open, too.
func (l *DirLock) Unlock() error {
	if l == nil {
		return nil
	}
	_ = unflock(l.dir) // where it could not be locked
	return errors.Join(unflock(l.file), l.file.Close(), l.dir.Close())
}
