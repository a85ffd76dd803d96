package apnstest

import (
	"container/heap"
	"sync"
	"time"

	"github.com/hushpush/hush/pushtest/internal/simkit"
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

// post is what lies behind the provider API: who is known, and what waits for whom.
type post struct {
	set    *simkit.Switches
	clock  *simkit.Clock
	ledger *simkit.Ledger
	rand   *simkit.Rand
	agenda *simkit.Agenda

	mu      sync.Mutex
	devices map[string]*device   // guarded by mu; by tokenKey
	dues    dueHeap              // guarded by mu
	blocked map[string]time.Time // guarded by mu: providers that are, and until when; by attempt.provider
}

func newPost(set *simkit.Switches, clock *simkit.Clock, ledger *simkit.Ledger, rnd *simkit.Rand) *post {
	p := &post{set: set, clock: clock, ledger: ledger, rand: rnd, devices: map[string]*device{}, blocked: map[string]time.Time{}}
	p.agenda = simkit.NewAgenda(clock, p.step)
	return p
}

var ruleDeliver = Rule{
	Name:    "deliver",
	Text:    "A phone that is on-line and has no power restriction (which does not hold back priority 10) gets its notification; else it is stored, or, when its time is over or it has none (apns-expiration 0), discarded. Delivery is never certain, and a 200 says nothing of it.",
	Source:  `Apple, "Viewing the status of push notifications using metrics and APNs"; "Sending notification requests to APNs"`,
	Certain: simkit.Documented,
}

// accept takes a notification for a good device. The caller holds mu, and calls drain afterwards without it.
func (p *post) accept(d *device, n *parcel, now time.Time) (simkit.Outcome, string) {
	if d.muted && p.set.String("notifications.off") == "discard" {
		return simkit.Discarded, dropMuted
	}
	p.pace(d, n, now)
	why := p.hold(d, n, now)
	switch {
	case why == "":
		outcome, reason := p.handOver(d, n, now)
		p.letOvertaken(d, now)
		return outcome, reason
	case why == waitInFlight: // also what is now or never: the attempt is under way
	case n.Once || !now.Before(n.ExpiresAt):
		return simkit.Discarded, dropExpired
	}
	return p.store(d, n, why, now)
}

// hold says why a notification cannot be delivered now; "": it can.
func (p *post) hold(d *device, n *parcel, now time.Time) string {
	switch {
	case !d.Online:
		return waitOffline
	case d.restricted && n.Priority < 10:
		return waitRestricted
	case now.Before(n.notTill):
		return waitThrottled
	case d.inFlight && p.set.String("device.in_flight") == "one":
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
func (p *post) handOver(d *device, n *parcel, now time.Time) (simkit.Outcome, string) {
	if d.uninstalled {
		if d.retired == "" {
			p.retire(d, Unregistered, now, now.Add(p.set.Duration("uninstall.delay")))
		}
		return simkit.Discarded, dropGone
	}
	times := 1
	if n.twice {
		times = 2
	}
	for range times {
		d.noteDelivered(n.RequestID)
		if d.Deliver != nil {
			d.inFlight = true
			d.outbox = append(d.outbox, n)
		}
	}
	return simkit.Delivered, ""
}

// flush looks at what waits for a device, at a time that may lie before the clock's. The caller holds mu.
func (p *post) flush(d *device, now time.Time) {
	n := d.slot
	if n == nil {
		return
	}
	why := p.hold(d, n, now)
	switch {
	case why == waitInFlight: // drain comes back to it
	case why == "" && (n.Once || now.Before(n.ExpiresAt)):
		d.slot = nil
		n.Stored = true
		outcome, reason := p.handOver(d, n, now)
		p.ledger.Outcome(n.RequestID, outcome, reason)
	case n.Once || !now.Before(n.ExpiresAt):
		p.discard(d, dropExpired)
	default:
		p.schedule(d)
	}
}

// discard drops what waits.
func (p *post) discard(d *device, why string) {
	if d.slot != nil {
		p.ledger.Outcome(d.slot.RequestID, simkit.Discarded, why)
		d.slot = nil
	}
}

// drain calls the phone with what is in its outbox, one at a time and in order, without the lock: the phone may call the
// server from within. When the phone has acknowledged (Deliver has returned), what waited meanwhile follows. Whoever finds
// another one at it leaves.
func (p *post) drain(d *device) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if d.draining {
		return
	}
	d.draining = true
	defer func() { d.draining = false }()
	for len(d.outbox) > 0 {
		n, deliver := d.outbox[0], d.Deliver
		d.outbox = d.outbox[1:]
		p.mu.Unlock()
		if deliver != nil {
			deliver(n.clone())
		}
		p.mu.Lock()
		if len(d.outbox) == 0 {
			d.outbox, d.inFlight = nil, false
			p.flush(d, p.clock.Now())
		}
	}
}

// schedule sees to it that flush is called when the time of what waits has come. The caller holds mu.
func (p *post) schedule(d *device) {
	at := d.slot.ExpiresAt
	if t := d.slot.notTill; !t.IsZero() && t.Before(at) && t.After(p.clock.Now()) {
		at = t
	}
	if !d.due.IsZero() && !d.due.After(at) {
		return // step looks again then, and schedules anew
	}
	d.due = at
	heap.Push(&p.dues, dueEntry{at, d})
	p.agenda.Poke()
}

// step is what the agenda does: what is due, in the order of time, so that a jump of the clock has the effects that waiting
// would have had.
func (p *post) step(now time.Time) time.Time {
	p.mu.Lock()
	var touched []*device
	for len(p.dues) > 0 && !p.dues[0].at.After(now) {
		e := heap.Pop(&p.dues).(dueEntry)
		if !e.at.Equal(e.d.due) {
			continue // an earlier one has taken its place
		}
		e.d.due = time.Time{}
		p.flush(e.d, e.at)
		if len(e.d.outbox) > 0 {
			touched = append(touched, e.d)
		}
	}
	var next time.Time
	if len(p.dues) > 0 {
		next = p.dues[0].at
	}
	p.mu.Unlock()
	for _, d := range touched {
		p.drain(d)
	}
	return next
}

// reset forgets all devices, and begins its choices anew.
func (p *post) reset(seed uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.devices, p.dues = map[string]*device{}, nil
	clear(p.blocked)
	p.rand.Reset(seed)
}

// dueEntry says when a device must be looked at.
type dueEntry struct {
	at time.Time
	d  *device
}

// dueHeap has the earliest first.
type dueHeap []dueEntry

func (h dueHeap) Len() int           { return len(h) }
func (h dueHeap) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h dueHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *dueHeap) Push(x any)        { *h = append(*h, x.(dueEntry)) }
func (h *dueHeap) Pop() any {
	old := *h
	e := old[len(old)-1]
	old[len(old)-1] = dueEntry{}
	*h = old[:len(old)-1]
	return e
}
