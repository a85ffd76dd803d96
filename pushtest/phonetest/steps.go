package phonetest

import (
	"context"
	"fmt"
	"time"

	"github.com/hushpush/hush/pushtest/phonetest/phoneline"
)

// What a person or the system does with the app. Each step returns when it is done; an app gets the time that Rules.Settle
// says to follow it.

// Open is the person opening the app: its process is started or resumed, and its UI is on the screen. What the phone held
// is delivered. The screen is on and the phone unlocked, so that Doze ends.
func (p *Phone) Open(ctx context.Context) error {
	p.steps.Lock()
	defer p.steps.Unlock()
	return p.open(ctx)
}

// open is Open with p.steps held.
func (p *Phone) open(ctx context.Context) error {
	p.mu.Lock()
	p.facts.dozing, p.facts.locked = false, false
	state, closed := p.state, p.closed
	p.mu.Unlock()
	switch {
	case closed:
		return ErrClosed
	case state == Foreground: // there already
	case !state.alive():
		if err := p.launch(ctx, Foreground); err != nil {
			return err
		}
	default:
		if err := p.resume(state); err != nil {
			return err
		}
		p.enter(Foreground)
		p.tell(ctx, phoneline.Foreground)
	}
	p.release()
	return nil
}

// Home is the person leaving the app: it runs on without UI. An app that is not in the foreground but has a process is made
// to run in the background, as if it had asked for time there; one without a process is opened first.
func (p *Phone) Home(ctx context.Context) error {
	p.steps.Lock()
	defer p.steps.Unlock()
	if err := p.needProcess(ctx); err != nil {
		return err
	}
	return p.toBackground(ctx)
}

// Suspend is the system stopping the app, with its memory kept, some time after it left the foreground. An app in the
// foreground leaves it first; one without a process is opened first.
func (p *Phone) Suspend(ctx context.Context) error {
	p.steps.Lock()
	defer p.steps.Unlock()
	if err := p.needProcess(ctx); err != nil {
		return err
	}
	if p.State() == Suspended {
		return nil
	}
	if err := p.toBackground(ctx); err != nil {
		return err
	}
	return p.suspend()
}

// Reclaim is the system taking the memory of an app that is not in the foreground (one in the foreground leaves it first).
// A push starts it again.
func (p *Phone) Reclaim(ctx context.Context) error { return p.end(ctx, Reclaimed) }

// Swipe is the person swiping the app away: terminated, and on some vendors' Android phones force-stopped.
func (p *Phone) Swipe(ctx context.Context) error {
	return p.end(ctx, swiped(p.spec.Platform, p.swipeForceStops()))
}

// ForceStop is the person stopping the app in Android's settings.
func (p *Phone) ForceStop(ctx context.Context) error {
	if p.spec.Platform != Android {
		return fmt.Errorf("phonetest: %s has no force-stop", p.spec.Platform)
	}
	return p.end(ctx, ForceStopped)
}

// Restart is the phone going off and on. The app has no process then, and one that was swiped away may be launched again
// (Apple, application:didReceiveRemoteNotification:fetchCompletionHandler:); force-stopped stays force-stopped. For as long as
// Rules.RestartDelay says, no app is started for a push. An Android phone with a screen lock is locked then, see SetScreenLock.
func (p *Phone) Restart() {
	p.steps.Lock()
	defer p.steps.Unlock()
	p.mu.Lock()
	p.facts.locked = p.facts.screenLock
	p.mu.Unlock()
	switch state := p.State(); state {
	case NeverRun, ForceStopped:
	default:
		p.kill(Reclaimed, "the phone restarts")
		p.enter(Reclaimed)
	}
	p.mu.Lock()
	p.facts.dozing = false
	p.facts.startsAt = p.now().Add(p.fleet.cfg.Rules.RestartDelay)
	p.mu.Unlock()
	p.release()
}

// SetState brings the app into a state by the steps above. A state without a process is reached through one with it, so
// that the app has registered itself before.
func (p *Phone) SetState(ctx context.Context, s State) error {
	if !s.exists(p.spec.Platform) {
		return fmt.Errorf("phonetest: state %q is none that %s knows", s, p.spec.Platform)
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
		p.SetDoze(true)
		return nil
	case Terminated:
		return p.end(ctx, Terminated)
	case ForceStopped:
		return p.ForceStop(ctx)
	}
	return p.Reclaim(ctx)
}

// needProcess opens an app that has no process. p.steps must be held.
func (p *Phone) needProcess(ctx context.Context) error {
	if p.State().alive() {
		return nil
	}
	return p.open(ctx)
}

// end goes to a state without a process. An app that has never run is opened first; one without a process changes its
// state only.
func (p *Phone) end(ctx context.Context, to State) error {
	p.steps.Lock()
	defer p.steps.Unlock()
	if p.State() == NeverRun {
		if err := p.open(ctx); err != nil {
			return err
		}
	}
	if p.State() == Foreground {
		if err := p.toBackground(ctx); err != nil {
			return err
		}
	}
	p.kill(to, string(to))
	p.enter(to)
	return nil
}

// toBackground has an app with a process run without UI. p.steps must be held.
func (p *Phone) toBackground(ctx context.Context) error {
	state := p.State()
	switch state {
	case Foreground:
		p.enter(Background)
		p.tell(ctx, phoneline.Background)
	case Suspended:
		if err := p.resume(state); err != nil {
			return err
		}
		p.enter(Background)
	case Background:
		p.enter(Background)
	default:
		return fmt.Errorf("phonetest: %s has no process that could run in the background", p.spec.Name)
	}
	return nil
}

