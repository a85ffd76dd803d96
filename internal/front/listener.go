package front

import (
	"container/list"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Config configures a Listener.
type Config struct {
	Connections int                   // the most; 0 means as many as the descriptors leave
	PerAddress  int                   // the most of one address that have shown no valid secret; 0 means a quarter of Connections, at most 16 384
	Trusted     Trusted               // proxies whose report of a client's address is believed
	Metrics     prometheus.Registerer // nil: none
	Logger      *slog.Logger          // nil discards
}

// Limits of the strangers of one address: their share of all connections, and their number. Each stranger may send a head of
// 32 KiB slowly.
const (
	perAddressShare = 4
	mostPerAddress  = 16_384
)

// Times that apply when few connections are left, and to the log lines about it.
const (
	tightIdle  = 5 * time.Second // the longest time between requests
	warnWait   = time.Minute     // between two warnings of the same kind
	tightParts = 5               // connections are tight when a fifth of them is left
)

// Listener accepts connections while there is room. It makes room by closing strangers first, and then idle connections.
type Listener struct {
	net.Listener
	cfg     Config // never changes
	metrics *metrics

	mu        sync.Mutex
	all       int                       // guarded by mu
	strangers map[netip.Addr]*list.List // guarded by mu; of *conn, oldest first
	idle      *list.List                // guarded by mu; of idleConn, longest idle first
	sweep     *time.Timer               // guarded by mu; nil: no sweep is scheduled
	full      pressure                  // guarded by mu; a new connection found no room
	crowded   pressure                  // guarded by mu; an address had too many strangers
	closed    bool                      // guarded by mu
}

// pressure is a time without room, so that the log can say how many connections that cost. It is not a spell.Spell,
// which logs each minute while a trouble lasts: full connections have a line when that begins and one when there is room again;
// crowded addresses have a line a minute at most, and no end.
type pressure struct {
	since  time.Time // of full: when it began; zero: connections are not full
	last   time.Time // of crowded: when the last line was logged
	closed int       // connections closed because of it
}

type idleConn struct {
	conn  *conn
	since time.Time
}

// Listen wraps a listener.
func Listen(ln net.Listener, cfg Config) (*Listener, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	cfg.Logger = cfg.Logger.With("room", "front")
	room := connectionsFor(descriptors())
	if cfg.Connections > room {
		cfg.Logger.Warn("the descriptors do not suffice for so many connections; raise the limit (ulimit -n, LimitNOFILE)",
			"limits.connections", cfg.Connections, "connections", room)
	}
	if cfg.Connections == 0 || cfg.Connections > room {
		cfg.Connections = room
	}
	if cfg.PerAddress == 0 {
		cfg.PerAddress = min(max(1, cfg.Connections/perAddressShare), mostPerAddress)
	}
	l := &Listener{Listener: ln, cfg: cfg, strangers: map[netip.Addr]*list.List{}, idle: list.New()}
	var err error
	l.metrics, err = newMetrics(cfg.Metrics, l)
	return l, err
}

// connectionsFor returns how many connections so many descriptors allow: some descriptors are reserved for the database, the
// providers and files.
func connectionsFor(descriptors int) int {
	const least, most = 64, 4_096
	reserve := min(max(descriptors/10, least), most, descriptors/2)
	return max(1, descriptors-reserve)
}

// Attach makes an HTTP server report its connections' states to l, and gives its handler the clients' addresses.
func (l *Listener) Attach(srv *http.Server) {
	srv.ConnContext = connContext
	srv.ConnState = l.connState
	srv.Handler = l.Handler(srv.Handler)
}

// Accept waits for the next connection that there is room for.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			l.outOfDescriptors(err)
			return nil, err
		}
		if own := l.admit(c); own != nil {
			return own, nil
		}
		_ = c.Close()
	}
}

// Close closes the listener. It may be called again.
func (l *Listener) Close() error {
	l.mu.Lock()
	was := l.closed
	l.closed = true
	if l.sweep != nil {
		l.sweep.Stop()
	}
	l.mu.Unlock()
	if was {
		return nil
	}
	return l.Listener.Close()
}

