package phonetest

import (
	"context"
	"fmt"

	"github.com/hushpush/hush/pushtest/phonetest/phoneline"
)

// person does with the app what a person does, or the system without a push. Each step returns when it is done; the app has the
// time of Rules.Settle to follow. It has no state of its own.
type person struct {
	device
	conditions *conditions
	service    *connection
	system     *system
	app        *execution
	settings   *settings
}

func newPerson(d device, c *conditions, s *system, set *settings) *person {
	return &person{device: d, conditions: c, service: s.service, system: s, app: s.app, settings: set}
}

// Open opens the app, as the person does: its process is started or resumed, and its UI is on the screen. What was held is
// delivered. The screen is on and the phone unlocked, so Doze ends.
func (p *person) Open(ctx context.Context) error {
	p.app.steps.Lock()
	defer p.app.steps.Unlock()
	return p.open(ctx)
}

// open does the work of Open. steps is held.
func (p *person) open(ctx context.Context) error {
	p.conditions.change(func(f *facts) { f.dozing, f.locked = false, false })
	state := p.app.now()
	switch {
	case p.system.isClosed():
		return ErrClosed
	case state == Foreground: // there already
	case state.alive():
		if err := p.app.foreground(ctx); err != nil {
			return err
		}
	default:
		if err := p.app.launch(ctx, Foreground); err != nil {
			return err
		}
	}
	p.system.release()
	return nil
}

// Home leaves the app, as the person does: it runs on without UI. An app that is not in the foreground but has a process is made
// to run in the background, as if it had asked for time there; one without a process is opened first.
func (p *person) Home(ctx context.Context) error {
	p.app.steps.Lock()
	defer p.app.steps.Unlock()
	if err := p.needProcess(ctx); err != nil {
		return err
	}
	return p.app.background(ctx)
}

// Suspend stops the app and keeps its memory, as the system does some time after it left the foreground. An app in the
// foreground leaves it first; one without a process is opened first.
func (p *person) Suspend(ctx context.Context) error {
	p.app.steps.Lock()
	defer p.app.steps.Unlock()
	if err := p.needProcess(ctx); err != nil {
		return err
	}
	if p.app.now() == Suspended {
		return nil
	}
	if err := p.app.background(ctx); err != nil {
		return err
	}
	return p.app.suspend()
}

// Reclaim takes the app's memory, as the system does with one that is not in the foreground (one in the foreground leaves it
// first).
// A push starts it again.
func (p *person) Reclaim(ctx context.Context) error { return p.end(ctx, Reclaimed) }

// Swipe swipes the app away, as the person does: it is terminated, and on some vendors' Android phones force-stopped.
func (p *person) Swipe(ctx context.Context) error {
	return p.end(ctx, swiped(p.spec.Platform, p.conditions.get().forceSwipe))
}

// ForceStop stops the app, as the person does in Android's settings.
func (p *person) ForceStop(ctx context.Context) error {
	if p.spec.Platform != Android {
		return fmt.Errorf("phonetest: %s has no force-stop", p.spec.Platform)
	}
	return p.end(ctx, ForceStopped)
}

// Restart switches the phone off and on. The app has no process then, and one that was swiped away may be launched again
// (Apple, application:didReceiveRemoteNotification:fetchCompletionHandler:); a force-stopped one stays so. For Rules.RestartDelay
// no app is started for a push. An Android phone with a screen lock is locked then, see SetScreenLock.
func (p *person) Restart() {
	p.app.steps.Lock()
	defer p.app.steps.Unlock()
	p.conditions.change(func(f *facts) { f.locked = f.screenLock })
	switch p.app.now() {
	case NeverRun, ForceStopped:
	default:
		p.app.kill(Reclaimed, "the phone restarts")
		p.app.enter(Reclaimed)
	}
	p.conditions.change(func(f *facts) {
		f.dozing = false
		f.startsAt = p.clock.now().Add(p.fleet.cfg.Rules.RestartDelay)
	})
	p.system.release()
}

// SetState brings the app into a state by the steps above. An app that has never run is opened on the way to every state, so
// that it has registered itself.
func (p *person) SetState(ctx context.Context, s State) error {
	if !s.exists(p.spec.Platform) {
		return fmt.Errorf("phonetest: %s has no state %q", p.spec.Platform, s)
	}
	switch s {
	case NeverRun:
		return fmt.Errorf("phonetest: %s has run; install it anew for a state of %q", p.spec.AppID, NeverRun)
	case Foreground:
		return p.Open(ctx)
	case Background:
		return p.Home(ctx)
	case Suspended:
		return p.Suspend(ctx)
	case Doze:
		if err := p.Suspend(ctx); err != nil {
			return err
		}
		p.settings.SetDoze(true)
		return nil
	case Terminated:
		return p.end(ctx, Terminated)
	case ForceStopped:
		return p.ForceStop(ctx)
	}
	return p.Reclaim(ctx)
}

// RenewToken gives the app a new provider token, as after a restored backup, cleared data or long disuse: the old one is
// the old installation's, which is gone. An app that runs is told; one that does not learns it at its next launch.
func (p *person) RenewToken() error {
	if err := p.replaceToken(); err != nil {
		return err
	}
	p.app.send(phoneline.Event{Kind: phoneline.Token, Token: p.service.current()}) // a suspended app reads it when it runs again
	return nil
}

// Reinstall deletes the app and installs it anew, as the person does: the old installation is uninstalled, which its provider
// finds out with the next push, and all that was held or counted for the app goes with it. The new one has a new token and
// has never run; SetState brings it into another state.
func (p *person) Reinstall(_ context.Context) error {
	p.app.steps.Lock()
	p.app.kill(NeverRun, "it is uninstalled")
	p.system.reset()
	p.app.enter(NeverRun)
	p.app.steps.Unlock()
	return p.replaceToken()
}

// replaceToken uninstalls at the provider what the old token names, and makes a new one known.
func (p *person) replaceToken() error {
	p.app.steps.Lock()
	defer p.app.steps.Unlock()
	p.service.replace()
	p.system.forgetService()
	return p.service.open(receiver{p.system}, p.conditions.get())
}

// needProcess opens an app that has no process. steps is held.
func (p *person) needProcess(ctx context.Context) error {
	if p.app.now().alive() {
		return nil
	}
	return p.open(ctx)
}

// end goes to a state without a process. An app that has never run is opened first; one without a process changes its
// state only.
func (p *person) end(ctx context.Context, to State) error {
	p.app.steps.Lock()
	defer p.app.steps.Unlock()
	if p.app.now() == NeverRun {
		if err := p.open(ctx); err != nil {
			return err
		}
	}
	if p.app.now() == Foreground {
		if err := p.app.background(ctx); err != nil {
			return err
		}
	}
	p.app.kill(to, string(to))
	p.app.enter(to)
	return nil
}
