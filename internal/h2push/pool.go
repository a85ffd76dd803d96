package h2push

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hushpush/hush/internal/proxy"
	"github.com/hushpush/hush/push"
)

// Why a request found no connection.
var (
	ErrClosed      = errors.New("the connection pool is closed")
	errDialTimeout = push.Timeout("the connection was not ready in time")
)

// sends is how often one request is sent at most. It is sent again only if the peer has certainly not processed it.
const sends = 4

// shortWait is how long a request waits for a reconnect that is held back; beyond it the request is told to come back.
const shortWait = time.Second

// shortLife is the age below which a connection that ends without any answer counts as a failed one.
const shortLife = 10 * time.Second

// maxSerial is how many connections there may be where each carries one request at a time.
const maxSerial = 64

// Pool keeps connections to one host for one sender: one provider account, as APNs refuses two teams on one connection.
type Pool struct {
	cfg    Config
	host   endpoint
	dialer proxy.Dialer

	ctx  context.Context // ends with Close; never changes
	stop context.CancelFunc
	work sync.WaitGroup // dials and the connections' loops

	mu        sync.Mutex
	slots     []*slot   // guarded by mu; until their connection is closed
	waiters   []*waiter // guarded by mu; first come, first served; as many as callers wait in Do, who bound themselves
	dialing   bool      // guarded by mu; one dial at a time
	fails     int       // guarded by mu; dials that failed, or connections that brought no answer, in a row
	notBefore time.Time // guarded by mu; no dial before it
	lastErr   error     // guarded by mu; of the last of those
	serial    bool      // guarded by mu; the host speaks HTTP/1.1 only
	closed    bool      // guarded by mu
	again     *time.Timer
	idle      chan struct{} // guarded by mu; closed when nothing is in flight, for Close; nil: nobody waits
}

// slot is a connection with what the pool knows of it. Guarded by Pool.mu.
type slot struct {
	conn     connection
	inFlight int
	warming  bool      // no answer has proved it yet
	answered bool      // any answer at all
	busy     time.Time // since when its present request is under way; for warming ones
	since    time.Time // when it was made
}

func (s *slot) begin() {
	s.inFlight++
	s.touch()
}

func (s *slot) touch() {
	if s.warming {
		s.busy = time.Now()
	}
}

// connection is one of HTTP/2 or HTTP/1.1. It must not hold a lock of its own while it calls the pool.
type connection interface {
	roundTrip(context.Context, Request) (Response, error)
	usable() bool // false once it takes no more requests
	retire()      // takes no more requests, and is closed once its last answer has come; safe twice
	limit() int   // requests at once, while it is usable
	shut(error)   // closes at once; safe twice
}

type waiter struct {
	ready chan grant // holds one
}

type grant struct {
	slot *slot
	err  error
}

// New checks the configuration. The first connection is made when the first request comes.
func New(cfg Config) (*Pool, error) {
	cfg = cfg.withDefaults()
	if err := CheckURL(cfg.URL, cfg.HTTP1); err != nil {
		return nil, fmt.Errorf("h2push: URL: %w", err)
	}
	host, _ := parseEndpoint(cfg.URL) // checked above
	p := &Pool{cfg: cfg, host: host, dialer: proxy.Dialer{Choice: cfg.Proxy}}
	if cfg.TLS != nil {
		p.dialer.Roots = cfg.TLS.RootCAs
	}
	p.ctx, p.stop = context.WithCancel(context.Background())
	return p, nil
}

// Do sends a request and waits for the answer, whatever its status. Redirects are answers like any other. A request that
// the peer has certainly not processed (refused, above a GOAWAY's last stream, never written) is sent again at once on
// another connection, a few times. An error is an *Error.
func (p *Pool) Do(ctx context.Context, req Request) (Response, error) {
	var last error
	for range sends {
		s, err := p.acquire(ctx)
		if err != nil {
			return Response{}, withReasonOf(err, last)
		}
		resp, err := s.conn.roundTrip(ctx, req)
		p.release(s, resp, err)
		if err == nil {
			return resp, nil
		}
		last = err
		var e *Error
		if errors.As(err, &e) && e.Sent || ctx.Err() != nil {
			return Response{}, err
		}
	}
	return Response{}, last
}

