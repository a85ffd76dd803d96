package gateway

import (
	"runtime/debug"
	"sync"
	"time"
)

// settler returns the memory that handshakes leave behind. Each handshake leaves some 40 KiB of garbage, and the collector
// lets garbage grow to the size of the live heap. So a server to which a fleet has just connected holds twice the memory that
// its idle sessions need, for as long as they are idle. Once many sessions have been opened and then none for a moment, the
// settler collects the garbage and returns its memory to the system. While sessions keep coming it does nothing: their
// garbage is room for the next ones.
type settler struct {
	release func() // never changes; collects, and returns memory to the system

	mu     sync.Mutex
	opened int         // guarded by mu; sessions since the last collection
	timer  *time.Timer // guarded by mu; nil: fewer than settleFrom have been opened
}

const (
	settleFrom = 1_000       // sessions that make a collection worthwhile
	settleWait = time.Second // without a new one
)

func newSettler() *settler { return &settler{release: debug.FreeOSMemory} }

// session counts a session that has been opened.
func (s *settler) session() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opened++
	switch {
	case s.opened < settleFrom:
	case s.timer == nil:
		s.timer = time.AfterFunc(settleWait, s.settle)
	default:
		s.timer.Reset(settleWait)
	}
}

// settle resets the count and releases the memory.
func (s *settler) settle() {
	s.mu.Lock()
	s.opened, s.timer = 0, nil
	s.mu.Unlock()
	s.release()
}

// stop ends the wait.
func (s *settler) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.timer != nil {
		s.timer.Stop()
	}
}
