package phonetest

import (
	"context"
	"fmt"
	"sync"

	"github.com/hushpush/hush/pushtest/phonetest/phoneline"
)

// App is an installed app: [Command] for a real process, [InProcess] for one without.
type App interface {
	// Launch starts the app cold.
	Launch(h Host) (Instance, error)
}

// Host is what a phone offers to an instance of an app.
type Host struct {
	Phone  string                     // its name
	Token  string                     // the app's provider token, as it is at this launch
	Log    func(pid int, text string) // is called with each line that the app prints
	Exited func(why string)           // to be called once, if the app ends by itself
	Go     func(f func())             // runs f on a goroutine that Fleet.Close waits for
}

// Instance is one run of an app.
type Instance interface {
	// Send gives the app an event, without waiting for it. The channel yields the answer, if one comes; it is never closed.
	Send(e phoneline.Event) <-chan phoneline.Answer
	// Suspend stops the app and keeps its memory; Resume makes it run on.
	Suspend() error
	Resume() error
	// Kill ends the app at once and waits until it is gone. It may be called twice.
	Kill()
	// Done is closed when the app has ended.
	Done() <-chan struct{}
	// PID is the process id; 0 without one.
	PID() int
}

// Program is the code of an app without a process. It must run only while it handles an event: a phone cannot stop goroutines
// that it starts. Its memory is the value itself, which is dropped when the system would end the process.
type Program interface {
	// Handle gets what a process would read, see [phoneline.Event], and returns the result. The context of a push ends with the
	// time allowed, and when the app is killed. Handle must not call the phone.
	Handle(ctx context.Context, e phoneline.Event) string
}

// InProcess is an app without a process: each launch makes a new program. It costs memory only for its state, so a hundred
// thousand phones fit in a test.
type InProcess func(phone string, log func(text string)) Program

// Launch makes a new program.
func (f InProcess) Launch(h Host) (Instance, error) {
	ctx, cancel := context.WithCancel(context.Background())
	return &program{code: f(h.Phone, func(text string) { h.Log(0, text) }), host: h, ctx: ctx, cancel: cancel}, nil
}

type program struct {
	code   Program
	host   Host
	ctx    context.Context // over when the app is killed
	cancel context.CancelFunc
	serial sync.Mutex // held while an event without a time allowed is handled: they are handled one by one

	mu        sync.Mutex
	suspended bool     // guarded by mu
	pending   []func() // guarded by mu; what came while it was suspended, in order
}

func (p *program) Send(e phoneline.Event) <-chan phoneline.Answer {
	answer := make(chan phoneline.Answer, 1)
	p.mu.Lock()
	if p.suspended {
		p.pending = append(p.pending, func() { p.start(e, answer) })
		p.mu.Unlock()
		return answer
	}
	p.mu.Unlock()
	p.start(e, answer)
	return answer
}

// start gives an event to the program: on a goroutine of its own if it has a time allowed, otherwise at once, in order.
func (p *program) start(e phoneline.Event, answer chan<- phoneline.Answer) {
	if p.ctx.Err() != nil {
		return
	}
	if e.Allowed == "" {
		p.serial.Lock()
		defer p.serial.Unlock()
		p.handle(p.ctx, e, answer)
		return
	}
	p.host.Go(func() {
		ctx, cancel := phoneline.Timed(p.ctx, e.Allowed)
		defer cancel()
		p.handle(ctx, e, answer)
	})
}

// handle gives an event to the program. A panic counts as what it would be in a process: a crash.
func (p *program) handle(ctx context.Context, e phoneline.Event, answer chan<- phoneline.Answer) {
	defer func() {
		if r := recover(); r != nil {
			p.cancel()
			p.host.Exited(fmt.Sprintf("panic: %v", r))
		}
	}()
	result := p.code.Handle(ctx, e)
	if p.ctx.Err() == nil {
		answer <- phoneline.Answer{ID: e.ID, Result: result}
	}
}

// Suspend makes later events wait until Resume. A handler that runs already is not stopped.
func (p *program) Suspend() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.suspended = true
	return nil
}

// Resume gives the program the events that have come meanwhile.
func (p *program) Resume() error {
	p.mu.Lock()
	pending := p.pending
	p.suspended, p.pending = false, nil
	p.mu.Unlock()
	for _, start := range pending {
		start()
	}
	return nil
}

func (p *program) PID() int { return 0 }

func (p *program) Done() <-chan struct{} { return p.ctx.Done() }

// Kill ends the program's context. A handler that ignores the context runs on: its answer goes nowhere, and Fleet.Close waits
// for it.
func (p *program) Kill() { p.cancel() }
