package h2sim

import "sync"

// memoryBudget counts the bytes that requests on their way hold, over all connections: unfinished header blocks, headers, bodies,
// and what a stream costs by itself. When they are more than the limit, a connection has to go: the one whose client keeps
// the most of it waiting, by not ending its requests or not taking its answers. One that fills the memory hurts itself, not
// a sender whose many requests are whole and at work.
type memoryBudget struct {
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

func newMemoryBudget(limit int64) *memoryBudget {
	return &memoryBudget{limit: limit, held: map[*Conn]account{}}
}

func (m *memoryBudget) join(c *Conn) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.held[c] = account{}
}

// leave forgets a connection with all that it holds.
func (m *memoryBudget) leave(c *Conn) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.total -= m.held[c].all
	delete(m.held, c)
}

// charge counts n more bytes (fewer, if n is negative) for c, and as many as wait for its client. most is the connection
// that has to go for it; nil: none.
func (m *memoryBudget) charge(c *Conn, n, waiting int64) (most *Conn) {
	m.mu.Lock()
	defer m.mu.Unlock()
	a, in := m.held[c]
	if !in {
		return nil
	}
	m.held[c] = account{a.all + n, a.waiting + waiting}
	m.total += n
	if n <= 0 || m.total <= m.limit {
		return nil
	}
	for other, a := range m.held {
		if most == nil || a.worse(m.held[most]) {
			most = other
		}
	}
	m.total -= m.held[most].all
	delete(m.held, most)
	return most
}
