package fcmtest

import (
	"maps"
	"slices"
	"time"

	"github.com/hushpush/hush/pushtest/internal/simkit"
	"github.com/hushpush/hush/pushtest/internal/simulator"
)

// Why a message was delayed or dropped, in the words of FCM's own delivery data
// (firebase.google.com/docs/cloud-messaging/understand-delivery). They are the ledger's reasons.
const (
	DelayedOffline   = "delayedDeviceOffline"
	DelayedDoze      = "delayedDeviceDoze"
	DelayedLocked    = "deviceLocked" // not in the delivery data
	DelayedThrottled = "delayedMessageThrottled"
	Collapsed        = "collapsed"
	DroppedTooMany   = "droppedTooManyPendingMessages"
	DroppedStopped   = "droppedAppForceStopped"
	DroppedInactive  = "droppedDeviceInactive"
	DroppedExpired   = "droppedTtlExpired"
	DroppedGone      = "appUninstalled" // not in the delivery data: FCM just discards
	DroppedRetired   = "tokenRetired"
	DroppedNobody    = "noSubscribers"
)

// device is one app installation as FCM knows it. All of it is guarded by the spool's lock.
type device struct {
	Token
	doze, stopped, locked bool
	uninstalled           bool
	maintenance           bool      // a window is open, for the length of one flush
	lowered               bool      // its high-priority messages are delivered as normal ones
	retiredAt             time.Time // zero while the token is good
	seenAt                time.Time // when it was last connected, if it is not now
	lastMessageAt         time.Time
	waiting               []*pending // oldest first
	bucket                bucket
	minute, hour          window
	notice                bool // the app is to be told of deleted messages
	told                  int  // how often it was told
	delivered             []string

	outbox   []delivery // what Deliver is still to be called with
	draining bool       // somebody calls it
}

// pending is a message on its way.
type pending struct {
	Message
	expires time.Time
	notTill time.Time // held back by a rate until then; zero if it is not
	twice   bool      // a fault: to be handed over twice
	waits   string    // why it does, as the ledger and the phone have been told; "" if it does not
}

// delivery is one call to a phone: a message to have; one that it does not get, or not yet, and why; or, without a message,
// the notice of deleted messages.
type delivery struct {
	message *Message
	fate    Fate
	why     string // "": it is delivered
}

// spool is what lies behind the send endpoint: who is known, what waits for whom, and what becomes due when. Its lock guards all
// that it knows of devices.
type spool struct {
	simulator.Spool[*device]
	project *project // never changes
}

func newSpool(kit *simulator.Kit, p *project) *spool {
	s := &spool{project: p}
	s.Init(kit, s)
	return s
}

// accept takes a message for a device that is known and good. The caller holds the lock, and calls Drain afterwards without it.
// The outcome is in the ledger.
func (p *spool) accept(d *device, m *pending, now time.Time) (simkit.Outcome, string) {
	d.lastMessageAt = now
	if p.inactive(d, now) {
		d.notice = true
		return simkit.Discarded, DroppedInactive
	}
	why, _ := p.hold(d, m, now)
	switch {
	case why == "":
		return p.handOver(d, m, now)
	case m.TTL == 0:
		d.report(m, Lost, DroppedExpired)
		return simkit.Discarded, DroppedExpired
	}
	return p.store(d, m, why, now)
}

// report tells the phone what becomes of a message that it does not get now. The caller holds the lock.
func (d *device) report(m *pending, fate Fate, why string) {
	if d.NotDelivered != nil && len(d.outbox) < maxOutbox {
		d.outbox = append(d.outbox, delivery{&m.Message, fate, why})
	}
}

// end records that a message which waited comes to nothing. The caller holds the lock.
func (p *spool) end(d *device, m *pending, outcome simkit.Outcome, why string) {
	p.Ledger.Outcome(m.RequestID, outcome, why)
	d.report(m, Lost, why)
}

// hold returns why a message cannot be delivered now, "" if it can, and when to look again (zero: when the device changes).
func (p *spool) hold(d *device, m *pending, now time.Time) (why string, until time.Time) {
	if !d.Online || len(d.outbox) >= maxOutbox {
		return DelayedOffline, time.Time{}
	}
	if !d.uninstalled { // else there is no app whose readiness counts
		switch d.readiness(&m.Message) {
		case Dozes:
			return DelayedDoze, time.Time{}
		case Locked:
			return DelayedLocked, time.Time{}
		}
	}
	if now.Before(m.notTill) {
		return DelayedThrottled, m.notTill
	}
	if m.CollapseKey != "" && m.TTL > 0 {
		if next := d.bucket.next(now, p.Switches.Int("collapse.burst"), p.Switches.Duration("collapse.refill")); next.After(now) {
			return DelayedThrottled, next
		}
	}
	return "", time.Time{}
}

var ruleUninstall = Rule{
	Name:    "uninstall",
	Text:    "An uninstalled app is found at the next delivery: that message was accepted and is discarded, the token is void, and the next send gets UNREGISTERED.",
	Source:  "firebase.google.com/docs/cloud-messaging/customize-messages/setting-message-lifespan",
	Certain: simkit.Documented,
}

