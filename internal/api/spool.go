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
	maxSpool    = 1 << 30 // in its file; then the writer waits for the reader
)

// errSpoolAbandoned is what a writer gets whose reader has gone.
var errSpoolAbandoned = errors.New("api: nobody reads the answer any more")

// spool is a queue of bytes from one writer to one reader: in memory while the reader keeps up, in a file while it does not.
// So an answer can be made while its client reads nothing.
type spool struct {
	dir string // of the file; "": the system's for temporary files

	mu        sync.Mutex
	changed   sync.Cond // with mu
	memory    []byte    // guarded by mu; comes before what is in the file
	file      *os.File  // guarded by mu; nil until it is needed
	from, to  int64     // guarded by mu; what of the file is to be read
	ended     bool      // guarded by mu; nothing more is written
	abandoned bool      // guarded by mu; nothing more is read
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

// open makes the file, whose name goes at once: whatever ends the process, nothing is left behind. mu is held.
func (s *spool) open() error {
	if s.file != nil {
		return nil
	}
	f, err := os.CreateTemp(s.dir, "answer-*.tmp")
	if err != nil {
		return fmt.Errorf("api: keeping an answer until it is read: %w", err)
	}
	_ = os.Remove(f.Name()) // where a system does not let it, close does
	s.file = f
	return nil
}

// read takes up to len(b) bytes, and waits until there are some. more reports whether others are there already. After the
// end, n is 0.
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

// end says that nothing more is written.
func (s *spool) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	s.changed.Broadcast()
}

// abandon ends both sides; what is queued is dropped.
func (s *spool) abandon() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.abandoned = true
	s.changed.Broadcast()
}

// close gives the file's room back. Writer and reader have ended.
func (s *spool) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file != nil {
		_ = s.file.Close()
		_ = os.Remove(s.file.Name())
		s.file = nil
	}
}
