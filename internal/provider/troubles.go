package provider

import (
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/hushpush/hush/push"
)

// Troubles tells the log when an app's wakes begin to fail in a way that someone should see to, when they fail in another,
// and when they do no longer: nobody answers, somebody else does, or the credential is refused. Its methods may be called at
// the same time.
type Troubles struct {
	log      *slog.Logger
	provider push.Provider
	now      func() time.Time

	mu    sync.Mutex
	byApp map[string]*trouble // guarded by mu; at most maxTroubles
}

// trouble is one app's. Guarded by Troubles.mu.
type trouble struct {
	what   cause
	since  time.Time
	failed int                 // wakes
	over   time.Time           // when a wake got through again; zero: it lasts
	quiet  bool                // begun again so soon after its end that the log does not have it
	told   map[cause]time.Time // causes that the log has had within the last calm, and when; at most maxTold
}

// cause is what makes two troubles the same. Details differ from wake to wake.
type cause struct {
	class  push.Failure
	fault  push.Fault
	status int
	reason string
}

const (
	// calm is how long a trouble that was over has to stay so. One that comes and goes is logged once in that time, and so is
	// each cause of one whose causes take turns, as with a proxy before several servers.
	calm = 10 * time.Second

	// maxTold bounds the causes of one trouble that are logged within calm.
	maxTold = 8

	// maxTroubles bounds the apps in trouble that are remembered. Those beyond are logged as if theirs were new.
	maxTroubles = 10_000
)

// NewTroubles makes an empty one.
func NewTroubles(log *slog.Logger, p push.Provider, now func() time.Time) *Troubles {
	return &Troubles{log: log, provider: p, now: now, byApp: map[string]*trouble{}}
}

// Forget is called when an app's credential has changed: what comes now is another trouble.
func (t *Troubles) Forget(app string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.byApp, app)
}

// Note takes what became of one wake; e is nil if the provider took it. What failed may be shared by all of the app's wakes,
// such as the access token: then it is a trouble whatever was answered.
func (t *Troubles) Note(app string, a push.Answer, e *push.WakeError, shared bool) {
	if a.Error == push.FailureStopping {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	now, known := t.now(), t.byApp[app]
	if what, bad := causeOf(a, e, shared); bad {
		t.failed(app, known, what, a.Detail, now)
		return
	}
	if known != nil && known.over.IsZero() && known.what.endedBy(e) {
		t.ended(app, known, now)
	}
}

// causeOf is what makes a wake's failure a trouble; bad is false for one that is about this device or push alone, or about
// the provider's own business.
func causeOf(a push.Answer, e *push.WakeError, shared bool) (what cause, bad bool) {
	switch {
	case e == nil:
		return cause{}, false
	case e.Fault == push.FaultCredentials && e.Reach != push.ReachDevice:
		return cause{class: a.Error, fault: e.Fault, status: a.Status, reason: e.Reason}, true
	case e.Fault == push.FaultProvider && (shared || a.Error != push.FailureNone):
		return cause{class: a.Error, fault: e.Fault, status: a.Status, reason: e.Reason}, true
	}
	return cause{}, false
}

// endedBy reports whether an answer of the provider's own shows that the trouble is over. That it answers at all says
// nothing of a credential while it has troubles of its own.
func (c cause) endedBy(e *push.WakeError) bool {
	return c.fault != push.FaultCredentials || e == nil || e.Fault != push.FaultProvider
}

// failed notes one more failure. The caller holds mu.
func (t *Troubles) failed(app string, known *trouble, what cause, detail string, now time.Time) {
	again := known != nil && !known.over.IsZero()
	switch {
	case known == nil || again && now.Sub(known.over) >= calm:
		t.forgetOld(now)
		t.byApp[app] = &trouble{what: what, since: now, failed: 1, told: map[cause]time.Time{what: now}}
		t.warn("wakes fail", app, what, "detail", detail)
		return
	case again:
		*known = trouble{what: what, since: now, quiet: true, told: known.told}
	case known.quiet:
		known.what = what
	case known.what != what && known.tell(what, now):
		t.warn("wakes fail in another way", app, what, "detail", detail,
			slog.Group("before", "error", known.what.name(), "failed", known.failed, "for", now.Sub(known.since).Round(time.Millisecond).String()))
		*known = trouble{what: what, since: now, told: known.told}
	}
	known.failed++
	if known.quiet && now.Sub(known.since) >= calm {
		known.quiet = false
		t.warn("wakes fail", app, known.what, "detail", detail, "failed", known.failed)
	}
}

// tell reports whether the log is to have a cause that is not the last one it had. If so, it is noted.
func (t *trouble) tell(what cause, now time.Time) bool {
	maps.DeleteFunc(t.told, func(_ cause, at time.Time) bool { return now.Sub(at) >= calm })
	if _, had := t.told[what]; had || len(t.told) >= maxTold {
		return false
	}
	t.told[what] = now
	return true
}

// ended notes that a wake got through. The caller holds mu.
func (t *Troubles) ended(app string, known *trouble, now time.Time) {
	known.over = now
	if !known.quiet {
		t.warn("wakes no longer fail", app, known.what, "failed", known.failed, "for", now.Sub(known.since).Round(time.Millisecond).String())
	}
}

// forgetOld makes room. The caller holds mu.
func (t *Troubles) forgetOld(now time.Time) {
	if len(t.byApp) < maxTroubles {
		return
	}
	for app, known := range t.byApp {
		if !known.over.IsZero() && now.Sub(known.over) >= calm {
			delete(t.byApp, app)
		}
	}
	for app := range t.byApp {
		if len(t.byApp) < maxTroubles {
			return
		}
		delete(t.byApp, app)
	}
}

func (t *Troubles) warn(message, app string, what cause, more ...any) {
	attrs := []any{"provider", string(t.provider), "app", app, "error", what.name()}
	if what.status != 0 {
		attrs = append(attrs, "status", what.status)
	}
	if what.reason != "" {
		attrs = append(attrs, "reason", what.reason)
	}
	t.log.Warn(message, append(attrs, more...)...)
}

// name is the class of a failure, or the fault of a refusal.
func (c cause) name() string {
	if c.class != push.FailureNone {
		return string(c.class)
	}
	return string(c.fault)
}