var ruleForceStop = Rule{
	Name:    "force_stop",
	Text:    "Messages for an app that the person has force-stopped are accepted and dropped (droppedAppForceStopped).",
	Source:  "firebase.google.com/docs/cloud-messaging/understand-delivery",
	Certain: simkit.Documented,
}

// handOver gives a message to the phone that is there.
func (p *spool) handOver(d *device, m *pending, now time.Time) (simkit.Outcome, string) {
	switch {
	case d.uninstalled:
		d.report(m, Lost, DroppedGone)
		p.retire(d, now)
		return simkit.Discarded, DroppedGone
	case d.readiness(&m.Message) == Stopped:
		d.report(m, Lost, DroppedStopped)
		return simkit.Discarded, DroppedStopped
	}
	if m.CollapseKey != "" && m.TTL > 0 {
		d.bucket.spend(now)
	}
	times := 1
	if m.twice {
		times = 2
	}
	for range times {
		d.outbox = append(d.outbox, delivery{message: &m.Message})
		d.delivered = append(d.delivered, m.RequestID)
	}
	if len(d.delivered) > maxDelivered {
		d.delivered = slices.Delete(d.delivered, 0, len(d.delivered)-maxDelivered)
	}
	return simkit.Delivered, ""
}

const (
	maxOutbox    = 1000 // calls to one phone that wait for it; more is as if it were off-line
	maxDelivered = 1000 // ids that a token's state lists
)

// retire ends a token: what waits is discarded, sends get UNREGISTERED.
func (p *spool) retire(d *device, at time.Time) {
	if !d.retiredAt.IsZero() {
		return
	}
	d.retiredAt = at
	p.discardAll(d, DroppedRetired)
	d.notice = false
}

func (p *spool) discardAll(d *device, why string) {
	for _, m := range d.waiting {
		p.end(d, m, simkit.Discarded, why)
	}
	d.waiting = nil
	p.Schedule(d, time.Time{})
}

// Flush looks at all that waits for a device, at a simulated time that may lie in the past of the clock. The caller holds the lock.
func (p *spool) Flush(d *device, now time.Time) {
	if p.expireToken(d, now) {
		return
	}
	p.giveNotice(d, now)
	waiting := d.waiting
	d.waiting = nil
	p.shuffle(waiting)
	for i, m := range waiting {
		if !now.Before(m.expires) {
			p.end(d, m, simkit.Discarded, DroppedExpired)
			continue
		}
		if why, _ := p.hold(d, m, now); why != "" {
			d.waiting = append(d.waiting, m)
			if why != m.waits {
				p.Ledger.Outcome(m.RequestID, d.wait(m, why), why)
			}
			continue
		}
		m.Stored = true
		outcome, why := p.handOver(d, m, now)
		p.Ledger.Outcome(m.RequestID, outcome, why)
		if !d.retiredAt.IsZero() { // it found that the app is gone
			d.waiting = append(d.waiting, waiting[i+1:]...)
			p.discardAll(d, DroppedRetired)
			return
		}
	}
	p.reschedule(d, now)
}

// reschedule sets when the waiting messages of a device must be looked at again.
func (p *spool) reschedule(d *device, now time.Time) {
	var due time.Time
	for _, m := range d.waiting {
		at := m.expires
		if _, until := p.hold(d, m, now); !until.IsZero() && until.Before(at) {
			at = until
		}
		if due.IsZero() || at.Before(due) {
			due = at
		}
	}
	p.Schedule(d, due)
}

// Drain calls the phone with what is in its outbox, in order and one call at a time, without the lock: a phone may call the
// server from within. Whoever finds another one at it leaves.
func (p *spool) Drain(d *device) {
	p.Lock()
	defer p.Unlock()
	if d.draining {
		return
	}
	d.draining = true
	defer func() { d.draining = false }()
	for len(d.outbox) > 0 {
		calls := d.outbox
		d.outbox = nil
		deliver, deleted, notDelivered := d.Deliver, d.DeletedMessages, d.NotDelivered
		p.Unlock()
		for _, c := range calls {
			switch {
			case c.message == nil && deleted != nil:
				deleted()
			case c.message == nil:
			case c.why != "" && notDelivered != nil:
				notDelivered(c.message.clone(), c.fate, c.why)
			case c.why == "" && deliver != nil:
				deliver(c.message.clone())
			}
		}
		p.Lock()
		if len(calls) >= maxOutbox { // what came meanwhile was stored
			p.Flush(d, p.Clock.Now())
		}
	}
}

func (m *Message) clone() Message {
	c := *m
	c.Data = make(map[string]string, len(m.Data))
	for k, v := range m.Data {
		c.Data[k] = v
	}
	if m.APNs != nil {
		c.APNs = &APNsPush{Headers: maps.Clone(m.APNs.Headers), Payload: slices.Clone(m.APNs.Payload)}
	}
	return c
}
