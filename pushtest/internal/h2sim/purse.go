package h2sim

import "sync"

// purse counts the bytes that requests on their way hold, over all connections: unfinished header blocks, headers, bodies,
// and what a stream costs by itself. When they are more than the limit, the connection that holds the most has to go: one
// that fills the memory hurts itself, not the others.
type purse struct {
	limit int64

	mu    sync.Mutex
	total int64           // guarded by mu
	held  map[*Conn]int64 // guarded by mu; a connection that has to go is no longer in it
}

// streamCost is about what a stream costs besides its headers and body: its handler's stack and what stands around it.
const streamCost = 4 << 10

func newPurse(limit int64) *purse { return &purse{limit: limit, held: map[*Conn]int64{}} }

func (p *purse) join(c *Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held[c] = 0
}

// leave forgets a connection with all that it holds.
func (p *purse) leave(c *Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.total -= p.held[c]
	delete(p.held, c)
}

// charge counts n more bytes (fewer, if n is negative) for c. most is the connection that has to go for it; nil: none.
func (p *purse) charge(c *Conn, n int64) (most *Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, in := p.held[c]; !in {
		return nil
	}
	p.held[c] += n
	p.total += n
	if n <= 0 || p.total <= p.limit {
		return nil
	}
	for other, held := range p.held {
		if most == nil || held > p.held[most] {
			most = other
		}
	}
	p.total -= p.held[most]
	delete(p.held, most)
	return most
}
