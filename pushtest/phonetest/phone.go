package phonetest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/hushpush/hush/pushtest/phonetest/phoneline"
)

// Phone is a simulated device with one app on it. All its methods may be called from any goroutine.
type Phone struct {
	fleet *Fleet
	spec  Spec

	// steps is held by whoever changes what runs: a person's step, the system's, or the worker while it wakes the app.
	// It is never held while a handler runs, and taken before mu.
	steps sync.Mutex
	line  Line // changed with steps and mu held, so that either is enough to read it

	former []Line // guarded by steps; of installations that are gone

	mu        sync.Mutex
	state     State         // guarded by mu, changed with steps held (or by an app that ends)
	instance  Instance      // guarded by mu; nil without a process
	run       int           // guarded by mu; counts launches
	ended     int           // guarded by mu; the latest run that ended by itself
	returnTo  State         // guarded by mu; Suspended while a push keeps the app awake, else ""
	windowEnd time.Time     // guarded by mu; real time at which the present wake-up is over
	token     string        // guarded by mu
	shift     time.Duration // guarded by mu; the phone's own clock against the fleet's
	queue     []Message     // guarded by mu; at most maxQueue
	working   bool          // guarded by mu; a worker empties the queue
	held      []Message     // guarded by mu; iOS: at most one
	facts     facts         // guarded by mu
	number    int           // never changes; counts the fleet's phones
	born      time.Time     // never changes; by the fleet's clock
	bucket    bucket        // guarded by mu; iOS
	day       dayBudget     // guarded by mu; iOS
	standby   standby       // guarded by mu; Android
	recent    recent        // guarded by mu; Android
	records   []Record      // guarded by mu
	noted     int           // guarded by mu; lines of the record so far
	log       []LogLine     // guarded by mu
	events    int           // guarded by mu; ids of events
	changed   chan struct{} // guarded by mu; closed at the next change, nil while nobody waits
	closed    bool          // guarded by mu

	serviceKeeps bool // guarded by mu; the push service may keep something that the phone could not take
	timesKept    int  // guarded by mu; how often it has kept something so
}

// facts are what a person or the system has set on the phone.
type facts struct {
	online     bool
	lowPower   bool
	refreshOff bool
	charging   bool
	dozing     bool
	dozeSince  time.Time
	diskFull   bool
	clockOff   time.Duration // what the clock shows, less the right time
	startsAt   time.Time     // after a restart: no app is started for a push before
	forceSwipe bool          // a swipe is a force-stop
	screenLock bool          // a restart leaves the phone locked
	locked     bool          // it was restarted and not unlocked since
	directBoot bool          // the app is made for that
	restricted bool          // APNs is to keep what is not urgent
}

func newPhone(d *Fleet, s Spec) *Phone {
	p := &Phone{fleet: d, spec: s, state: NeverRun, token: s.Token, born: d.clock.Now()}
	if s.Platform == IOS && s.Environment == "" {
		p.spec.Environment = "production"
	}
	if p.token == "" {
		p.token = d.newToken(s.Platform)
	}
	p.facts.online, p.facts.forceSwipe = !s.Offline, s.SwipeForceStops
	p.standby = standby{bucket: s.Bucket, osVersion: s.OSVersion}
	return p
}

// NewToken makes up a provider token in the shape that the platform's service gives: 64 hexadecimal digits, or an
// installation's id and a long opaque part.
func NewToken(p Platform) string { return makeToken(p, random) }

// newToken is NewToken with the fleet's seed.
func (d *Fleet) newToken(p Platform) string {
	if d.rand == nil {
		return NewToken(p)
	}
	return makeToken(p, func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(d.rand.IntN(256))
		}
		return b
	})
}

func makeToken(p Platform, random func(n int) []byte) string {
	if p == IOS {
		return hex.EncodeToString(random(32))
	}
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	b := random(22 + 134)
	for i := range b {
		b[i] = alphabet[b[i]&63]
	}
	return string(b[:22]) + ":APA91b" + string(b[22:])
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails, see crypto/rand
	return b
}

// Name is the phone's name.
func (p *Phone) Name() string { return p.spec.Name }