// withReasonOf keeps the GOAWAY's reason when the reconnect after it fails: it says more than the dial's error.
func withReasonOf(err, last error) error {
	var e, l *Error
	if errors.As(err, &e) && errors.As(last, &l) && e.Reason == "" {
		e.Reason = l.Reason
	}
	return err
}

// acquire takes a place on a connection, and waits for one if all are taken.
func (p *Pool) acquire(ctx context.Context) (*slot, error) {
	if ctx.Err() != nil {
		return nil, &Error{Err: context.Cause(ctx)}
	}
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, &Error{Err: ErrClosed}
	}
	if s := p.claim(); s != nil {
		p.mu.Unlock()
		return s, nil
	}
	w := &waiter{ready: make(chan grant, 1)}
	p.waiters = append(p.waiters, w)
	p.dispatch()
	p.mu.Unlock()
	select {
	case g := <-w.ready:
		return g.slot, g.err
	case <-ctx.Done():
		p.leave(w)
		return nil, &Error{Err: context.Cause(ctx)}
	}
}

// claim takes a place where one is free and nobody waits for it, as it nearly always is. The caller holds mu.
func (p *Pool) claim() *slot {
	if len(p.waiters) > 0 {
		return nil
	}
	s := p.pick()
	if s == nil {
		return nil
	}
	s.begin()
	if p.crowded() {
		p.grow()
	}
	return s
}

// leave removes a waiter from the queue; a place that it was given meanwhile goes to the next one.
func (p *Pool) leave(w *waiter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, other := range p.waiters {
		if other == w {
			p.waiters = append(p.waiters[:i], p.waiters[i+1:]...)
			return
		}
	}
	if g := <-w.ready; g.slot != nil {
		g.slot.inFlight--
		p.dispatch()
	}
}

func (p *Pool) release(s *slot, resp Response, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.inFlight--
	s.touch()
	if err == nil {
		s.answered = true
		p.fails, p.notBefore = 0, time.Time{}
		if s.warming && p.cfg.Proves(resp) {
			s.warming = false
		}
		if p.cfg.Spent != nil && p.cfg.Spent(resp) {
			s.conn.retire()
		}
	}
	p.dispatch()
}

// dispatch gives free places to those who wait, and sees to more connections. The caller holds mu.
func (p *Pool) dispatch() {
	for len(p.waiters) > 0 {
		s := p.pick()
		if s == nil {
			break
		}
		s.begin()
		p.waiters[0].ready <- grant{slot: s}
		p.waiters = p.waiters[1:]
	}
	if len(p.waiters) > 0 || p.crowded() {
		p.grow()
	}
	if p.idle != nil && p.inFlight() == 0 {
		close(p.idle)
		p.idle = nil
	}
}

// pick returns the least busy connection with a free place; nil if there is none. The caller holds mu.
func (p *Pool) pick() *slot {
	var best *slot
	for _, s := range p.slots {
		if !s.conn.usable() {
			continue
		}
		limit := s.conn.limit()
		if s.warming {
			limit = min(limit, 1)
		}
		if s.inFlight < limit && (best == nil || s.inFlight < best.inFlight) {
			best = s
		}
	}
	return best
}

// crowded reports whether every connection has so much in flight that one more would help. The caller holds mu.
func (p *Pool) crowded() bool {
	usable := 0
	for _, s := range p.slots {
		if !s.conn.usable() {
			continue
		}
		if s.inFlight < p.cfg.GrowAt {
			return false
		}
		usable++
	}
	return usable > 0
}

// grow starts a dial if one more connection is allowed and would help. The caller holds mu.
func (p *Pool) grow() {
	if p.closed || p.dialing {
		return
	}
	usable := 0
	for _, s := range p.slots {
		if !s.conn.usable() {
			continue
		}
		usable++
		// A fresh connection takes one request only; more connections would not make that faster, unless it hangs.
		if hangs := s.busy.Add(p.cfg.WarmUpWait); s.warming && time.Now().Before(hangs) {
			p.lookAgain(time.Until(hangs))
			return
		}
	}
	if usable >= p.most() || len(p.slots) >= 2*p.most() {
		return
	}
	wait := time.Until(p.notBefore)
	switch {
	case wait <= 0:
		p.dialing = true
		p.work.Go(p.dial)
	case wait > shortWait && usable == 0:
		p.giveUp()
	default:
		p.lookAgain(wait)
	}
}

