package apnstest

import (
	"time"

	"github.com/hushpush/hush/pushtest/internal/simkit"
	"github.com/hushpush/hush/pushtest/internal/simulator"
)

// Why a notification waits or was dropped; the ledger shows it as the reason.
const (
	waitOffline    = "deviceOffline"
	waitRestricted = "powerRestricted"
	waitThrottled  = "throttled"
	waitInFlight   = "inFlight" // the phone has not acknowledged the one before
	dropExpired    = "expired"
	dropGone       = "appGone"
	dropRetired    = "tokenRetired"
	dropReplaced   = "replaced"
	dropMuted      = "notificationsOff"
	dropMismatch   = "pushTypeMismatch"
)

// spool is what lies behind the provider API: who is known, and what waits for whom. Its lock guards all that it knows of
// devices.
type spool struct {
	simulator.Spool[*device]
	environment Environment          // never changes
	blocked     map[string]time.Time // guarded by the lock: providers that are, and until when; by attempt.provider
}

func newSpool(kit *simulator.Kit, environment Environment) *spool {
	p := &spool{environment: environment, blocked: map[string]time.Time{}}
	p.Init(kit, p)
	return p
}

var ruleDeliver = Rule{
	Name:    "deliver",
	Text:    "A phone that is on-line and has no power restriction (which does not hold back priority 10) gets its notification; else it is stored, or, when its time is over or it has none (apns-expiration 0), discarded. Delivery is never certain, and a 200 says nothing of it.",
	Source:  `Apple, "Viewing the status of push notifications using metrics and APNs"; "Sending notification requests to APNs"`,
	Certain: simkit.Documented,
}

// accept takes a notification for a good device. The caller holds the lock, and calls Drain afterwards without it.
func (p *spool) accept(d *device, n *pending, now time.Time) (simkit.Outcome, string) {
	if d.muted && p.Switches.String("notifications.off") == "discard" {
		return simkit.Discarded, dropMuted
	}
	p.pace(d, n, now)
	why := p.hold(d, n, now)
	switch {
	case why == "":
		outcome, reason := p.handOver(d, n, now)
		p.releaseOvertaken(d, now)
		return outcome, reason
	case why == waitInFlight: // also what is now or never: the attempt is under way
	case n.Once || !now.Before(n.ExpiresAt):
		return simkit.Discarded, dropExpired
	}
	return p.store(d, n, why, now)
}

// hold returns why a notification cannot be delivered now; "": it can.
func (p *spool) hold(d *device, n *pending, now time.Time) string {
	switch {
	case !d.Online:
		return waitOffline
	case d.restricted && n.Priority < 10:
		return waitRestricted
	case now.Before(n.notTill):
		return waitThrottled
	case d.inFlight && p.Switches.String("device.in_flight") == "one":
		return waitInFlight
	}
	return ""
}

var ruleInFlight = Rule{
	Name:    "device.in_flight",
	Text:    `A phone gets one notification at a time ("one"): until it acknowledges, the next waits in storage, where a newer one may take its place; or several ("many").`,
	Source:  `Apple, "Troubleshooting push notifications"`,
	Certain: simkit.Documented,
	Switch:  "device.in_flight",
	Default: "one",
	Words:   []string{"one", "many"},
}

var ruleUninstall = Rule{
	Name:    "uninstall",
	Text:    "APNs finds out that an app is gone when it tries to deliver: that notification was accepted and is discarded. For so long after that, sends are still answered 200; then they are 410 Unregistered.",
	Source:  `Apple, "Handling notification responses from APNs"; how long it takes is not documented, days are reported`,
	Certain: simkit.Uncertain,
	Switch:  "uninstall.delay",
	Default: "0s",
	Varies:  []string{"0s", "1h", "72h"},
}

// handOver gives a notification to the phone that is there.
func (p *spool) handOver(d *device, n *pending, now time.Time) (simkit.Outcome, string) {
	if d.uninstalled {
		if d.retired == "" {
			p.retire(d, Unregistered, now, now.Add(p.Switches.Duration("uninstall.delay")))
		}
		return simkit.Discarded, dropGone
	}
	times := 1
	if n.twice {
		times = 2
	}
	for range times {
		d.recordDelivery(n.RequestID)
		if d.Deliver != nil {
			d.inFlight = true
			d.outbox = append(d.outbox, n)
		}
	}
	return simkit.Delivered, ""
}

// Flush looks at what waits for a device, at a time that may lie before the clock's. The caller holds the lock.
func (p *spool) Flush(d *device, now time.Time) {
	n := d.waiting
	if n == nil {
		return
	}
	why := p.hold(d, n, now)
	switch {
	case why == waitInFlight: // Drain comes back to it
	case why == "" && (n.Once || now.Before(n.ExpiresAt)):
		d.waiting = nil
		n.Stored = true
		outcome, reason := p.handOver(d, n, now)
		p.Ledger.Outcome(n.RequestID, outcome, reason)
	case n.Once || !now.Before(n.ExpiresAt):
		p.discard(d, dropExpired)
	default:
		p.schedule(d)
	}
}

// discard drops what waits.
func (p *spool) discard(d *device, why string) {
	if d.waiting != nil {
		p.Ledger.Outcome(d.waiting.RequestID, simkit.Discarded, why)
		d.waiting = nil
	}
}

// Drain calls the phone with what is in its outbox, one at a time and in order, without the lock: the phone may call the
// server from within. When the phone has acknowledged (Deliver has returned), what waited meanwhile follows. Whoever finds
// another one at it leaves.
func (p *spool) Drain(d *device) {
	p.Lock()
	defer p.Unlock()
	if d.draining {
		return
	}
	d.draining = true
	defer func() { d.draining = false }()
	for len(d.outbox) > 0 {
		n, deliver := d.outbox[0], d.Deliver
		d.outbox = d.outbox[1:]
		p.Unlock()
		if deliver != nil {
			deliver(n.clone())
		}
		p.Lock()
		if len(d.outbox) == 0 {
			d.outbox, d.inFlight = nil, false
			p.Flush(d, p.Clock.Now())
		}
	}
}

// schedule sees to it that Flush is called when the time of what waits has come. The caller holds the lock.
func (p *spool) schedule(d *device) {
	at := d.waiting.ExpiresAt
	if t := d.waiting.notTill; !t.IsZero() && t.Before(at) && t.After(p.Clock.Now()) {
		at = t
	}
	p.Schedule(d, at)
}

// Reset forgets all devices.
func (p *spool) Reset() {
	p.Spool.Reset()
	p.Lock()
	defer p.Unlock()
	clear(p.blocked)
}
