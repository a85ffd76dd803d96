package fcmtest

import (
	"slices"
	"time"

	"github.com/hushpush/hush/pushtest/internal/simkit"
)

var ruleCollapse = Rule{
	Name:    "collapse.replace",
	Text:    "A waiting message is replaced by a newer one with the same collapse key and token.",
	Source:  "firebase.google.com/docs/cloud-messaging/customize-messages/setting-message-lifespan",
	Certain: simkit.Documented,
}

var ruleCollapseDefault = Rule{
	Name:    "collapse.default",
	Text:    `Which collapse key a message has that names none: "none", or the app's "package".`,
	Source:  "FCM discovery document v1: none; the page on collapsible messages: the package name by default",
	Certain: simkit.Uncertain,
	Switch:  "collapse.default",
	Default: "none",
	Words:   []string{"none", "package"},
	Varies:  []string{"none", "package"},
}

var ruleCollapseKeys = Rule{
	Name:    "collapse.keys",
	Text:    "How many different collapse keys may wait for a token.",
	Source:  "FCM discovery document v1 (AndroidConfig.collapseKey): 4",
	Certain: simkit.Documented,
	Switch:  "collapse.keys",
	Default: "4",
}

var ruleCollapseKeep = Rule{
	Name:    "collapse.keep",
	Text:    `Which keys are kept when there are too many: the "newest", the "oldest", or "any".`,
	Source:  "firebase.google.com/docs/cloud-messaging/customize-messages/collapsible-message-types: not defined",
	Certain: simkit.Uncertain,
	Switch:  "collapse.keep",
	Default: "newest",
	Words:   []string{"newest", "oldest", "any"},
	Varies:  []string{"newest", "oldest", "any"},
}

var ruleStorage = Rule{
	Name:    "storage.max",
	Text:    "How many messages without a collapse key may wait for a token. One more, and all that wait are discarded (droppedTooManyPendingMessages); the app is told when it is back (onDeletedMessages).",
	Source:  "firebase.google.com/docs/cloud-messaging/customize-messages/collapsible-message-types; …/android/receive-messages: 100",
	Certain: simkit.Documented,
	Switch:  "storage.max",
	Default: "100",
}

var ruleOverflow = Rule{
	Name:    "storage.overflow",
	Text:    `Whether the message that is one too many is discarded with the others ("all") or is the first of the new ones ("others").`,
	Source:  "not documented",
	Certain: simkit.Uncertain,
	Switch:  "storage.overflow",
	Default: "all",
	Words:   []string{"all", "others"},
	Varies:  []string{"all", "others"},
}

var ruleExpiry = Rule{
	Name:    "storage.expiry",
	Text:    "A message waits until its ttl is over, then it is dropped (droppedTtlExpired). With ttl 0 it never waits: it is delivered now or dropped.",
	Source:  "firebase.google.com/docs/cloud-messaging/customize-messages/setting-message-lifespan",
	Certain: simkit.Documented,
}

// store keeps a message that cannot be delivered now. The caller holds the lock.
func (p *spool) store(d *device, m *pending, why string, now time.Time) (simkit.Outcome, string) {
	if m.APNs != nil {
		p.storeIOS(d, m, now)
		return d.wait(m, why), why
	}
	if m.CollapseKey != "" {
		if !p.collapse(d, m) {
			d.report(m, Lost, Collapsed)
			return simkit.Discarded, Collapsed
		}
	} else if p.overflows(d) {
		p.discardAll(d, DroppedTooMany)
		d.notice = true
		if p.Switches.String("storage.overflow") == "all" {
			d.report(m, Lost, DroppedTooMany)
			return simkit.Discarded, DroppedTooMany
		}
	}
	d.waiting = append(d.waiting, m)
	p.reschedule(d, now)
	return d.wait(m, why), why
}

// wait records why a message waits, now or from now on, and tells the phone. The caller holds the lock, and writes the outcome into
// the ledger.
func (d *device) wait(m *pending, why string) simkit.Outcome {
	m.waits = why
	d.report(m, Waits, why)
	if why == DelayedThrottled {
		return simkit.Throttled
	}
	return simkit.Stored
}

