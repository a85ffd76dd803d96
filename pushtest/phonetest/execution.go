package phonetest

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/hushpush/hush/pushtest/phonetest/phoneline"
)

// execution is the app as the system runs it: its state, and the instance that it has while it is in memory.
type execution struct {
	device
	conditions *conditions
	token      func() string // the app's provider token now
	ended      func()        // called after the app's instance is gone, and before it if it is killed; without mu

	// steps is held by whoever changes what runs: a person's step, the system's, or the worker while it wakes the app. It is
	// the first of a phone's locks, and never held while a handler runs.
	steps sync.Mutex

	mu        sync.Mutex // taken before record.mu
	state     State      // guarded by mu, changed with steps held (or by an app that ends)
	instance  Instance   // guarded by mu; nil without a process
	run       int        // guarded by mu; counts launches
	endedRun  int        // guarded by mu; the latest run that ended by itself
	returnTo  State      // guarded by mu; Suspended while a push keeps the app awake, else ""
	windowEnd time.Time  // guarded by mu; real time at which the present wake-up is over
	events    int        // guarded by mu; ids of events
}

func newExecution(d device, c *conditions, token func() string, ended func()) *execution {
	return &execution{device: d, conditions: c, token: token, ended: ended, state: NeverRun}
}

// now returns the state of the app.
func (x *execution) now() State {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.state
}

// running returns the instance of the app, nil if it has none, and the number of its launch.
func (x *execution) running() (Instance, int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.instance, x.run
}

// enter changes the state; a wake-up that was under way is no longer one. steps is held.
func (x *execution) enter(s State) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.state != s {
		x.record.logSystem(0, fmt.Sprintf("%s: %s → %s", x.spec.AppID, x.state, s))
	}
	x.set(s)
}

// set makes s the state, and ends a wake-up. mu is held.
func (x *execution) set(s State) {
	x.state, x.returnTo, x.windowEnd = s, "", time.Time{}
	x.record.change()
}

// background makes an app with a process run without UI. steps is held.
func (x *execution) background(ctx context.Context) error {
	state := x.now()
	switch state {
	case Foreground:
		x.enter(Background)
		x.sendState(ctx, phoneline.Background)
	case Suspended:
		if err := x.resume(); err != nil {
			return err
		}
		x.enter(Background)
	case Background:
		x.enter(Background)
	default:
		return fmt.Errorf("phonetest: %s has no process that could run in the background", x.spec.Name)
	}
	return nil
}

// foreground brings the UI of an app with a process to the screen. steps is held.
func (x *execution) foreground(ctx context.Context) error {
	if x.now() == Suspended {
		if err := x.resume(); err != nil {
			return err
		}
	}
	x.enter(Foreground)
	x.sendState(ctx, phoneline.Foreground)
	return nil
}

// launch starts the app cold, in the foreground or without UI, and sends it its launch. steps is held.
func (x *execution) launch(ctx context.Context, to State) error {
	x.mu.Lock()
	x.run++
	run := x.run
	x.mu.Unlock()
	instance, err := x.spec.App.Launch(x.host(run))
	if err != nil {
		x.record.logSystem(0, err.Error())
		return fmt.Errorf("phonetest: launching the app of %s: %w", x.spec.Name, err)
	}
	ui := phoneline.Background
	if to == Foreground {
		ui = phoneline.Foreground
	}
	x.mu.Lock()
	if x.endedRun == run {
		x.mu.Unlock()
		return fmt.Errorf("phonetest: the app of %s ended at once; its device log may say why", x.spec.Name)
	}
	x.instance = instance
	x.record.logSystem(instance.PID(), x.spec.AppID+" started in the "+ui)
	x.mu.Unlock()
	x.enter(to)
	launched := x.send(phoneline.Event{
		Kind: phoneline.Launch, State: ui, Token: x.token(),
		Platform: string(x.spec.Platform), AppID: x.spec.AppID, Environment: x.spec.Environment,
	})
	if to == Foreground { // in the background, a push follows at once
		x.settle(ctx, launched)
	}
	if x.conditions.get().diskFull {
		x.send(phoneline.Event{Kind: phoneline.Disk, State: phoneline.Full})
	}
	return nil
}

