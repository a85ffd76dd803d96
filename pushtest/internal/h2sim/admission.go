package h2sim

import (
	"container/list"
	"net"
	"sync"
	"time"
)

// admission decides who may be connected, and who has to go when the server is full. All clients of a simulator on a laptop
// have the same address, so what counts is what they have done: a connection is new until a request on it has had a good
// answer, and proven from then on. New ones go first, the oldest before the others; a quarter of the places is theirs, so that
// a client that has just come has time to prove itself, however many others have. Proven ones go only beyond that, those first
// that have asked for nothing for the longest time. No connection goes while a handler works for it.
type admission struct {
	max          int           // connections
	newcomerWait time.Duration // a new connection keeps its place for this long

	mu     sync.Mutex
	fresh  *list.List     // guarded by mu: of *slot, in order of arrival; the new ones
	proven map[*slot]bool // guarded by mu
}

// slot is the place of one TCP connection, from before its TLS handshake to its end.
type slot struct {
	raw       net.Conn  // never changes
	arrivedAt time.Time // never changes

	conn    *Conn         // guarded by admission.mu; nil until the handshake is over
	place   *list.Element // guarded by admission.mu: among the new ones; nil when it is proven or has been removed
	usedAt  time.Time     // guarded by admission.mu: when its last request was answered well; zero until it is proven
	working int           // guarded by admission.mu: handlers that have not returned
}

func newAdmission(max int, newcomerWait time.Duration) *admission {
	return &admission{max: max, newcomerWait: newcomerWait, fresh: list.New(), proven: map[*slot]bool{}}
}

// admit gives a new connection a slot, if need be that of evicted, which the caller has to close. Without a free one s is nil:
// after wait there may be one; wait 0 says that a handler works for each.
func (a *admission) admit(raw net.Conn, now time.Time) (s, evicted *slot, wait time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.fresh.Len()+len(a.proven) >= a.max {
		if evicted, wait = a.next(now); evicted == nil {
			return nil, nil, wait
		}
		a.remove(evicted)
	}
	s = &slot{raw: raw, arrivedAt: now}
	s.place = a.fresh.PushBack(s)
	return s, evicted, 0
}

// evict frees the slot that goes next, also if its connection has just come; nil if a handler works for each. The caller has
// to close it.
func (a *admission) evict() *slot {
	a.mu.Lock()
	defer a.mu.Unlock()
	out, _ := a.next(time.Now().Add(a.newcomerWait))
	if out != nil {
		a.remove(out)
	}
	return out
}

// next returns the slot that goes next; nil if none may go now, but perhaps after wait. The caller holds mu.
func (a *admission) next(now time.Time) (out *slot, wait time.Duration) {
	if a.fresh.Len() <= a.max/4 {
		if out = a.longestUnused(); out != nil {
			return out, 0
		}
	}
	for e := a.fresh.Front(); e != nil; e = e.Next() {
		s := e.Value.(*slot)
		if s.working > 0 {
			continue
		}
		if wait = s.arrivedAt.Add(a.newcomerWait).Sub(now); wait > 0 {
			return nil, wait
		}
		return s, 0
	}
	return a.longestUnused(), 0
}

// longestUnused returns the proven slot to go next; nil if there is none, or a handler works for each. The caller holds mu.
func (a *admission) longestUnused() (out *slot) {
	for s := range a.proven {
		if s.working == 0 && (out == nil || s.usedAt.Before(out.usedAt)) {
			out = s
		}
	}
	return out
}

// remove frees a slot, if it has not been freed before. The caller holds mu.
func (a *admission) remove(s *slot) {
	if s.place != nil {
		a.fresh.Remove(s.place)
		s.place = nil
	}
	delete(a.proven, s)
}

// leave notes that a connection is over.
func (a *admission) leave(s *slot) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.remove(s)
}

// connected notes that the handshake is over.
func (a *admission) connected(s *slot, c *Conn) {
	a.mu.Lock()
	defer a.mu.Unlock()
	s.conn = c
}

// begin notes that a handler starts.
func (a *admission) begin(s *slot) {
	a.mu.Lock()
	defer a.mu.Unlock()
	s.working++
}

// end notes that a handler has returned, with this status. One of 2xx proves a new connection.
func (a *admission) end(s *slot, status int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	s.working--
	if status < 200 || status > 299 || s.place == nil && !a.proven[s] { // evicted meanwhile
		return
	}
	s.usedAt = time.Now()
	if s.place != nil {
		a.fresh.Remove(s.place)
		s.place = nil
		a.proven[s] = true
	}
}