func (p *spool) overflows(d *device) bool {
	n := 0
	for _, w := range d.waiting {
		if w.CollapseKey == "" {
			n++
		}
	}
	return n >= p.Switches.Int("storage.max")
}

// collapse makes room for a message with a collapse key; false: it is itself what has to go.
func (p *spool) collapse(d *device, m *pending) bool {
	var keyed []int // positions of waiting messages with a key, oldest first
	for i, w := range d.waiting {
		if w.CollapseKey == m.CollapseKey {
			p.end(d, w, simkit.Replaced, Collapsed)
			d.waiting = slices.Delete(d.waiting, i, i+1)
			return true
		}
		if w.CollapseKey != "" {
			keyed = append(keyed, i)
		}
	}
	most := p.Switches.Int("collapse.keys")
	if len(keyed) < most {
		return true
	}
	victim := 0
	switch p.Switches.String("collapse.keep") {
	case "oldest":
		return false
	case "any":
		if victim = p.Random.IntN(len(keyed) + 1); victim == len(keyed) {
			return false
		}
	}
	if len(keyed) == 0 {
		return false
	}
	i := keyed[victim]
	p.end(d, d.waiting[i], simkit.Discarded, Collapsed)
	d.waiting = slices.Delete(d.waiting, i, i+1)
	return true
}

var ruleInactive = Rule{
	Name:    "inactive.after",
	Text:    "After this long without a connection a device is inactive: messages are accepted and dropped (droppedDeviceInactive), and the app is told when it is back.",
	Source:  "firebase.google.com/docs/cloud-messaging/customize-messages/setting-message-lifespan: one month",
	Certain: simkit.Documented,
	Switch:  "inactive.after",
	Default: "720h",
}

func (p *spool) inactive(d *device, now time.Time) bool {
	return d.Platform != IOS && !d.Online && now.Sub(d.seenAt) > p.Switches.Duration("inactive.after")
}

var ruleTokenExpiry = Rule{
	Name:    "token.life",
	Text:    "A token that has not been used (its device not connected) for this long is expired: sends get UNREGISTERED.",
	Source:  "firebase.google.com/docs/cloud-messaging/manage-tokens: 270 days",
	Certain: simkit.Documented,
	Switch:  "token.life",
	Default: "6480h",
}

// expireToken ends a token whose device has been away too long; it reports whether the token is void.
func (p *spool) expireToken(d *device, now time.Time) bool {
	life := p.Switches.Duration("token.life")
	if d.retiredAt.IsZero() && !d.Online && now.Sub(d.seenAt) >= life {
		p.retire(d, d.seenAt.Add(life))
	}
	return !d.retiredAt.IsZero()
}

var ruleNotice = Rule{
	Name:    "notice.for",
	Text:    "The app is told of deleted messages (onDeletedMessages, once for all of them) only if its last message is not older than this.",
	Source:  "firebase.google.com/docs/cloud-messaging/customize-messages/setting-message-lifespan: 4 weeks",
	Certain: simkit.Documented,
	Switch:  "notice.for",
	Default: "672h",
}

// giveNotice tells the app that messages were deleted, once it can be told.
func (p *spool) giveNotice(d *device, now time.Time) {
	if !d.notice || !d.Online || d.uninstalled || d.readiness(&Message{Priority: Normal}) != Ready {
		return
	}
	d.notice = false
	if now.Sub(d.lastMessageAt) > p.Switches.Duration("notice.for") {
		return
	}
	d.told++
	d.outbox = append(d.outbox, delivery{})
}

var ruleOrder = Rule{
	Name:    "storage.order",
	Text:    `The order in which messages that waited are delivered: as they were "sent", or "any".`,
	Source:  "Android's old documentation of collapse keys: no order is guaranteed",
	Certain: simkit.Uncertain,
	Switch:  "storage.order",
	Default: "sent",
	Words:   []string{"sent", "any"},
	Varies:  []string{"sent", "any"},
}

func (p *spool) shuffle(waiting []*pending) {
	if p.Switches.String("storage.order") != "any" {
		return
	}
	for i := len(waiting) - 1; i > 0; i-- {
		j := p.Random.IntN(i + 1)
		waiting[i], waiting[j] = waiting[j], waiting[i]
	}
}
