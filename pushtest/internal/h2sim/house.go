package h2sim

import (
	"container/list"
	"net"
	"sync"
	"time"
)

// house knows who is connected, and who has to go when it is full. All clients of a simulator on a laptop have the same
// address, so what counts is what they have done: a guest is a stranger until a request of its has had a good answer, and
// known from then on. Strangers go first, in the order in which they came; a quarter of the places is theirs, so that one
// who has just come has time to become known, however many known ones there are. Known guests go only beyond that, those
// first that have asked for nothing for the longest time, and never while a handler works for them.
type house struct {
	places int
	grace  time.Duration // for a stranger to become known; it is not sent away before

	mu        sync.Mutex
	strangers *list.List      // guarded by mu: of *guest, in order of arrival
	known     map[*guest]bool // guarded by mu
}

// guest is one TCP connection, that in the TLS handshake included.
type guest struct {
	raw  net.Conn  // never changes
	came time.Time // never changes

	conn    *Conn         // guarded by house.mu; nil until the handshake is over
	place   *list.Element // guarded by house.mu: among the strangers; nil for others
	used    time.Time     // guarded by house.mu: when its last request was answered well
	working int           // guarded by house.mu: handlers that have not returned
}

func newHouse(places int, grace time.Duration) *house {
	return &house{places: places, grace: grace, strangers: list.New(), known: map[*guest]bool{}}
}

// admit takes a new connection in, if need be in the place of out, which is to be closed. Without a place it returns no
// guest: after wait there may be one; wait 0 says that all are at work.
func (h *house) admit(raw net.Conn, now time.Time) (g, out *guest, wait time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.strangers.Len()+len(h.known) >= h.places {
		if out, wait = h.leastMissed(now); out == nil {
			return nil, nil, wait
		}
		h.remove(out)
	}
	g = &guest{raw: raw, came: now}
	g.place = h.strangers.PushBack(g)
	return g, out, 0
}

// evict takes out whoever is missed the least, early or not; nil if all are at work.
func (h *house) evict() *guest {
	h.mu.Lock()
	defer h.mu.Unlock()
	out, _ := h.leastMissed(time.Now().Add(h.grace))
	if out != nil {
		h.remove(out)
	}
	return out
}

// leastMissed is who goes next; nil if nobody may go now, but perhaps after wait. The caller holds mu.
func (h *house) leastMissed(now time.Time) (out *guest, wait time.Duration) {
	if h.strangers.Len() <= h.places/4 {
		if out = h.longestUnused(); out != nil {
			return out, 0
		}
	}
	for e := h.strangers.Front(); e != nil; e = e.Next() {
		g := e.Value.(*guest)
		if g.working > 0 {
			continue
		}
		if wait = g.came.Add(h.grace).Sub(now); wait > 0 {
			return nil, wait
		}
		return g, 0
	}
	return h.longestUnused(), 0
}

func (h *house) longestUnused() (out *guest) {
	for g := range h.known {
		if g.working == 0 && (out == nil || g.used.Before(out.used)) {
			out = g
		}
	}
	return out
}

// remove takes a guest out; it may have gone before. The caller holds mu.
func (h *house) remove(g *guest) {
	if g.place != nil {
		h.strangers.Remove(g.place)
		g.place = nil
	}
	delete(h.known, g)
}

func (h *house) leave(g *guest) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.remove(g)
}

// speaks notes that the handshake is over.
func (h *house) speaks(g *guest, c *Conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	g.conn = c
}

func (h *house) begin(g *guest) {
	h.mu.Lock()
	defer h.mu.Unlock()
	g.working++
}

// end notes that a handler has returned, with this status. One of 2xx makes a stranger known.
func (h *house) end(g *guest, status int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	g.working--
	if status < 200 || status > 299 || g.place == nil && !h.known[g] { // or it has lost its place meanwhile
		return
	}
	g.used = time.Now()
	if g.place != nil {
		h.strangers.Remove(g.place)
		g.place = nil
		h.known[g] = true
	}
}
