package delivery

import (
	"maps"
	"sync"
	"time"

	"github.com/hushpush/hush/push"
)

// hold stops an app's sends through one provider for a while: its quota is used up, or its credentials were refused.
type hold struct {
	why   push.Reason
	until time.Time
}

type sender struct {
	app      string
	provider push.Provider
}

// senders is what this node has learned of each app's standing with each provider. It is in memory only: after a start, one
// request learns it again.
type senders struct {
	mu sync.Mutex
	m  map[sender]standing // guarded by mu
}

// standing is that of one app with one provider. A copy never changes: its parts are replaced and not written to.
type standing struct {
	holds   map[scope]hold
	renewed time.Time // when the credentials were replaced
	answers []reply   // the last ones, oldest first
}

// scope is what a hold applies to. Devices name their environment and bundle id themselves, and one with a wrong value must not
// hold up the others.
type scope struct {
	environment push.Environment // "": in all of them
	bundleID    string           // "": all in the environment
}

// maxHolds bounds the holds of one app: its devices can name any number of bundle ids.
const maxHolds = 1_000

// reply is one answer to a wake, as far as it helps to tell a dead token from a wrong credential.
type reply struct {
	at      time.Time
	device  string
	refusal string // the provider's reason, where it may mean the token or the credential; else ""
}

// What tells a wrong credential from dead tokens: ten or more tokens of an app, and over half of its answers from that
// provider, are refused alike.
const (
	replyWindow   = time.Minute
	suspectTokens = 10
	maxReplies    = 1_000
)

func newSenders() *senders { return &senders{m: make(map[sender]standing)} }

// standing returns an app's standing with a provider by now.
func (s *senders) standing(k sender) standing {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.m[k]
}

// record adds an answer to an app's standing, and the hold that it means for the app's other sends.
func (s *senders) record(now time.Time, k sender, d *push.Device, o *outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.m[k]
	if o.answer.Status != 0 {
		st.addReply(now, reply{at: now, device: d.ID, refusal: o.suspicion()})
	}
	if o.err != nil {
		st.holdBack(now, d, o)
	}
	s.m[k] = st
}

// suspicion returns the provider's reason if it may mean the token or the credential; else "".
func (o *outcome) suspicion() string {
	if o.err != nil && o.err.Fault == push.FaultSuspect {
		return o.err.Reason
	}
	return ""
}

// addReply adds an answer, and drops those that are too old or too many. Copies of the list still see what they saw: nothing is
// written before its end.
func (st *standing) addReply(now time.Time, r reply) {
	st.answers = append(st.answers, r)
	for len(st.answers) > maxReplies || len(st.answers) > 0 && st.answers[0].at.Before(now.Add(-replyWindow)) {
		st.answers = st.answers[1:]
	}
}

// holdBack sets the hold that a refusal means for other sends.
func (st *standing) holdBack(now time.Time, d *push.Device, o *outcome) {
	switch o.err.Fault {
	case push.FaultQuota:
		st.setHold(now, scope{}, hold{why: push.ReasonQuota, until: now.Add(o.err.RetryAfter)})
	case push.FaultCredentials:
		h := hold{why: o.credentialsReason(), until: now.Add(credentialsWait)}
		switch o.err.Reach {
		case push.ReachEnvironment:
			st.setHold(now, scope{environment: d.Environment}, h)
		case push.ReachTopic:
			st.setHold(now, scope{d.Environment, d.BundleID}, h)
		}
	}
}

// setHold sets a hold. If there are too many holds, the device only waits for itself.
func (st *standing) setHold(now time.Time, of scope, h hold) {
	holds := make(map[scope]hold, len(st.holds)+1)
	maps.Copy(holds, st.holds)
	if len(holds) >= maxHolds {
		maps.DeleteFunc(holds, func(_ scope, h hold) bool { return !h.until.After(now) })
	}
	if _, there := holds[of]; there || len(holds) < maxHolds {
		holds[of] = h
	}
	st.holds = holds
}

// longest returns the hold on a device's sends that ends last; nil if there is none.
func (st standing) longest(now time.Time, d push.Device) *hold {
	if len(st.holds) == 0 {
		return nil
	}
	var longest *hold
	for _, of := range []scope{{}, {environment: d.Environment}, {d.Environment, d.BundleID}} {
		if h, ok := st.holds[of]; ok && h.until.After(now) && (longest == nil || h.until.After(longest.until)) {
			longest = &h
		}
	}
	return longest
}

// tokenBad reports whether a suspect refusal is the token's own fault. It is not if most of the app's tokens are refused alike.
func (st standing) tokenBad(now time.Time, refusal string) bool {
	var all, refused int
	tokens := make(map[string]bool)
	for _, r := range st.answers {
		if r.at.Before(now.Add(-replyWindow)) {
			continue
		}
		all++
		if r.refusal == refusal {
			refused++
			tokens[r.device] = true
		}
	}
	return len(tokens) < suspectTokens || 2*refused <= all
}

// forget drops what was learned with the previous credentials.
func (s *senders) forget(now time.Time, k sender) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.m[k] = standing{renewed: now}
}
