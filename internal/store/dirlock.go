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

// DirLock is the lock of a data directory, which one process at a time has. The system releases it when the process ends, however
// that happens. It is a lock on the directory itself and on a file in it that names the process. So somebody who removes that file
// as a leftover does not let a second process in.
type DirLock struct{ dir, file *os.File }

// lockDir creates the directory with mode 0700 if it does not exist, waits for the turn of this process, and locks it. If the wait
// was in vain, the error names the directory and the process that has it.
func lockDir(ctx context.Context, dir string, me holder, turn processTurn) (*DirLock, error) {
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
	_ = f.Chmod(privateMode) // an earlier version may have created it with another mode
	if err := l.sign(me); err != nil {
		return nil, errors.Join(fmt.Errorf("store: data directory: %w", err), l.Unlock())
	}
	return l, nil
}

// try acquires the lock of the directory and that of the file. It may leave the first one locked if the second is not free.
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

// maxHolderBytes is far more than a lock file contains.
const maxHolderBytes = 4 << 10

// currentHolder returns the process that the file names; the zero value if that cannot be read.
func (l *DirLock) currentHolder(context.Context) holder {
	b, err := io.ReadAll(io.NewSectionReader(l.file, 0, maxHolderBytes))
	if err != nil {
		return holder{}
	}
	return decodeHolder(string(b))
}

// sign writes into the file which process has the lock.
func (l *DirLock) sign(me holder) error {
	if err := l.file.Truncate(0); err != nil {
		return err
	}
	_, err := l.file.WriteAt([]byte(encode(me)+"\n"), 0)
	return err
}

// Unlock releases the lock, even while a child process that is being forked has the files open, too.
func (l *DirLock) Unlock() error {
	if l == nil {
		return nil
	}
	_ = unflock(l.dir) // fails where the directory could not be locked
	return errors.Join(unflock(l.file), l.file.Close(), l.dir.Close())
}
