package provider

import (
	"cmp"
	"slices"
	"time"

	"github.com/hushpush/hush/internal/hour"
	"github.com/hushpush/hush/push"
)

// history is what became of an app's wakes. Guarded by Troubles.mu.
type history struct {
	wakes     hour.Counts[push.Fault]
	answered  time.Time // when the provider last answered itself; zero: never since the credential is stored
	okSince   time.Time // since when it does
	lastError *push.ProviderError
	down      map[push.Environment]int // in a row that failed by the provider's fault, whatever it answered
}

// downAfter is how many wakes of an app in a row fail by the provider's fault until its own answers count as an outage, too. One
// 503 now and then is its daily business.
const downAfter = 5

// isDown counts one more wake, and reports whether that many in a row have failed.
func (h *history) isDown(e push.Environment, failed bool) bool {
	if !failed {
		delete(h.down, e)
		return false
	}
	if h.down == nil {
		h.down = map[push.Environment]int{}
	}
	h.down[e]++
	return h.down[e] >= downAfter
}

// record adds one wake.
func (h *history) record(now time.Time, a *push.Answer, e *push.WakeError) {
	if e == nil {
		h.wakes.Add(now, "", 1)
	} else {
		h.wakes.Add(now, e.Fault, 1)
		h.lastError = &push.ProviderError{At: now, Status: a.Status, Reason: e.Reason, Error: a.Error, Fault: e.Fault, Detail: a.Detail}
	}
	if e == nil || a.Error == push.FailureNone && a.Status != 0 {
		if h.answered.IsZero() {
			h.okSince = now
		}
		h.answered = now
	}
}

// unknown is called when no device waits any more in a trouble that nothing has ended. Unless the provider has answered since its
// last failure, nothing is known.
func (h *history) unknown(failed time.Time) {
	if !h.answered.After(failed) {
		h.answered = time.Time{}
	}
}

// Standing returns how an app does with the provider.
func (t *Troubles) Standing(name string) push.ProviderStanding {
	t.mu.Lock()
	defer t.mu.Unlock()
	of, now := t.apps[name], t.now()
	out := push.ProviderStanding{State: push.ProviderUntried, Wakes: map[push.Fault]int{}}
	if of == nil {
		return out
	}
	out.Wakes = of.wakes.Sum(now)
	if of.lastError != nil {
		last := *of.lastError
		out.LastError = &last
	}
	if !of.answered.IsZero() {
		out.State, out.Since = push.ProviderOK, of.okSince
	}
	for _, tr := range of.troubles {
		if tr.lasts() {
			out.Troubles = append(out.Troubles, tr.shown())
		}
		if over := tr.spell.Since.Add(tr.spell.For(now)); !tr.spell.Lasts() && out.State == push.ProviderOK && over.After(out.Since) {
			out.Since = over
		}
	}
	slices.SortFunc(out.Troubles, func(a, b push.ProviderTrouble) int {
		return cmp.Or(cmp.Compare(severity(a.State), severity(b.State)), a.Since.Compare(b.Since), cmp.Compare(a.Environment, b.Environment), cmp.Compare(a.Topic, b.Topic))
	})
	if len(out.Troubles) > 0 {
		out.State, out.Since = out.Troubles[0].State, out.Troubles[0].Since
	}
	return out
}

// lasts reports whether the trouble is known to last, and a device waits. Of a new credential that was not tried yet nothing is
// known.
func (tr *trouble) lasts() bool { return tr.spell.Lasts() && !tr.replaced && tr.waits() }

func (tr *trouble) shown() push.ProviderTrouble {
	return push.ProviderTrouble{State: tr.state(), Environment: tr.scope.environment, Topic: tr.scope.bundleID,
		Since: tr.spell.Since, Failed: tr.spell.Count, Devices: len(tr.devices), Pushes: tr.pushes}
}

func (tr *trouble) state() push.ProviderState {
	switch {
	case tr.scope.kind == unreachable:
		return push.ProviderUnreachable
	case tr.scope.kind == quota:
		return push.ProviderHeld
	case tr.cause.reason == NoCredentials:
		return push.ProviderNoCredential
	}
	return push.ProviderRefused
}

func severity(s push.ProviderState) int { return slices.Index(push.ProviderStates(), s) }

// InTrouble returns the apps that have a trouble which lasts, by name.
func (t *Troubles) InTrouble() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var names []string
	for name, of := range t.apps {
		for _, tr := range of.troubles {
			if tr.lasts() {
				names = append(names, name)
				break
			}
		}
	}
	slices.Sort(names)
	return names
}

// Lasting counts the apps that have a trouble which lasts, by its state.
func (t *Troubles) Lasting() map[push.ProviderState]int {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := map[push.ProviderState]int{}
	for _, of := range t.apps {
		has := map[push.ProviderState]bool{}
		for _, tr := range of.troubles {
			if s := tr.state(); tr.lasts() && !has[s] {
				has[s] = true
				n[s]++
			}
		}
	}
	return n
}
