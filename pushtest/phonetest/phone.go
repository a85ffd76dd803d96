package phonetest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"time"
)

// Phone is a simulated device with one app on it. All its methods may be called from any goroutine.
type Phone struct {
	spec  Spec // never changes
	fleet *Fleet
	clock phoneClock

	// The parts, each with a state and a lock of its own. What a person does is this type's own methods (person.go), under
	// app.steps, the turn of whoever changes what runs; it is held while the app or the push service is called. The other
	// locks are not. They are taken in this order: system.mu, worker.mu, then the fleet's, app.mu, conditions.mu, budgets.mu or
	// service.mu, and last record.mu.
	conditions conditions // what a person has set
	record     record     // what happened
	service    connection // the app's installation at its push service
	app        execution  // the app as the system runs it
	budgets    budgets    // what the system counts of pushes
	system     system     // what the system does with pushes before the app gets them
	worker     worker     // who works on pushes
	handover   handover   // how the app gets them
}

func newPhone(f *Fleet, number int, s Spec) *Phone {
	if s.Platform == IOS && s.Environment == "" {
		s.Environment = "production"
	}
	if s.Token == "" {
		s.Token = f.newToken(s.Platform)
	}
	p := &Phone{spec: s, fleet: f}
	p.clock.fleet = &f.clock
	p.conditions.set = facts{online: !s.Offline, forceSwipe: s.SwipeForceStops}
	p.record.phone, p.record.fleet, p.record.clock = s.Name, f, &p.clock
	p.service.spec, p.service.fleet, p.service.token = &p.spec, f, s.Token
	p.app.spec, p.app.fleet, p.app.record, p.app.conditions = &p.spec, f, &p.record, &p.conditions
	p.app.token, p.app.ended, p.app.state = p.service.current, p.system.appEnded, NeverRun
	p.system.number, p.system.spec, p.system.fleet, p.system.clock = number, &p.spec, f, &p.clock
	p.system.record, p.system.conditions, p.system.budgets = &p.record, &p.conditions, &p.budgets
	p.system.app, p.system.service, p.system.worker = &p.app, &p.service, &p.worker
	p.worker.fleet, p.worker.record, p.worker.app, p.worker.system, p.worker.handover = f, &p.record, &p.app, &p.system, &p.handover
	p.handover = handover{spec: &p.spec, fleet: f, clock: &p.clock, record: &p.record, budgets: &p.budgets, app: &p.app}
	p.budgets.rules, p.budgets.pacing.born = &f.cfg.Rules, f.clock.Now()
	p.budgets.standby = standby{bucket: s.Bucket, osVersion: s.OSVersion}
	return p
}

// NewToken makes a random provider token in the form of the platform's service: 64 hexadecimal digits for iOS, an
// installation's id and a long opaque part for Android.
func NewToken(p Platform) string { return makeToken(p, random) }

// newToken is NewToken with the fleet's seed.
func (f *Fleet) newToken(p Platform) string {
	if f.rand == nil {
		return NewToken(p)
	}
	return makeToken(p, func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(f.rand.IntN(256))
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

// Name returns the phone's name.
func (p *Phone) Name() string { return p.spec.Name }

// AppID returns the app's bundle id or package.
func (p *Phone) AppID() string { return p.spec.AppID }

// Platform returns the phone's operating system.
func (p *Phone) Platform() Platform { return p.spec.Platform }

// Token returns the app's provider token.
func (p *Phone) Token() string { return p.service.current() }

// State returns the app's state. While a push keeps a suspended app awake it is Background.
func (p *Phone) State() State { return p.app.now() }

// PID returns the process id of the app; 0 if it has no process.
func (p *Phone) PID() int {
	instance, _ := p.app.running()
	if instance == nil {
		return 0
	}
	return instance.PID()
}

// Log returns the device log, oldest line first; the latest 1 000 at most are kept.
func (p *Phone) Log() []LogLine { return p.record.logLines() }

// Records returns what the phone did with each push, oldest first; the latest 256 at most are kept.
func (p *Phone) Records() []Record { return p.record.lines() }

// Now returns what the phone's clock shows.
func (p *Phone) Now() time.Time { return p.clock.shown() }

// Deliver brings a message to the phone, as its push service does. It never blocks; a worker of the phone handles messages in
// order, as long as there are any.
func (p *Phone) Deliver(m Message) { p.system.deliver(m) }

// Wait returns when ok reports true; ok is called again after each change of the phone. An error has the cause of the end of
// ctx, and what happened on the phone.
func (p *Phone) Wait(ctx context.Context, ok func(*Phone) bool) error {
	for {
		changed := p.record.nextChange()
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

// History returns the record and the device log, for people.
func (p *Phone) History() string {
	return fmt.Sprintf("%s (%s, %s)\n", p.spec.Name, p.spec.Platform, p.State()) + p.record.text()
}

// connect makes the installation known to the provider.
func (p *Phone) connect() error {
	p.app.steps.Lock()
	defer p.app.steps.Unlock()
	return p.service.open(receiver{&p.system}, p.conditions.get())
}

// Close takes the phone out of the fleet: it ends the app and closes the line to the provider. It may be called twice.
func (p *Phone) Close() {
	p.app.steps.Lock()
	defer p.app.steps.Unlock()
	p.system.close()
	p.service.close()
	p.app.kill(Reclaimed, "the phone is put away")
	p.fleet.remove(p)
}
