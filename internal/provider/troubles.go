package provider

import (
	"cmp"
	"hash/maphash"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hushpush/hush/internal/spell"
	"github.com/hushpush/hush/push"
)

// Troubles knows how apps do with a provider, and logs their troubles: when one begins, once a minute while it goes on, and
// when it is over. Its methods may be called at the same time.
type Troubles struct {
	log      *slog.Logger
	provider push.Provider
	now      func() time.Time
	seed     maphash.Seed

	mu      sync.Mutex
	apps    map[string]*app // guarded by mu; at most maxApps
	devices int             // guarded by mu; of all troubles
	lines   lines           // guarded by mu
}

// app is one app's standing. Guarded by Troubles.mu.
type app struct {
	troubles map[scope]*trouble // at most push.MaxProviderTroubles
	history
}

// trouble is one of an app. Guarded by Troubles.mu.
type trouble struct {
	spell      spell.Spell
	app        string
	scope      scope
	cause      cause // of the last wake that failed
	detail     string
	devices    map[uint64]waiting // hit, and still waiting, by the hash of the id
	pushes     int                // the sum of theirs
	others     time.Time          // until when devices wait that maxDevices left out; zero: none do
	replaced   bool               // the credential was replaced since the last failure
	unreported spell.Line         // the line that it did not get for itself
}

// waiting is what waits on a device that a trouble has hit.
type waiting struct {
	pushes int
	until  time.Time // when the last of them is of no use any more
}

const (
	// maxApps bounds the apps that are remembered. Those beyond take the place of others.
	maxApps = 10_000

	// maxDevices bounds the devices that are counted, of all troubles.
	maxDevices = 100_000

	// abandoned is how long nobody has to try, and a trouble is forgotten: the app or its devices are gone. It is longer than
	// any wake waits for its next try.
	abandoned = 2 * time.Hour
)

// NewTroubles returns one that knows of no app.
func NewTroubles(log *slog.Logger, p push.Provider, now func() time.Time) *Troubles {
	return &Troubles{log: log, provider: p, now: now, seed: maphash.MakeSeed(), apps: map[string]*app{}}
}

// Forget is called when an app's credential has changed. The next wake shows whether the new one is accepted.
func (t *Troubles) Forget(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	a := t.apps[name]
	if a == nil {
		return
	}
	a.answered = time.Time{}
	for _, tr := range a.troubles {
		tr.replaced = tr.scope.kind != unreachable
	}
}

// Gone is called when an app is deleted: its troubles are logged no more.
func (t *Troubles) Gone(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if a := t.apps[name]; a != nil {
		t.forget(name, a)
	}
}

