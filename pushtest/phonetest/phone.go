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
	device

	// The parts, each with a state and a lock of its own. Whoever changes what runs holds app.steps first, also while it calls
	// the app or the push service; no other lock is held across such a call. The other locks are taken in this order: system.mu,
	// worker.mu, then the fleet's, app.mu, conditions.mu, budgets.mu or service.mu, and last record.mu.
	conditions *conditions // what has been set
	service    *connection // the app's installation at its push service
	system     *system     // what the system does with pushes before the app gets them
	app        *execution  // the app as the system runs it

	*settings // what can be set on a phone
	*person   // what can be done with its app
}

func newPhone(f *Fleet, number int, s Spec) *Phone {
	if s.Platform == IOS && s.Environment == "" {
		s.Environment = "production"
	}
	if s.Token == "" {
		s.Token = f.newToken(s.Platform)
	}
	d := newDevice(f, s)
	conditions := newConditions(s)
	budgets := newBudgets(s, &f.cfg.Rules, f.clock.Now())
	service := newConnection(d)
	system := newSystem(number, d, conditions, budgets, service)
	settings := newSettings(d, conditions, budgets, system)
	return &Phone{
		device: d, conditions: conditions, service: service, system: system, app: system.app,
		settings: settings, person: newPerson(d, conditions, system, settings),
	}
}

// NewToken makes a random provider token in the form of the platform's service: 64 hexadecimal digits for iOS, an
// installation's id and a long opaque part for Android.
func NewToken(p Platform) string { return makeToken(p, random) }

// newToken returns a token as NewToken does, made with the fleet's seed.
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

// Advance moves this phone's time ahead, for instance past its throttling. The push services keep their time. If anything waits
// for maintenance windows, those on the way open.
func (p *Phone) Advance(by time.Duration) {
	for by = max(by, 0); ; {
		step := by
		if wait := p.system.untilWindow(); wait > 0 && wait < by {
			step = wait
		}
		p.clock.advance(step)
		p.system.release()
		if by -= step; by == 0 {
			return
		}
	}
}

// AdvanceToMaintenanceWindow moves a dozing phone's time to the moment when the next maintenance window opens, and returns
// how far that was; 0 if the phone does not doze or a window is open.
func (p *Phone) AdvanceToMaintenanceWindow() time.Duration {
	now, f := p.clock.now(), p.conditions.get()
	open, next := dozeWindow(f.dozeSince, now, p.fleet.cfg.Rules)
	if !f.dozing || open {
		return 0
	}
	by := next.Sub(now)
	p.Advance(by)
	return by
}

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
	return p.service.open(receiver{p.system}, p.conditions.get())
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
