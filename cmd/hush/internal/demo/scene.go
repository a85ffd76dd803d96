package demo

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hushpush/hush/client"
	"github.com/hushpush/hush/examples/notes"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
	"github.com/hushpush/hush/pushtest/phonetest"
)

// rowWait is how long one phone may take for everything: the whole demo is to end within a minute, also when a row hangs.
const rowWait = 50 * time.Second

// preparing is how many phones are brought into their state at once: each starts a process.
const preparing = 6

// outcome is a row and, for one that is not as expected, why.
type outcome struct {
	spec   spec
	row    Row
	pushID string
	push   protocol.Push // its timeline
	err    error
	device *phonetest.Phone // nil if there never was one
}

// play runs all rows side by side, and looks at the apps' records once more when all are done: a second delivery would
// come after the first.
func (w *world) play(ctx context.Context, specs []spec, say *progress) []outcome {
	outcomes := make([]outcome, len(specs))
	slots := make(chan struct{}, preparing)
	var wg sync.WaitGroup
	for i, s := range specs {
		wg.Go(func() {
			rowCtx, cancel := context.WithTimeoutCause(ctx, rowWait, errRowWait)
			defer cancel()
			sc := &scene{world: w, spec: s}
			outcomes[i] = sc.play(rowCtx, slots)
			if ctx.Err() == nil { // else the row ended with the demo, and says nothing
				say.row(outcomes[i], len(specs))
			}
		})
	}
	wg.Wait()
	for i := range outcomes {
		outcomes[i].checkOnce(w)
		outcomes[i].row.Expected = outcomes[i].err == nil
	}
	return outcomes
}

var errRowWait = fmt.Errorf("the row took longer than %s", rowWait)

// checkOnce looks for a handler that ran a second time for the same push.
func (o *outcome) checkOnce(w *world) {
	if o.err != nil {
		return
	}
	handlers, err := handlersOf(w.home(o.spec), o.pushID)
	if want := o.spec.completions(); err == nil && len(handlers) != want {
		err = fmt.Errorf("by the app's own record its handler completed %d times in the end; want %d", len(handlers), want)
	}
	o.err = err
}

func handlersOf(dir, pushID string) (mine []notes.Handled, err error) {
	all, err := notes.Records(dir)
	for _, h := range all {
		if h.PushID == pushID {
			mine = append(mine, h)
		}
	}
	return mine, err
}

// scene is one phone and its push.
type scene struct {
	world *world
	spec  spec
	phone *phonetest.Phone
	path  *deadSocketPath // nil but for rows that need one
}

func (s *scene) play(ctx context.Context, slots chan struct{}) outcome {
	out := outcome{spec: s.spec, row: Row{
		Scene: "push", Platform: string(s.spec.platform), State: s.spec.state, Resource: s.spec.resource}}
	select {
	case slots <- struct{}{}:
	case <-ctx.Done():
		out.err = context.Cause(ctx)
		return out
	}
	err := s.prepare(ctx)
	<-slots
	out.device = s.phone
	if err != nil {
		out.err = fmt.Errorf("preparing the phone: %w", err)
		return out
	}
	_, out.pushID, err = s.world.backend.Add(ctx, s.spec.name(), "a note for "+s.spec.name(), s.spec.resource)
	if err != nil {
		out.err = fmt.Errorf("sending the push: %w", err)
		return out
	}
	err = s.deliver(ctx, out.pushID)
	var seen seen
	if seen, out.err = s.see(ctx, out.pushID); out.err == nil {
		out.push = seen.push
		out.row, out.err = seen.row(s.spec)
	}
	out.err = errors.Join(err, out.err)
	return out
}

// prepare puts the app on a phone, lets its user open it once, so that it registers, and brings it into its state. It is
// done when the server sees it as it is: a session, or none.
func (s *scene) prepare(ctx context.Context) (err error) {
	server := s.world.url
	if s.spec.state == deadSocket {
		if s.path, err = s.world.deadSocketPath(); err != nil {
			return err
		}
		server = "http://" + s.path.addr()
	}
	dir := s.world.home(s.spec)
	if err := notes.Install(dir, notes.Settings{
		Server: server, App: appName, Backend: s.world.backend.URL(), User: s.spec.name(),
	}); err != nil {
		return err
	}
	command, err := appCommand(dir)
	if err != nil {
		return err
	}
	state := phonetest.State(s.spec.state)
	if s.spec.state == deadSocket {
		state = phonetest.Foreground
	}
	s.phone, err = s.world.fleet.Add(ctx, phonetest.Spec{
		Platform: s.spec.platform, Name: s.spec.name(), App: command, AppID: appID,
	})
	if err != nil {
		return err
	}
	if err := s.phone.Open(ctx); err != nil {
		return err
	}
	if err := s.world.waitSession(ctx, s.spec, true); err != nil {
		return err
	}
	if err := s.phone.SetState(ctx, state); err != nil {
		return err
	}
	if state != phonetest.Foreground {
		return s.world.waitSession(ctx, s.spec, false)
	}
	if s.path != nil {
		s.path.cut()
	}
	return nil
}

// deliver waits until the push is final. If something keeps it from the app, as the phone or the timeline says, time
// passes until a maintenance window (Doze), or the person opens the app; unless the phone is to be left as it is.
func (s *scene) deliver(ctx context.Context, pushID string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stuck := make(chan string, 2)
	final := make(chan error, 1)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	wg.Go(func() {
		final <- s.world.hush.Follow(ctx, appName, pushID, func(d protocol.LiveEvent) error {
			if why := waitsFor(d.Events); why == string(push.ReasonNoStrategy) {
				select {
				case stuck <- why:
				default: // told already
				}
			}
			return nil
		})
	})
	wg.Go(func() {
		err := s.phone.Wait(ctx, func(p *phonetest.Phone) bool { return heldBy(p.Records()) != "" })
		if err == nil {
			stuck <- heldBy(s.phone.Records())
		}
	})
	var why string
	select {
	case err := <-final:
		return err
	case why = <-stuck:
	}
	if s.spec.left {
		return nil
	}
	if why == string(phonetest.Dozing) {
		s.phone.AdvanceToMaintenanceWindow()
	} else if err := s.phone.Open(ctx); err != nil {
		return err
	}
	return <-final
}

// see gathers what was observed. The phone's own record and log follow the receipt by a moment.
func (s *scene) see(ctx context.Context, pushID string) (seen seen, err error) {
	seen.push, err = s.world.hush.Status(ctx, appName, pushID, client.Page{})
	if err != nil {
		return seen, fmt.Errorf("reading the timeline: %w", err)
	}
	if seen.handlers, err = handlersOf(s.world.home(s.spec), pushID); err != nil {
		return seen, err
	}
	if len(seen.handlers) == 1 && s.spec.platform == phonetest.Android && s.spec.state == "terminated" {
		h := seen.handlers[0]
		if err := s.phone.Wait(ctx, func(p *phonetest.Phone) bool { return printed(p.Log(), h) != "" }); err != nil {
			return seen, err
		}
	}
	seen.phone, seen.log = s.phone.Records(), s.phone.Log()
	return seen, nil
}
