package front

import (
	"net"
	"net/http"
	"time"
)

// state is told by http.Server what its connections do.
func (l *Listener) state(nc net.Conn, s http.ConnState) {
	c := connOf(nc)
	if c == nil || s == http.StateNew {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.busy(c)
	if s == http.StateIdle && c.counted {
		c.idle = l.idle.PushBack(idleConn{c, time.Now()})
		l.watchIdle()
	}
}

// busy takes a connection out of the idle ones. mu is held.
func (l *Listener) busy(c *conn) {
	if c.idle != nil {
		l.idle.Remove(c.idle)
		c.idle = nil
	}
}

// tight reports whether few connections are left. mu is held.
func (l *Listener) tight() bool { return l.all*tightParts >= l.cfg.Connections*(tightParts-1) }

// watchIdle sees to it that idle connections are closed soon while connections are tight. mu is held.
func (l *Listener) watchIdle() {
	if l.sweep == nil && !l.closed && l.idle.Len() > 0 && l.tight() {
		l.sweep = time.AfterFunc(tightIdle, l.sweepIdle)
	}
}

// sweepIdle closes what has been idle for longer than it may while connections are tight.
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