// enter changes the state; a wake-up that was under way is no longer one. p.steps must be held.
func (p *Phone) enter(s State) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state != s {
		p.logLine(0, true, fmt.Sprintf("%s: %s → %s", p.spec.AppID, p.state, s))
	}
	p.state, p.returnTo, p.windowEnd = s, "", time.Time{}
	p.change()
}

// tell gives the app its new state and waits until it has followed, or its time for that is over. p.steps must be held.
func (p *Phone) tell(ctx context.Context, state string) {
	p.settle(ctx, p.inform(phoneline.Event{Kind: phoneline.State, State: state}))
}

// told is an event that an app was given: its answer, if one comes, and the end of the app, whichever is first.
type told struct {
	answer <-chan phoneline.Answer
	gone   <-chan struct{}
}

// inform gives an app that has a process an event that is no push, unless it wants none; then told is the zero value.
func (p *Phone) inform(e phoneline.Event) told {
	p.mu.Lock()
	instance := p.instance
	if instance == nil || p.spec.PushesOnly {
		p.mu.Unlock()
		return told{}
	}
	e = p.event(e)
	p.mu.Unlock()
	return told{instance.Send(e), instance.Done()}
}

// settle waits until an app has followed what it was told, or its time for that is over.
func (p *Phone) settle(ctx context.Context, t told) {
	if t.answer == nil {
		return
	}
	over := time.NewTimer(p.fleet.cfg.Rules.Settle)
	defer over.Stop()
	select {
	case <-t.answer:
	case <-t.gone:
	case <-over.C:
	case <-ctx.Done():
	}
}

// launch starts the app cold, in the foreground or without UI, and tells it what it is. p.steps must be held.
func (p *Phone) launch(ctx context.Context, to State) error {
	p.mu.Lock()
	p.run++
	run := p.run
	p.mu.Unlock()
	instance, err := p.spec.App.Launch(p.host(run))
	if err != nil {
		p.mu.Lock()
		p.logLine(0, true, err.Error())
		p.mu.Unlock()
		return fmt.Errorf("phonetest: launching the app of %s: %w", p.spec.Name, err)
	}
	ui := phoneline.Background
	if to == Foreground {
		ui = phoneline.Foreground
	}
	p.mu.Lock()
	if p.ended == run {
		p.mu.Unlock()
		return fmt.Errorf("phonetest: the app of %s ended at once; its device log may say why", p.spec.Name)
	}
	p.instance = instance
	p.logLine(instance.PID(), true, p.spec.AppID+" started in the "+ui)
	token, full := p.token, p.facts.diskFull
	p.mu.Unlock()
	p.enter(to)
	told := p.inform(phoneline.Event{
		Kind: phoneline.Launch, State: ui, Token: token,
		Platform: string(p.spec.Platform), AppID: p.spec.AppID, Environment: p.spec.Environment,
	})
	if to == Foreground { // in the background, a push follows at once
		p.settle(ctx, told)
	}
	if full {
		p.inform(phoneline.Event{Kind: phoneline.Disk, State: phoneline.Full})
	}
	return nil
}

// resume lets an app with a process run on. p.steps must be held.
func (p *Phone) resume(from State) error {
	if from != Suspended {
		return nil
	}
	p.mu.Lock()
	instance := p.instance
	p.mu.Unlock()
	if instance == nil {
		return fmt.Errorf("phonetest: the app of %s has ended", p.spec.Name)
	}
	return instance.Resume()
}

// suspend stops the app. p.steps must be held.
func (p *Phone) suspend() error {
	p.mu.Lock()
	instance := p.instance
	p.mu.Unlock()
	if instance == nil {
		return fmt.Errorf("phonetest: the app of %s has ended", p.spec.Name)
	}
	if err := instance.Suspend(); err != nil {
		return err
	}
	p.enter(Suspended)
	return nil
}

// kill ends the process, if there is one, and leaves the app in a state without. A push that the phone held for the app is
// discarded on iOS ("Pushing background updates to your App"). p.steps must be held.
func (p *Phone) kill(to State, why string) {
	p.mu.Lock()
	instance := p.instance
	p.instance = nil
	if p.spec.Platform == IOS {
		p.discardHeld(HeldLost)
	}
	if instance != nil {
		p.logLine(instance.PID(), true, p.spec.AppID+" is ended: "+why)
		p.state, p.returnTo, p.windowEnd = to, "", time.Time{}
		p.change()
	}
	p.mu.Unlock()
	if instance != nil {
		instance.Kill()
	}
}

// host is the phone as one run of the app sees it.
func (p *Phone) host(run int) Host {
	return Host{
		Phone: p.spec.Name,
		Token: p.Token(),
		Log: func(pid int, text string) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.logLine(pid, false, text)
			p.change()
		},
		Exited: func(why string) { p.exited(run, why) },
		Go:     p.fleet.wg.Go,
	}
}

// exited is called when a run of the app ended by itself: it crashed, or something else ended it.
func (p *Phone) exited(run int, why string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = run
	p.logLine(0, true, p.spec.AppID+" ended: "+why)
	if p.run == run && p.instance != nil {
		p.instance = nil
		p.state, p.returnTo, p.windowEnd = Reclaimed, "", time.Time{}
		if p.spec.Platform == IOS {
			p.discardHeld(HeldLost)
		}
	}
	p.change()
}