// Record records the result of one wake.
func (t *Troubles) Record(d *push.Device, w *push.Wake, r Result) {
	if r.Answer.Error == push.FailureStopping {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	now, a, e := t.now(), &r.Answer, r.Refused
	of := t.appOf(d.App)
	of.record(now, a, e)
	down := of.isDown(d.Environment, e != nil && e.Fault == push.FaultProvider)
	s, bad := troubled(d, a, e, r.Shared || down)
	for _, tr := range of.troubles {
		if (!bad || tr.scope.kind != s.kind) && tr.scope.endedBy(d, a, e) {
			t.report(tr, tr.spell.Well(now), now)
		}
	}
	if bad {
		t.failed(of, s, d, w, a, e, now)
	}
}

// appOf returns an app's standing, and makes it if there is none. The caller holds mu.
func (t *Troubles) appOf(name string) *app {
	of := t.apps[name]
	if of == nil {
		for other, a := range t.apps {
			if len(t.apps) < maxApps {
				break
			}
			t.forget(other, a)
		}
		of = &app{troubles: map[scope]*trouble{}}
		t.apps[name] = of
	}
	return of
}

// failed records one more failure. The caller holds mu.
func (t *Troubles) failed(of *app, s scope, d *push.Device, w *push.Wake, a *push.Answer, e *push.WakeError, now time.Time) {
	tr := of.troubles[s]
	var former spell.Spell
	if tr != nil && (tr.replaced || tr.spell.Done(now)) { // what comes now is another one
		if tr.replaced {
			former = tr.spell
			former.Renew()
		}
		t.drop(of, s)
		tr = nil
	}
	if tr == nil {
		if len(of.troubles) >= push.MaxProviderTroubles {
			return
		}
		tr = &trouble{spell: former, app: d.App, scope: s, devices: map[uint64]waiting{}}
		of.troubles[s] = tr
	}
	tr.cause, tr.detail = cause{class: a.Error, fault: e.Fault, status: a.Status, reason: e.Reason}, a.Detail
	t.hit(tr, d.ID, w, now)
	t.report(tr, tr.spell.Hit(now), now)
}

// hit counts a device and its pushes. The caller holds mu.
func (t *Troubles) hit(tr *trouble, device string, w *push.Wake, now time.Time) {
	until := w.EndsAt
	if until.IsZero() {
		until = now.Add(abandoned)
	}
	h := maphash.String(t.seed, device)
	before, known := tr.devices[h]
	if !known {
		if t.devices >= maxDevices {
			if until.After(tr.others) {
				tr.others = until
			}
			return
		}
		t.devices++
	}
	tr.devices[h] = waiting{len(w.Pushes), until}
	tr.pushes += len(w.Pushes) - before.pushes
}

// leave forgets the devices that wait no longer, and reports whether the last one has left. The caller holds mu.
func (t *Troubles) leave(tr *trouble, now time.Time) bool {
	before := tr.waits()
	for h, w := range tr.devices {
		if !now.Before(w.until) {
			delete(tr.devices, h)
			t.devices--
			tr.pushes -= w.pushes
		}
	}
	if !now.Before(tr.others) {
		tr.others = time.Time{}
	}
	return before && !tr.waits()
}

// waits reports whether a device that it has hit still waits.
func (tr *trouble) waits() bool { return len(tr.devices) > 0 || !tr.others.IsZero() }

// outdated reports whether the trouble can be forgotten. One in which nobody waits is kept for the log until it has been quiet
// for a minute: a failure within that time continues it.
func (tr *trouble) outdated(now time.Time) bool {
	if !tr.spell.Lasts() {
		return tr.spell.Done(now)
	}
	return now.Sub(tr.spell.Last) >= abandoned || !tr.waits() && tr.spell.Quiet(now)
}

// forget forgets an app. The caller holds mu.
func (t *Troubles) forget(name string, of *app) {
	for s := range of.troubles {
		t.drop(of, s)
	}
	delete(t.apps, name)
}

// drop forgets a trouble. The caller holds mu.
func (t *Troubles) drop(of *app, s scope) {
	t.devices -= len(of.troubles[s].devices)
	delete(of.troubles, s)
}

// Tick is called every few seconds: it logs the troubles that go on, and sums up those that had no line of their own.
func (t *Troubles) Tick() {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	var news []*trouble
	for _, of := range t.apps {
		for s, tr := range of.troubles {
			if t.leave(tr, now) && tr.spell.Lasts() {
				of.unknown(tr.spell.Last)
			}
			line := spell.None
			if !tr.replaced || !tr.spell.Lasts() {
				line = tr.spell.Tick(now)
			}
			switch {
			case line != spell.None:
				tr.unreported = line
				news = append(news, tr)
			case tr.unreported == spell.None && tr.outdated(now):
				t.drop(of, s)
			}
		}
	}
	slices.SortFunc(news, func(a, b *trouble) int {
		return cmp.Or(cmp.Compare(b.spell.Count, a.spell.Count), strings.Compare(a.app, b.app))
	})
	for _, tr := range news {
		t.report(tr, tr.unreported, now)
	}
	if now.Sub(t.lines.summed) >= spell.Per {
		t.sumUp(now)
	}
}
