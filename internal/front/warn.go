package front

import (
	"errors"
	"net/netip"
	"syscall"
	"time"
)

// warnFull logs that there was no room for a connection, once until there is room again. mu is held.
func (l *Listener) warnFull() {
	if l.full.since.IsZero() {
		l.full = pressure{since: time.Now()}
		strangers := 0
		for _, of := range l.strangers {
			strangers += of.Len()
		}
		l.cfg.Logger.Warn("connections are full: each new one ends one that has shown no secret, or the one longest idle; raise limits.connections, and the limit of descriptors",
			"connections", l.all, "without_secret", strangers, "addresses", len(l.strangers))
	}
	l.full.closed++
}

// warnCrowded logs an address with too many strangers, at most once in warnWait. mu is held.
func (l *Listener) warnCrowded(a netip.Addr) {
	l.crowded.closed++
	now := time.Now()
	if now.Sub(l.crowded.last) < warnWait {
		return
	}
	l.cfg.Logger.Warn("an address has as many connections without a secret as it may: each new one ends its oldest; a proxy's belongs into listen.trusted_proxies",
		"address", a, "limits.connections_per_address", l.cfg.PerAddress, "ended", l.crowded.closed)
	l.crowded = pressure{last: now}
}

// warnRoomAgain logs that there is room again. mu is held.
func (l *Listener) warnRoomAgain() {
	if l.full.since.IsZero() || l.tight() {
		return
	}
	l.cfg.Logger.Warn("connections are no longer full", "connections", l.all, "ended", l.full.closed, "for", time.Since(l.full.since).Round(time.Second))
	l.full = pressure{}
}

// outOfDescriptors makes room when the system has no descriptors left, for instance because something else took those that
// were reckoned with.
func (l *Listener) outOfDescriptors(err error) {
	if !errors.Is(err, syscall.EMFILE) && !errors.Is(err, syscall.ENFILE) {
		return
	}
	var victims []*conn
	l.mu.Lock()
	if victim := l.leastKnown(); victim != nil {
		l.drop(victim)
		victims = append(victims, victim)
	}
	l.warnFull()
	l.mu.Unlock()
	l.metrics.closed.WithLabelValues("full").Add(float64(len(victims)))
	l.end(victims)
}
