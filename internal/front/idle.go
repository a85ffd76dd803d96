package front

import (
	"net"
	"net/http"
	"time"
)

// connState is http.Server's ConnState: it keeps the list of idle connections.
func (l *Listener) connState(nc net.Conn, s http.ConnState) {
	c := connOf(nc)
	if c == nil || s == http.StateNew {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.leaveIdle(c)
	if s == http.StateIdle && c.counted {
		c.idle = l.idle.PushBack(idleConn{c, time.Now()})
		l.watchIdle()
	}
}

// leaveIdle removes a connection from the idle ones. mu is held.
func (l *Listener) leaveIdle(c *conn) {
	if c.idle != nil {
		l.idle.Remove(c.idle)
		c.idle = nil
	}
}

// tight reports whether few connections are left. mu is held.
func (l *Listener) tight() bool { return l.all*tightParts >= l.cfg.Connections*(tightParts-1) }

// watchIdle schedules the next sweep of idle connections if connections are tight. mu is held.
func (l *Listener) watchIdle() {
	if l.sweep == nil && !l.closed && l.idle.Len() > 0 && l.tight() {
		l.sweep = time.AfterFunc(tightIdle, l.sweepIdle)
	}
}

// sweepIdle closes the connections that have been idle for tightIdle or longer, while connections are tight.
func (l *Listener) sweepIdle() {
	var victims []*conn
	l.mu.Lock()
	l.sweep = nil
	for e := l.idle.Front(); e != nil && l.tight() && time.Since(e.Value.(idleConn).since) >= tightIdle; e = l.idle.Front() {
		victim := e.Value.(idleConn).conn
		l.drop(victim)
		victims = append(victims, victim)
	}
	l.watchIdle()
	l.mu.Unlock()
	l.metrics.closed.WithLabelValues("idle").Add(float64(len(victims)))
	l.end(victims)
}
