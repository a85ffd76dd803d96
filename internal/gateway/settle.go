package gateway

import (
	"runtime/debug"
	"sync"
	"time"
)

// settler gives back what handshakes left. Each leaves some 40 KiB of garbage, and the collector lets garbage grow to the size of
// what lives: a server to which a fleet has just connected holds twice what its idle sessions need, for as long as they are
// idle. So, once many sessions have been opened and then none for a moment, their garbage is collected and its memory goes back
// to the system. While sessions keep coming nothing is done: what they leave is room for the next ones.
type settler struct {
	release func() // never changes; collects, and returns memory to the system

	mu     sync.Mutex
	opened int         // guarded by mu; sessions since the last time
	timer  *time.Timer // guarded by mu; nil: fewer than settleFrom have been opened
}

const (
	settleFrom = 1_000       // sessions for which a collection is worth while
	settleWait = time.Second // without a new one
)

func newSettler() *settler { return &settler{release: debug.FreeOSMemory} }

// session notes that one has been opened.
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

// settle starts to count anew, and releases.
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
