package provider

import (
	"github.com/hushpush/hush/push"
)

// kind is what an app's trouble with a provider is about.
type kind int

const (
	unreachable kind = iota // nobody answers in the provider's place, or somebody else does, or it answers that it cannot
	credential              // the provider refuses the app's credential, or there is none to use
	quota                   // the app's quota is used up
	kinds                   // how many there are
)

// story is what the log says of one kind.
type story struct {
	begun, goes, ended string
	more, moreEnded    string // of apps that have no line of their own
	next               string // what happens now, and what to do
}

var stories = [kinds]story{
	unreachable: {
		begun: "provider unreachable", goes: "provider still unreachable", ended: "provider reachable again",
		more: "provider unreachable for more apps", moreEnded: "provider reachable again for more apps",
		next: "wakes are tried again with growing waits, and pushes wait; check DNS, firewall and proxy, or the provider's status page",
	},
	credential: {
		begun: "credential refused", goes: "credential still refused", ended: "credential accepted again",
		more: "credentials refused for more apps", moreEnded: "credentials accepted again for more apps",
		next: "wakes wait, and one a minute tries; store a good credential: hush provider check, hush provider put",
	},
	quota: {
		begun: "provider quota used up", goes: "provider quota still used up", ended: "provider quota available again",
		more: "provider quota used up for more apps", moreEnded: "provider quota available again for more apps",
		next: "the app's wakes rest as long as the provider asks; ask it for a higher quota, or send less",
	},
}

// scope is what a trouble concerns. Devices name their environment and bundle id themselves: one that names a wrong one must not
// stand for the others.
type scope struct {
	kind        kind
	environment push.Environment
	bundleID    string // of a credential that is refused for one topic; "": for all
}

// cause is why a wake failed, as far as it is the same for the next one.
type cause struct {
	class  push.Failure
	fault  push.Fault
	status int
	reason string
}

// name returns the class of a failure, or the fault of a refusal.
func (c cause) name() string {
	if c.class != push.FailureNone {
		return string(c.class)
	}
	return string(c.fault)
}

// troubled returns the scope of the trouble that a wake's failure belongs to; bad is false for a failure that concerns this
// device or push alone, or only the provider. shared says that what failed is needed for all of the app's wakes, such as the
// access token, or that it has failed for all of them: then it is a trouble whatever was answered.
func troubled(d *push.Device, a *push.Answer, e *push.WakeError, shared bool) (s scope, bad bool) {
	switch {
	case e == nil:
		return scope{}, false
	case e.Fault == push.FaultCredentials && e.Reach == push.ReachTopic:
		return scope{credential, d.Environment, d.BundleID}, true
	case e.Fault == push.FaultCredentials && e.Reach == push.ReachEnvironment:
		return scope{kind: credential, environment: d.Environment}, true
	case e.Fault == push.FaultProvider && (shared || a.Error != push.FailureNone):
		return scope{kind: unreachable, environment: d.Environment}, true
	case e.Fault == push.FaultQuota:
		return scope{kind: quota, environment: d.Environment}, true
	}
	return scope{}, false
}

// endedBy reports whether the result of another wake shows that the trouble is over. Only the provider's own answer does. It
// says nothing of a credential if the provider has troubles of its own, or if it may mean the credential itself.
func (s scope) endedBy(d *push.Device, a *push.Answer, e *push.WakeError) bool {
	if e != nil && (a.Error != push.FailureNone || a.Status == 0) || s.environment != d.Environment {
		return false
	}
	switch s.kind {
	case unreachable:
		return true
	case credential:
		return (s.bundleID == "" || s.bundleID == d.BundleID) && (e == nil || e.Fault != push.FaultProvider && e.Fault != push.FaultCredentials && e.Fault != push.FaultSuspect)
	}
	return e == nil
}
