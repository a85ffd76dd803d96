package vitals

import (
	"github.com/hushpush/hush/push"
)

// fact is what is counted: a closed set, since no app or device is in it.
type fact struct {
	what what
	of   string // a state of deliveries, or a provider
	by   string // of wakes: the fault; "": taken
}

type what int

const (
	accepted what = iota // pushes
	final                // deliveries, of a state
	wakes                // answered, of a provider
	tokens               // dropped, of a provider
)

func (v *Vitals) count(f fact, n int) {
	if n == 0 {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.hour.Add(v.cfg.Now(), f, n)
	v.since[f] += n
}

// Accepted counts a push that was committed.
func (v *Vitals) Accepted() { v.count(fact{what: accepted}, 1) }

// Final counts deliveries that became final, for a reason.
func (v *Vitals) Final(state push.State, why push.Reason, n int) {
	v.count(fact{what: final, of: string(state)}, n)
	v.metrics.final.WithLabelValues(string(state), string(why)).Add(float64(n))
}

// Woke counts a wake that was answered; "" is no fault: the provider took it.
func (v *Vitals) Woke(p push.Provider, fault push.Fault) {
	v.count(fact{what: wakes, of: string(p), by: string(fault)}, 1)
}

// TokenDropped counts a provider token that is used no more because the provider refused it.
func (v *Vitals) TokenDropped(app string, p push.Provider, reason push.Reason) {
	v.count(fact{what: tokens, of: string(p)}, 1)
	v.metrics.tokens.WithLabelValues(string(p)).Inc()
	v.mu.Lock()
	defer v.mu.Unlock()
	v.dropped.count(app, p, reason)
}
