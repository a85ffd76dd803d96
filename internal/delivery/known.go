package delivery

import (
	"sync/atomic"
	"time"

	"github.com/hushpush/hush/push"
)

// known is what this node knows of a device beside the store. It is asked for before a transaction, which then only computes:
// nodes that have to ask each other cannot do so inside one. What has changed by the commit is seen after it; see outdated.
type known struct {
	now       time.Time
	session   *session      // nil: none is open
	lost      bool          // the session went away while pushes were sent to it
	standing  [2]standing   // of the app with each provider; see standingOf
	soleSince time.Time     // since when this node has the store to itself; zero: it has not
	ackWait   time.Duration // for a session to acknowledge
	draining  bool          // nothing new is sent
}

// localNode is what knows it: this process's sessions, and what it has learned of providers.
type localNode struct {
	sessions   Sessions         // never changes, as all but senders and ending
	senders    *senders         // has a lock of its own
	ackWait    time.Duration    // for a session to acknowledge
	singleNode bool             // no other node uses the store
	started    time.Time        // when this process was
	clock      func() time.Time // tells the time
	ending     atomic.Bool      // the engine is draining: nothing new is sent
}

// know returns what this node knows of a device. Without useSession it ignores an open session.
func (n *localNode) know(key push.DeviceKey, useSession bool) *known {
	k := &known{now: n.now(), lost: !useSession, ackWait: n.ackWait, draining: n.ending.Load()}
	k.standing[0] = n.senders.standing(sender{key.App, push.APNs})
	k.standing[1] = n.senders.standing(sender{key.App, push.FCM})
	if n.singleNode {
		k.soleSince = n.started
	}
	if useSession {
		k.session = n.sessionOf(key)
	}
	return k
}

// now returns the time as precisely as the store keeps it, so that a decision on rows that were just written equals one on rows
// that were read.
func (n *localNode) now() time.Time { return n.clock().UTC().Truncate(time.Microsecond) }

// sessionOf returns the device's open session; nil if there is none.
func (n *localNode) sessionOf(key push.DeviceKey) *session {
	id, since, ok := n.sessions.Session(key)
	if !ok {
		return nil
	}
	return &session{id: id, since: since}
}

// standingOf returns the app's standing with a provider.
func (k *known) standingOf(p push.Provider) standing {
	if p == push.FCM {
		return k.standing[1]
	}
	return k.standing[0]
}

// of returns the situation of a device as a snapshot has it: a plain function.
func (k *known) of(snap push.Snapshot) situation { return k.ofDevice(&snap.Device, rulesOf(snap)) }

// ofDevice returns the situation of a device, with the rules for its deliveries.
func (k *known) ofDevice(d *push.Device, r rules) situation {
	provider := d.Platform.Provider()
	st := k.standingOf(provider)
	s := situation{
		now: k.now, device: *d, session: k.session, lost: k.lost, soleSince: k.soleSince, ackWait: k.ackWait, topics: r.topics,
		hold: st.longest(k.now, *d), renewed: st.renewed,
		strategy: strategies(r.resources, provider),
		tokenBad: func(refusal string) bool { return st.tokenBad(k.now, refusal) },
	}
	if k.draining {
		s.hold = &hold{why: push.ReasonRetry, until: k.now.Add(shortest)} // whoever runs next sends it
	}
	return s
}

// outdated reports whether an app's credentials were replaced since k was asked for: what waits for the previous ones has to be
// looked at again.
func (n *localNode) outdated(k *known, p push.Provider, app string) bool {
	return n.senders.standing(sender{app, p}).renewed.After(k.standingOf(p).renewed)
}

// strategies returns a function that finds the strategies of resources. It remembers the last one: most looks ask for a single
// one, but often.
func strategies(resources map[string]push.Resource, p push.Provider) func(string) *push.Strategy {
	var last string
	var found *push.Strategy
	return func(id string) *push.Strategy {
		if id == last && found != nil {
			return found
		}
		last, found = id, nil
		if r, ok := resources[id]; ok {
			found = r.Strategy(p)
		}
		return found
	}
}
