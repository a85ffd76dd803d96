package apnstest

import (
	"time"

	"github.com/hushpush/hush/pushtest/internal/simkit"
)

var ruleStorage = Rule{
	Name:    "storage",
	Text:    "One notification waits per app and device, until apns-expiration or for 30 days, whichever is sooner; it is delivered when the phone is on-line again, or lifts its power restriction. apns-collapse-id changes nothing here: there is no second one to collapse.",
	Source:  `Apple, "Sending notification requests to APNs"; "Viewing the status of push notifications using metrics and APNs"`,
	Certain: simkit.Documented,
}

var ruleReplace = Rule{
	Name:    "storage.replace",
	Text:    `A newer notification takes the place of the one that waits ("always"); or, when it comes within storage.replace.within of it, as often as storage.replace.odds says ("usually"): else the older one stays.`,
	Source:  `Apple, "Sending notification requests to APNs": not guaranteed when several come in a short time`,
	Certain: simkit.Uncertain,
	Switch:  "storage.replace",
	Default: "always",
	Words:   []string{"always", "usually"},
	Varies:  []string{"always", "usually"},
}

var ruleReplaceWithin = Rule{
	Name:    "storage.replace.within",
	Text:    "What a short time is for storage.replace.",
	Source:  "not documented",
	Certain: simkit.Inferred,
	Switch:  "storage.replace.within",
	Default: "1s",
	Varies:  []string{"1s", "5s", "30s"},
}

var ruleReplaceOdds = Rule{
	Name:    "storage.replace.odds",
	Text:    "How often the newer notification wins there.",
	Source:  "not documented",
	Certain: simkit.Inferred,
	Switch:  "storage.replace.odds",
	Default: "0.75",
	Most:    1,
	Varies:  []string{"0.5", "0.75", "0.9"},
}

// olderStays reports whether a notification that waits keeps its place against a newer one. The caller holds the lock.
func (p *spool) olderStays(old *pending, now time.Time) bool {
	return p.Switches.String("storage.replace") == "usually" && now.Sub(old.SentAt) < p.Switches.Duration("storage.replace.within") &&
		p.Random.Float64() >= p.Switches.Float("storage.replace.odds")
}

// store keeps a notification that cannot be delivered now. The caller holds the lock.
func (p *spool) store(d *device, n *pending, why string, now time.Time) (simkit.Outcome, string) {
	if old := d.waiting; old != nil {
		if p.olderStays(old, now) {
			return simkit.Replaced, dropReplaced
		}
		p.Ledger.Outcome(old.RequestID, simkit.Replaced, dropReplaced)
	}
	d.waiting = n
	p.schedule(d)
	if why == waitThrottled {
		return simkit.Throttled, why
	}
	return simkit.Stored, why
}

var ruleThrottle = Rule{
	Name:    "throttle.wait",
	Text:    "How long a notification waits that a fault throttles. Pacing of background pushes is otherwise the phone's affair.",
	Source:  `Apple, "Pushing background updates to your App": two or three an hour`,
	Certain: simkit.Inferred,
	Switch:  "throttle.wait",
	Default: "20m",
	Varies:  []string{"20m", "25m", "30m"},
}

// receive passes a checked request to the device, with its fault if it has one. When it returns, the ledger has the outcome.
func (p *spool) receive(a *attempt) *refusal {
	p.Lock()
	now := p.Clock.Now()
	d := p.Devices[tokenKey(a.token)]
	for _, check := range deviceOrder {
		if no := check(p, a, d, now); no != nil {
			p.Unlock()
			return no
		}
	}
	n := newPending(a, now)
	outcome, why := simkit.Lost, ""
	switch {
	case a.fault.Do == simkit.Lose:
	case a.mismatch == "drop":
		outcome, why = simkit.Discarded, dropMismatch
	case a.fault.Do == simkit.Throttle, a.mismatch == "delay":
		n.notTill = now.Add(p.Switches.Duration("throttle.wait"))
		outcome, why = p.accept(d, n, now)
	default:
		n.twice = a.fault.Do == simkit.Twice
		outcome, why = p.accept(d, n, now)
	}
	p.Ledger.Outcome(a.id, outcome, why) // while the lock is held: what becomes of it next comes after
	p.Unlock()
	p.Drain(d)
	return nil
}
