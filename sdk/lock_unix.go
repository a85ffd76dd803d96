//go:build unix

package sdk

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// lockDir takes the lock that the processes of an app share, for as long as an append takes. The system frees it when the
// process ends. It is never held while a handler runs: iOS kills a suspended app that holds a file lock.
func lockDir(path string, wait time.Duration) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	giveUp := time.Now().Add(wait)
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { release(f) }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			_ = f.Close()
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		// Poll, rather than wait in flock: a process that was stopped while it holds the lock must not hang this one.
		if time.Now().After(giveUp) {
			_ = f.Close()
			return nil, fmt.Errorf("lock %s: another process has held it for %s", path, wait)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// release frees the lock. Closing the file alone would not free it while a child that is just being forked has it open, too.
func release(f *os.File) {
	_ = syscall.Flock(int(f.Fd()), syscall.LOCK_UN)
	_ = f.Close()
}

// processAlive reports whether there is a process with the id.
func processAlive(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}
