package apnstest

import (
	"time"

	"github.com/hushpush/hush/pushtest/internal/simkit"
)

var ruleStorage = Rule{
	Name:    "storage",
	Text:    "One notification waits per app and device, until apns-expiration or for 30 days, whichever is sooner; it is delivered when the phone is on-line again, or lifts its power restriction. apns-collapse-id changes nothing here: there is no second one to collapse.",
	Source:  `Apple, "Sending notification requests to APNs"; "Viewing the status of push notifications using metrics and APNs"`,
	Certain: "documented",
}

var ruleReplace = Rule{
	Name:    "storage.replace",
	Text:    `A newer notification takes the place of the one that waits ("always"); or, when it comes within a second of it, in three cases out of four ("usually"): else the older one stays.`,
	Source:  `Apple, "Sending notification requests to APNs": not guaranteed when several come in a short time; the odds are ours`,
	Certain: "uncertain",
	Switch:  "storage.replace",
	Default: "always",
	Words:   []string{"always", "usually"},
	Varies:  []string{"always", "usually"},
}

// store keeps a notification that cannot be delivered now. The caller holds mu.
func (p *post) store(d *device, n *parcel, why string, now time.Time) (simkit.Outcome, string) {
	if old := d.slot; old != nil {
		if now.Sub(old.SentAt) < time.Second && p.set.String("storage.replace") == "usually" && p.rand.IntN(4) == 0 {
			return simkit.Replaced, dropReplaced
		}
		p.ledger.Outcome(old.RequestID, simkit.Replaced, dropReplaced)
	}
	d.slot = n
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
	Certain: "inferred",
	Switch:  "throttle.wait",
	Default: "20m",
}

// take gives a checked request to the device, faults included. The ledger has the outcome when it returns.
func (s *Server) take(a *attempt) *refusal {
	p := s.post
	p.mu.Lock()
	now := s.clock.Now()
	d := p.devices[tokenKey(a.token)]
	for _, check := range deviceOrder {
		if no := check(s, a, d, now); no != nil {
			p.mu.Unlock()
			return no
		}
	}
	n := newParcel(a, now)
	outcome, why := simkit.Lost, ""
	switch a.fault.Do {
	case simkit.Lose:
	case simkit.Throttle:
		n.notTill = now.Add(s.set.Duration("throttle.wait"))
		outcome, why = p.accept(d, n, now)
	default:
		n.twice = a.fault.Do == simkit.Twice
		outcome, why = p.accept(d, n, now)
	}
	s.ledger.Outcome(a.id, outcome, why) // while the lock is held: what becomes of it next comes after
	p.mu.Unlock()
	p.drain(d)
	return nil
}