// most returns how many usable connections there may be. The caller holds mu.
func (p *Pool) most() int {
	if p.serial {
		return max(p.cfg.MaxConns, maxSerial)
	}
	return p.cfg.MaxConns
}

// lookAgain has dispatch run after a wait. The caller holds mu.
func (p *Pool) lookAgain(wait time.Duration) {
	if p.again != nil {
		p.again.Stop()
	}
	p.again = time.AfterFunc(wait, p.changed)
}

// changed is called when a connection takes more requests, or none any more.
func (p *Pool) changed() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dispatch()
}

// giveUp fails all who wait, with the reason why there is no connection and when the next one may be made. The caller holds mu.
func (p *Pool) giveUp() {
	e := &Error{Err: p.lastErr, RetryAfter: max(time.Until(p.notBefore), 0)}
	var lost *Error
	if errors.As(p.lastErr, &lost) {
		e.Reason = lost.Reason
	}
	p.failWaiters(e)
}

// failWaiters fails all who wait. The caller holds mu.
func (p *Pool) failWaiters(e *Error) {
	for _, w := range p.waiters {
		own := *e
		w.ready <- grant{err: &own}
	}
	p.waiters = nil
}

func (p *Pool) dial() {
	ctx, cancel := context.WithTimeoutCause(p.ctx, p.cfg.DialTimeout, errDialTimeout)
	defer cancel()
	s := &slot{warming: p.cfg.Proves != nil, busy: time.Now(), since: time.Now()}
	err := p.connect(ctx, s)

	p.mu.Lock()
	defer p.mu.Unlock()
	p.dialing = false
	if err != nil {
		p.failed(fmt.Errorf("connect to %s: %w", p.host.addr, err))
		if len(p.slots) == 0 {
			p.giveUp()
		}
	}
	p.dispatch()
}

// add adds a ready connection. It is called before the connection can report that it was lost.
func (p *Pool) add(s *slot) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return ErrClosed
	}
	p.slots = append(p.slots, s)
	p.cfg.Logger.Debug("connected", "host", p.host.addr, "connections", len(p.slots))
	return nil
}

// lost removes a closed connection.
func (p *Pool) lost(s *slot, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, other := range p.slots {
		if other == s {
			p.slots = append(p.slots[:i], p.slots[i+1:]...)
			p.cfg.Logger.Debug("connection closed", "host", p.host.addr, "error", err)
			if !s.answered && time.Since(s.since) < shortLife {
				p.failed(err)
			}
			if p.fails >= sends && len(p.slots) == 0 {
				p.giveUp()
			}
			break
		}
	}
	p.dispatch()
}

// failed records a connection that failed, and delays the next one. The caller holds mu.
func (p *Pool) failed(err error) {
	if p.closed {
		return
	}
	// Each dial makes a new error, so its text says whether the log would repeat itself. Nothing else depends on that.
	if p.lastErr == nil || p.fails == 0 || p.lastErr.Error() != err.Error() {
		p.cfg.Logger.Debug("no connection to the provider", "host", p.host.addr, "error", err)
	}
	p.fails++
	p.lastErr = err
	p.notBefore = time.Now().Add(backOff(p.fails))
}

func (p *Pool) inFlight() int {
	n := 0
	for _, s := range p.slots {
		n += s.inFlight
	}
	return n
}

// Close refuses new requests, waits for those in flight until ctx ends, and closes all connections. It may be called twice.
func (p *Pool) Close(ctx context.Context) {
	p.mu.Lock()
	p.closed = true
	if p.again != nil {
		p.again.Stop()
	}
	p.failWaiters(&Error{Err: ErrClosed})
	var idle chan struct{}
	if p.inFlight() > 0 {
		if p.idle == nil {
			p.idle = make(chan struct{})
		}
		idle = p.idle
	}
	p.mu.Unlock()
	if idle != nil {
		select {
		case <-idle:
		case <-ctx.Done():
		}
	}
	p.stop()
	p.mu.Lock()
	conns := make([]connection, 0, len(p.slots))
	for _, s := range p.slots {
		conns = append(conns, s.conn)
	}
	p.mu.Unlock()
	for _, c := range conns {
		c.shut(ErrClosed)
	}
	p.work.Wait()
}