// AppID is the app's bundle id or package.
func (p *Phone) AppID() string { return p.spec.AppID }

// Platform is the phone's operating system.
func (p *Phone) Platform() Platform { return p.spec.Platform }

// Token is the app's provider token.
func (p *Phone) Token() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.token
}

// State is where the app stands now. While a push keeps a suspended app awake it is Background.
func (p *Phone) State() State {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state
}

// PID is the process id of the app; 0 if it has no process.
func (p *Phone) PID() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.instance == nil {
		return 0
	}
	return p.instance.PID()
}

// Log is the device log, oldest line first; the latest 1 000 at most are kept.
func (p *Phone) Log() []LogLine {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.log)
}

// Records tell what the phone did with each push, oldest first; the latest 256 at most are kept.
func (p *Phone) Records() []Record {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.records)
}

// Now is what the phone's clock shows.
func (p *Phone) Now() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.wall()
}

// now is the phone's time, by which the system paces and waits: a clock that is set wrong does not change it. p.mu must be
// held.
func (p *Phone) now() time.Time { return p.fleet.clock.Now().Add(p.shift) }

// wall is what the clock shows. p.mu must be held.
func (p *Phone) wall() time.Time { return p.now().Add(p.facts.clockOff) }

// Wait returns when ok, which is asked again after each change of the phone. Its error holds the cause of the end of ctx,
// and what happened on the phone.
func (p *Phone) Wait(ctx context.Context, ok func(*Phone) bool) error {
	for {
		p.mu.Lock()
		if p.changed == nil {
			p.changed = make(chan struct{})
		}
		changed := p.changed
		p.mu.Unlock()
		if ok(p) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("phonetest: waiting for %s: %w\n%s", p.spec.Name, context.Cause(ctx), p.History())
		}
	}
}

// History is the record and the device log, for people.
func (p *Phone) History() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := fmt.Sprintf("%s (%s, %s)\n", p.spec.Name, p.spec.Platform, p.state)
	for _, r := range p.records {
		out += fmt.Sprintf("  %s push %s: %s in %s %s %s\n", r.At.Format("15:04:05.000"), r.Push, r.Did, r.State, r.Reason, r.Result)
	}
	for _, l := range p.log {
		out += "  " + l.String() + "\n"
	}
	return out
}

// change wakes those who wait. p.mu must be held.
func (p *Phone) change() {
	if p.changed != nil {
		close(p.changed)
		p.changed = nil
	}
}

// connect makes the installation known to the provider.
func (p *Phone) connect() error {
	p.steps.Lock()
	defer p.steps.Unlock()
	provider := p.fleet.cfg.APNs
	if p.spec.Platform == Android {
		provider = p.fleet.cfg.FCM
	}
	if provider == nil {
		return nil
	}
	line, err := provider.Connect(Installation{Token: p.Token(), AppID: p.spec.AppID, Environment: p.spec.Environment}, receiver{p})
	if err != nil {
		return fmt.Errorf("phonetest: connecting %s to its push service: %w", p.spec.Name, err)
	}
	p.mu.Lock()
	p.line = line
	online, restricted := p.facts.online, p.facts.restricted
	p.mu.Unlock()
	if !online {
		line.SetOnline(false)
	}
	if s, can := line.(powerSaver); can && restricted {
		s.setPowerRestricted(true)
	}
	return nil
}

// Close takes the phone out of the fleet: the app is ended, the provider's line is closed. It may be called twice.
func (p *Phone) Close() {
	p.steps.Lock()
	defer p.steps.Unlock()
	p.mu.Lock()
	p.closed = true
	p.queue, p.held = nil, nil
	p.mu.Unlock()
	if p.line != nil {
		p.line.Close()
	}
	for _, l := range p.former {
		l.Close()
	}
	p.mu.Lock()
	p.line, p.former = nil, nil
	p.mu.Unlock()
	p.kill(Reclaimed, "the phone is put away")
	p.fleet.remove(p)
}

// event gives an event its id. p.mu must be held.
func (p *Phone) event(e phoneline.Event) phoneline.Event {
	p.events++
	e.ID, e.Phone = strconv.Itoa(p.events), p.spec.Name
	return e
}
