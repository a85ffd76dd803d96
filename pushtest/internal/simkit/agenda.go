package simkit

import (
	"sync"
	"time"
)

// Agenda runs a simulator's work that is due at a simulated time: a delayed delivery, a storage that expires. It holds no
// list itself: the simulator's step does all that is due at now and says when to be called next (the zero time: not until
// poked). Steps never overlap.
type Agenda struct {
	clock *Clock
	step  func(now time.Time) time.Time
	poke  chan struct{} // capacity 1: a poke that finds it full is not lost
	quit  chan struct{}
	done  chan struct{}
	stop  func()

	mu   sync.Mutex // held while a step runs
	next time.Time  // guarded by mu
	once sync.Once
}

// NewAgenda starts the loop; Close ends it. Advancing the clock runs the step before Advance returns.
func NewAgenda(clock *Clock, step func(now time.Time) time.Time) *Agenda {
	a := &Agenda{clock: clock, step: step, poke: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{})}
	a.stop = clock.Watch(func(time.Time) { a.Run(); a.Poke() })
	go a.loop()
	return a
}

// Poke makes the agenda look again: something may be due earlier than the last step knew. It does not wait.
func (a *Agenda) Poke() {
	select {
	case a.poke <- struct{}{}:
	default:
	}
}

// Run does what is due now, on the caller's goroutine.
func (a *Agenda) Run() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.next = a.step(a.clock.Now())
}

// Close ends the loop and waits for a step that runs. It may be called twice.
func (a *Agenda) Close() {
	a.once.Do(func() { a.stop(); close(a.quit) })
	<-a.done
}

func (a *Agenda) loop() {
	defer close(a.done)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-a.quit:
			return
		case <-a.poke:
		case <-timer.C:
		}
		a.Run()
		a.mu.Lock()
		next := a.next
		a.mu.Unlock()
		if next.IsZero() {
			timer.Stop()
			continue
		}
		timer.Reset(max(next.Sub(a.clock.Now()), time.Millisecond))
	}
}