// resume makes a suspended app run on. steps is held.
func (x *execution) resume() error {
	instance, _ := x.running()
	if instance == nil {
		return fmt.Errorf("phonetest: the app of %s has ended", x.spec.Name)
	}
	return instance.Resume()
}

// suspend stops the app. steps is held.
func (x *execution) suspend() error {
	instance, _ := x.running()
	if instance == nil {
		return fmt.Errorf("phonetest: the app of %s has ended", x.spec.Name)
	}
	if err := instance.Suspend(); err != nil {
		return err
	}
	x.enter(Suspended)
	return nil
}

// kill ends the process, if there is one, and leaves the app in a state without. steps is held.
func (x *execution) kill(to State, why string) {
	x.ended()
	x.mu.Lock()
	instance := x.instance
	x.instance = nil
	if instance != nil {
		x.record.logSystem(instance.PID(), x.spec.AppID+" is ended: "+why)
		x.set(to)
	}
	x.mu.Unlock()
	if instance != nil {
		instance.Kill()
	}
}

// host returns the phone as one run of the app sees it.
func (x *execution) host(run int) Host {
	return Host{
		Phone:  x.spec.Name,
		Token:  x.token(),
		Log:    x.record.logApp,
		Exited: func(why string) { x.exited(run, why) },
		Go:     x.fleet.wg.Go,
	}
}

// exited takes note that a run of the app ended by itself: it crashed, or something else ended it.
func (x *execution) exited(run int, why string) {
	x.mu.Lock()
	x.endedRun = run
	x.record.logSystem(0, x.spec.AppID+" ended: "+why)
	current := x.run == run && x.instance != nil
	if current {
		x.instance = nil
		x.set(Reclaimed)
	}
	x.mu.Unlock()
	if current {
		x.ended()
	}
}

// sent is an event that an app was given: its answer, if one comes, and the end of the app, whichever is first.
type sent struct {
	answer <-chan phoneline.Answer
	gone   <-chan struct{}
}

// send gives an app that has a process an event other than a push. It returns the zero value if there is no process, or if the app
// takes pushes only.
func (x *execution) send(e phoneline.Event) sent {
	instance, _ := x.running()
	if instance == nil || x.spec.PushesOnly {
		return sent{}
	}
	return sent{instance.Send(x.number(e)), instance.Done()}
}

// sendState gives the app its new state, and waits until it has followed or its time for that is over. steps is held.
func (x *execution) sendState(ctx context.Context, state string) {
	x.settle(ctx, x.send(phoneline.Event{Kind: phoneline.State, State: state}))
}

// settle waits until an app has followed an event, or its time for that is over.
func (x *execution) settle(ctx context.Context, s sent) {
	if s.answer == nil {
		return
	}
	over := time.NewTimer(x.fleet.cfg.Rules.Settle)
	defer over.Stop()
	select {
	case <-s.answer:
	case <-s.gone:
	case <-over.C:
	case <-ctx.Done():
	}
}

// number gives an event its id.
func (x *execution) number(e phoneline.Event) phoneline.Event {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.events++
	e.ID, e.Phone = strconv.Itoa(x.events), x.spec.Name
	return e
}

// rouse makes the app run for a push. An app that a push wakes goes back to sleep afterwards. steps is held.
func (x *execution) rouse(do action) error {
	switch do {
	case resume:
		if err := x.resume(); err != nil {
			return err
		}
		x.enter(Background)
	case launch:
		if err := x.launch(context.Background(), Background); err != nil {
			return err
		}
	default:
		return nil
	}
	x.mu.Lock()
	x.returnTo = Suspended
	x.mu.Unlock()
	return nil
}

// awakeForPush reports whether a push keeps the app awake, so that it is to be suspended afterwards.
func (x *execution) awakeForPush() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.returnTo == Suspended
}

// pushEnd returns when the time for a push is over whose wake-up began then. Pushes that follow while the app is awake for
// one get no time of their own.
func (x *execution) pushEnd(began time.Time) time.Time {
	x.mu.Lock()
	defer x.mu.Unlock()
	end := began.Add(x.fleet.cfg.Rules.allowed(x.spec.Platform))
	if x.returnTo == "" {
		return end
	}
	if x.windowEnd.IsZero() {
		x.windowEnd = end
	}
	return x.windowEnd
}
