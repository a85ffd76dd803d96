package h2sim

import "sync"

// purse counts the bytes that requests on their way hold, over all connections: unfinished header blocks, headers, bodies,
// and what a stream costs by itself. When they are more than the limit, a connection has to go: the one whose client keeps
// the most of it waiting, by not ending its requests or not taking its answers. One that fills the memory hurts itself, not
// a sender whose many requests are whole and at work.
type purse struct {
	limit int64

	mu    sync.Mutex
	total int64             // guarded by mu: of all accounts
	held  map[*Conn]account // guarded by mu; a connection that has to go is no longer in it
}

// account is what one connection holds, in bytes.
type account struct {
	all     int64
	waiting int64 // of these, what waits for the client
}

// worse orders accounts by who has to go first.
func (a account) worse(b account) bool {
	if a.waiting != b.waiting {
		return a.waiting > b.waiting
	}
	return a.all > b.all
}

// streamCost is about what a stream costs besides its headers and body: its handler's stack and what stands around it.
const streamCost = 4 << 10

func newPurse(limit int64) *purse { return &purse{limit: limit, held: map[*Conn]account{}} }

func (p *purse) join(c *Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held[c] = account{}
}

// leave forgets a connection with all that it holds.
func (p *purse) leave(c *Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.total -= p.held[c].all
	delete(p.held, c)
}

// charge counts n more bytes (fewer, if n is negative) for c, and as many as wait for its client. most is the connection
// that has to go for it; nil: none.
func (p *purse) charge(c *Conn, n, waiting int64) (most *Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a, in := p.held[c]
	if !in {
		return nil
	}
	p.held[c] = account{a.all + n, a.waiting + waiting}
	p.total += n
	if n <= 0 || p.total <= p.limit {
		return nil
	}
	for other, a := range p.held {
		if most == nil || a.worse(p.held[most]) {
			most = other
		}
	}
	p.total -= p.held[most].all
	delete(p.held, most)
	return most
}
