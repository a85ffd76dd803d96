package api

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// auditRecord is one administrative change, or one refused authentication.
type auditRecord struct {
	what, outcome     string
	status            int
	code              string // of a refusal's problem
	who, role         string // who is "" if the caller is unknown
	app, target, from string
	more              []slog.Attr
}

// Limits on single refusal records per auditPer; further refusals are summed up. This bounds the log, and a flood from one
// address does not hide refusals elsewhere.
const (
	auditPer        = time.Minute
	auditPerAddress = 10
	auditSingles    = 100
	auditSums       = 256 // sums by address; further addresses are summed up together
)

// auditLog writes audit records. It writes each change, and refusals within the limits above.
type auditLog struct {
	log     *slog.Logger
	records *prometheus.CounterVec

	mu        sync.Mutex
	begun     time.Time      // guarded by mu; start of the present auditPer
	singles   int            // guarded by mu; refusals written in it
	addresses map[string]int // guarded by mu; refusals written in it, by address
	sums      map[sumKey]int // guarded by mu; not written yet
	timer     *time.Timer    // guarded by mu; will write the sums; nil: there are none
}

// sumKey groups refusals that are summed up.
type sumKey struct {
	what, code, from string // from is "" for several addresses
	status           int
}

func newAuditLog(log *slog.Logger, registry prometheus.Registerer) (*auditLog, error) {
	l := &auditLog{log: log, addresses: map[string]int{}, sums: map[sumKey]int{}}
	l.records = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "hush_audit_events_total", Help: "Administrative changes and refused authentications, by what was asked and its outcome; also those that the log sums up.",
	}, []string{"what", "outcome"})
	if err := registry.Register(l.records); err != nil {
		return nil, fmt.Errorf("api: registering metrics: %w", err)
	}
	return l, nil
}

// add counts a record, and writes it unless it is a refusal beyond the limits.
func (l *auditLog) add(r auditRecord) {
	l.records.WithLabelValues(r.what, r.outcome).Inc()
	if r.outcome == outcomeRefused && !l.single(r) {
		return
	}
	attrs := []slog.Attr{slog.String("what", r.what), slog.String("outcome", r.outcome), slog.Int("status", r.status)}
	for _, a := range []struct{ name, value string }{
		{"code", r.code}, {"who", who(r.who)}, {"role", r.role}, {"app", r.app}, {"target", r.target}, {"from", r.from},
	} {
		if a.value != "" {
			attrs = append(attrs, slog.String(a.name, a.value))
		}
	}
	l.log.LogAttrs(context.Background(), levelOf(r.outcome, r.code), "audit", append(attrs, r.more...)...)
}

func who(name string) string {
	if name == "" {
		return "unknown"
	}
	return name
}

// levelOf returns Warn for what an operator should look at. Expired tokens and void credentials are routine.
func levelOf(outcome, code string) slog.Level {
	if outcome == outcomeOK || outcome == outcomeRefused && (code == string(codeTokenExpired) || code == string(codeRegisterAgain)) {
		return slog.LevelInfo
	}
	return slog.LevelWarn
}

// single reports whether a refusal gets a record of its own; if not, it adds it to the sums.
func (l *auditLog) single(r auditRecord) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := time.Now(); now.Sub(l.begun) >= auditPer {
		l.begun, l.singles = now, 0
		clear(l.addresses) // at most auditSingles entries
	}
	if l.singles < auditSingles && l.addresses[r.from] < auditPerAddress {
		l.singles++
		l.addresses[r.from]++
		return true
	}
	key := sumKey{what: r.what, code: r.code, from: r.from, status: r.status}
	if _, known := l.sums[key]; !known && len(l.sums) >= auditSums {
		key.from = ""
	}
	l.sums[key]++
	if l.timer == nil {
		l.timer = time.AfterFunc(auditPer, l.flush)
	}
	return false
}

// flush writes the sums.
func (l *auditLog) flush() {
	l.mu.Lock()
	sums := l.sums
	l.sums = map[sumKey]int{}
	if l.timer != nil {
		l.timer.Stop()
		l.timer = nil
	}
	l.mu.Unlock()
	for key, count := range sums {
		from := key.from
		if from == "" {
			from = "many"
		}
		l.log.LogAttrs(context.Background(), levelOf(outcomeRefused, key.code), "audit",
			slog.String("what", key.what), slog.String("outcome", outcomeRefused), slog.Int("status", key.status), slog.String("code", key.code),
			slog.String("who", who("")), slog.String("from", from), slog.Int("count", count), slog.String("within", auditPer.String()))
	}
}
