package gateway

import (
	"container/heap"
	"sync"
	"time"

	"github.com/lxzan/gws"

	"github.com/hushpush/hush/protocol"
)

// beats calls each session when its next heartbeat, or the end of its token, is due. All sessions share one timer, which runs
// only while there are sessions.
type beats struct {
	began time.Time // never changes; times are counted from it by the steady clock

	mu    sync.Mutex
	due   beatHeap    // guarded by mu; the session at the front is due first
	timer *time.Timer // guarded by mu; nil before the first session
}

// beatHeap implements heap.Interface.
type beatHeap []*session

func (h beatHeap) Len() int           { return len(h) }
func (h beatHeap) Less(i, j int) bool { return h[i].beatAt < h[j].beatAt }

// Swap swaps two sessions and updates their places.
func (h beatHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i+1, j+1
}

// Push appends a session.
func (h *beatHeap) Push(x any) {
	s := x.(*session)
	*h = append(*h, s)
	s.place = len(*h)
}

// Pop removes and returns the last session.
func (h *beatHeap) Pop() any {
	last := len(*h) - 1
	s := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	s.place = 0
	return s
}

// set arranges for one call of the session, after wait. The session must not be waiting for another call.
func (b *beats) set(s *session, wait time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s.beatAt = time.Since(b.began) + wait
	heap.Push(&b.due, s)
	switch {
	case b.timer == nil:
		b.timer = time.AfterFunc(wait, b.run)
	case b.due[0] == s:
		b.timer.Reset(wait)
	}
}

// drop cancels a session's call. A call that has just become due may still be made.
func (b *beats) drop(s *session) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s.place > 0 {
		heap.Remove(&b.due, s.place-1)
	}
	if len(b.due) == 0 && b.timer != nil {
		b.timer.Stop()
	}
}

// run calls the sessions that are due.
func (b *beats) run() {
	for s := b.next(); s != nil; s = b.next() {
		s.pulse()
	}
}

// next removes and returns a session that is due. If none is due, it sets the timer for the first one and returns nil.
func (b *beats) next() *session {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.due) == 0 {
		return nil
	}
	if wait := b.due[0].beatAt - time.Since(b.began); wait > 0 {
		b.timer.Reset(wait)
		return nil
	}
	return heap.Pop(&b.due).(*session)
}

// beat arranges for the session's next heartbeat, or for a call at the end of the user's token if that is sooner. s.mu is
// held.
func (s *session) beat() {
	if s.code != 0 {
		return
	}
	wait := s.gateway.cfg.Heartbeat
	if end, ok := s.tokenEnds(); ok {
		wait = min(wait, end.Sub(s.gateway.cfg.Now()))
	}
	s.gateway.beats.set(s, max(wait, time.Millisecond))
}

// pulse does one heartbeat: it ends a session that is silent or whose token has expired, and pings any other.
func (s *session) pulse() {
	silent := time.Since(s.gateway.beats.began) - time.Duration(s.heard.Load())
	end, ends := s.tokenEnds()
	switch {
	case ends && !s.gateway.cfg.Now().Before(end):
		s.end(protocol.CloseTokenExpired)
	case silent >= 2*s.gateway.cfg.Heartbeat:
		s.end(protocol.CloseIdle)
	default:
		s.enqueue(frame{opcode: gws.OpcodePing})
		s.mu.Lock()
		s.beat()
		s.mu.Unlock()
	}
}

// tokenEnds returns when the user's token expires, or false if it never does.
func (s *session) tokenEnds() (time.Time, bool) {
	return time.Unix(0, s.expires), s.expires != 0
}

// hear records a sign of life.
func (s *session) hear() { s.heard.Store(int64(time.Since(s.gateway.beats.began))) }
