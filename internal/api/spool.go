package api

import (
	"errors"
	"fmt"
	"os"
	"sync"
)

// Sizes of a spool, in bytes.
const (
	spoolMemory = 256 << 10
	maxSpool    = 1 << 30 // in its file; at the limit the writer waits for the reader
)

// errSpoolAbandoned is the error of a write whose reader has gone.
var errSpoolAbandoned = errors.New("api: nobody reads the answer any more")

// spool is a queue of bytes from one writer to one reader. It is in memory while the reader keeps up, and in a file while it does
// not, so that an answer can be made while its client reads nothing.
type spool struct {
	dir string // directory of the file; "": the system's for temporary files

	mu        sync.Mutex
	changed   sync.Cond // with mu
	memory    []byte    // guarded by mu; precedes what is in the file
	file      *os.File  // guarded by mu; nil until needed
	from, to  int64     // guarded by mu; the part of the file that is yet to be read
	ended     bool      // guarded by mu; nothing more will be written
	abandoned bool      // guarded by mu; nothing more will be read
}

func newSpool(dir string) *spool {
	s := &spool{dir: dir}
	s.changed.L = &s.mu
	return s
}

// Write queues b. It waits only while the file is full.
func (s *spool) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.to+int64(len(b)) > maxSpool && !s.abandoned {
		s.changed.Wait()
	}
	if s.abandoned {
		return 0, errSpoolAbandoned
	}
	defer s.changed.Broadcast()
	if s.from == s.to && len(s.memory)+len(b) <= spoolMemory {
		s.memory = append(s.memory, b...)
		return len(b), nil
	}
	if err := s.open(); err != nil {
		return 0, err
	}
	n, err := s.file.WriteAt(b, s.to)
	s.to += int64(n)
	if err != nil {
		return n, fmt.Errorf("api: keeping an answer until it is read: %w", err)
	}
	return n, nil
}

// open creates the file and removes its name at once, so that nothing is left behind however the process ends. mu is held.
func (s *spool) open() error {
	if s.file != nil {
		return nil
	}
	f, err := os.CreateTemp(s.dir, "answer-*.tmp")
	if err != nil {
		return fmt.Errorf("api: keeping an answer until it is read: %w", err)
	}
	_ = os.Remove(f.Name()) // if the system does not allow it, close removes the file
	s.file = f
	return nil
}

// read reads up to len(b) bytes, waiting until there are some. more reports whether others are there already. After the end, n is
// 0.
func (s *spool) read(b []byte) (n int, more bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.memory) == 0 && s.from == s.to && !s.ended && !s.abandoned {
		s.changed.Wait()
	}
	switch {
	case s.abandoned:
		return 0, false, errSpoolAbandoned
	case len(s.memory) > 0:
		n = copy(b, s.memory)
		if s.memory = s.memory[n:]; len(s.memory) == 0 {
			s.memory = nil
		}
	case s.from < s.to:
		n, err = s.file.ReadAt(b[:min(int64(len(b)), s.to-s.from)], s.from)
		if s.from += int64(n); s.from == s.to && err == nil {
			s.from, s.to = 0, 0
			err = s.file.Truncate(0)
			s.changed.Broadcast()
		}
		if err != nil {
			return n, false, fmt.Errorf("api: reading an answer that was kept: %w", err)
		}
	}
	return n, len(s.memory) > 0 || s.from < s.to, nil
}

// end marks the end of the writing.
func (s *spool) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	s.changed.Broadcast()
}

// abandon ends both sides and drops what is queued.
func (s *spool) abandon() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.abandoned = true
	s.changed.Broadcast()
}

// close deletes the file. Call it when writer and reader have ended.
func (s *spool) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file != nil {
		_ = s.file.Close()
		_ = os.Remove(s.file.Name())
		s.file = nil
	}
}