// admit counts a new connection, and returns nil if there is no room for it.
func (l *Listener) admit(c net.Conn) *conn {
	own := &conn{Conn: c, listener: l, client: addrPortOf(c.RemoteAddr())}
	trusted := l.cfg.Trusted.has(own.client.Addr())
	if trusted {
		own.proxied = newProxied(c)
		own.known.Store(true)
	}
	l.mu.Lock()
	victims, room := l.makeRoom(own, trusted)
	if room {
		l.all++
		own.counted = true
		if !trusted {
			l.addStranger(own)
		}
		l.watchIdle()
	}
	l.mu.Unlock()
	l.end(victims)
	if !room {
		l.metrics.closed.WithLabelValues("refused").Inc()
		return nil
	}
	return own
}

// makeRoom drops the connections that must make room for a new one, and returns them to be closed. room is false if there is
// none to drop. mu is held.
func (l *Listener) makeRoom(c *conn, trusted bool) (victims []*conn, room bool) {
	if !trusted {
		victims = l.evictOldest(c.client.Addr())
	}
	if l.all < l.cfg.Connections {
		return victims, true
	}
	victim := l.leastKnown()
	l.warnFull()
	if victim == nil {
		return victims, false
	}
	l.drop(victim)
	l.metrics.closed.WithLabelValues("full").Inc()
	return append(victims, victim), true
}

// evictOldest drops and returns the oldest stranger of an address that has as many as it may have. mu is held.
func (l *Listener) evictOldest(a netip.Addr) []*conn {
	of := l.strangers[Who(a)]
	if of == nil || of.Len() < l.cfg.PerAddress {
		return nil
	}
	victim := of.Front().Value.(*conn)
	l.drop(victim)
	l.metrics.closed.WithLabelValues("address").Inc()
	l.warnCrowded(a)
	return []*conn{victim}
}

// leastKnown returns the connection to close first: the oldest stranger of the address that has most of them, otherwise the
// connection that has been idle longest, or nil if there is neither. mu is held.
func (l *Listener) leastKnown() *conn {
	var most *list.List
	for _, of := range l.strangers {
		if most == nil || of.Len() > most.Len() {
			most = of
		}
	}
	switch {
	case most != nil:
		return most.Front().Value.(*conn)
	case l.idle.Len() > 0:
		return l.idle.Front().Value.(idleConn).conn
	}
	return nil
}

func (l *Listener) addStranger(c *conn) {
	who := Who(c.client.Addr())
	of := l.strangers[who]
	if of == nil {
		of = list.New()
		l.strangers[who] = of
	}
	c.stranger = of.PushBack(c)
}

// becomeKnown takes a connection out of the strangers.
func (l *Listener) becomeKnown(c *conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.removeStranger(c)
}

func (l *Listener) removeStranger(c *conn) {
	if c.stranger == nil {
		return
	}
	who := Who(c.client.Addr())
	of := l.strangers[who]
	of.Remove(c.stranger)
	c.stranger = nil
	if of.Len() == 0 {
		delete(l.strangers, who)
	}
}

// setClient records the client behind a trusted proxy's connection, and counts the connection as the client's.
func (l *Listener) setClient(c *conn, client netip.AddrPort) {
	l.mu.Lock()
	c.client = client
	var victims []*conn
	if c.counted && !l.cfg.Trusted.has(client.Addr()) {
		victims = l.evictOldest(client.Addr())
		c.known.Store(false)
		l.addStranger(c)
	}
	l.mu.Unlock()
	l.end(victims)
}

// forget uncounts a connection that ends.
func (l *Listener) forget(c *conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.drop(c)
	l.warnRoomAgain()
}

// drop takes a connection out of all counts and lists. mu is held.
func (l *Listener) drop(c *conn) {
	if !c.counted {
		return
	}
	c.counted = false
	l.all--
	l.removeStranger(c)
	l.leaveIdle(c)
}

// end closes connections that were dropped. mu is not held: their readers may be waking up.
func (l *Listener) end(victims []*conn) {
	for _, c := range victims {
		_ = c.Conn.Close()
	}
}
