package phonetest

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/hushpush/hush/pushtest/internal/simkit"
)

// Config is what a drawer of phones needs. Its zero value makes phones without push services.
type Config struct {
	APNs  Provider // of iOS phones; nil: they have a token, and nothing comes
	FCM   Provider // of Android phones; nil as above
	Rules Rules

	// OnLog is called with each line of any device log. It is called with the phone locked: it must not call it. nil: nobody
	// wants it.
	OnLog func(phone string, l LogLine)
}

// Drawer holds phones, and their time.
type Drawer struct {
	cfg    Config
	clock  simkit.Clock
	agenda *simkit.Agenda
	wg     sync.WaitGroup // workers, processes and programs of all phones

	mu     sync.Mutex
	phones map[string]*Phone // guarded by mu
	made   int               // guarded by mu; for names
	due    dueHeap           // guarded by mu; phones with something to do at a time, possibly outdated entries
	closed bool              // guarded by mu
}

// ErrClosed is returned for phones of a drawer that has been closed.
var ErrClosed = errors.New("phonetest: the drawer is closed")

// New makes an empty drawer. Close it: it ends the apps of all phones.
func New(cfg Config) *Drawer {
	cfg.Rules = cfg.Rules.withDefaults()
	d := &Drawer{cfg: cfg, phones: map[string]*Phone{}}
	d.agenda = simkit.NewAgenda(&d.clock, d.step)
	return d
}

// Spec says what phone is wanted. Platform, AppID and App are required.
type Spec struct {
	Platform        Platform
	Name            string // "": p1, p2, …
	App             App
	AppID           string        // bundle id or package
	Environment     string        // iOS: production (default) or development
	Token           string        // provider token; "": a fresh one
	State           State         // "": NeverRun. The phone goes there by the person's and the system's own steps, see SetState
	OSVersion       string        // "": newer than any rule of the phone knows
	Bucket          StandbyBucket // Android; "": active
	SwipeForceStops bool          // Android: a vendor whose swipe is a force-stop
	Offline         bool
}

// Add puts a phone into the drawer, connects it to its provider, and brings its app into the state that is asked for.
func (d *Drawer) Add(ctx context.Context, s Spec) (*Phone, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	p, err := d.place(s)
	if err != nil {
		return nil, err
	}
	if err := p.connect(); err != nil {
		p.Close()
		return nil, err
	}
	if s.State == "" || s.State == NeverRun {
		return p, nil
	}
	if err := p.SetState(ctx, s.State); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

func (s Spec) check() error {
	switch {
	case s.Platform != IOS && s.Platform != Android:
		return fmt.Errorf("phonetest: Platform is %q; want ios or android", s.Platform)
	case s.App == nil:
		return errors.New("phonetest: App is nil; want a Command or InProcess")
	case s.AppID == "":
		return errors.New("phonetest: AppID is empty; want a bundle id or package")
	case s.State != "" && !s.State.exists(s.Platform):
		return fmt.Errorf("phonetest: State is %q, which %s does not know", s.State, s.Platform)
	}
	return nil
}

func (d *Drawer) place(s Spec) (*Phone, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, ErrClosed
	}
	if s.Name == "" {
		for d.made++; s.Name == "" || d.phones[s.Name] != nil; d.made++ {
			s.Name = "p" + strconv.Itoa(d.made)
		}
		d.made--
	}
	if d.phones[s.Name] != nil {
		return nil, fmt.Errorf("phonetest: a phone named %q is in the drawer already", s.Name)
	}
	p := newPhone(d, s)
	d.phones[s.Name] = p
	return p, nil
}

// Phone is the one with the name, or nil.
func (d *Drawer) Phone(name string) *Phone {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.phones[name]
}

// Advance moves the time of all phones ahead. What becomes due (held pushes, maintenance windows) has begun when it
// returns; wait for what it leads to with Phone.Wait.
func (d *Drawer) Advance(by time.Duration) { d.clock.Advance(by) }

// Close ends all apps, disconnects all phones, and waits for everything that was started. It may be called twice.
func (d *Drawer) Close() {
	d.mu.Lock()
	d.closed = true
	phones := make([]*Phone, 0, len(d.phones))
	for _, p := range d.phones {
		phones = append(phones, p)
	}
	d.mu.Unlock()
	for _, p := range phones {
		p.Close()
	}
	d.agenda.Close()
	d.wg.Wait()
}

func (d *Drawer) remove(p *Phone) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.phones[p.spec.Name] == p {
		delete(d.phones, p.spec.Name)
	}
}

// schedule has p.tick called at a time of the drawer's clock.
func (d *Drawer) schedule(p *Phone, at time.Time) {
	d.mu.Lock()
	heap.Push(&d.due, dueAt{at, p})
	first := d.due[0].at
	d.mu.Unlock()
	if !first.Before(at) {
		d.agenda.Poke()
	}
}

// step lets every phone that is due look at what it holds.
func (d *Drawer) step(now time.Time) time.Time {
	for {
		d.mu.Lock()
		if len(d.due) == 0 {
			d.mu.Unlock()
			return time.Time{}
		}
		if next := d.due[0].at; next.After(now) {
			d.mu.Unlock()
			return next
		}
		p := heap.Pop(&d.due).(dueAt).phone
		d.mu.Unlock()
		p.tick()
	}
}

type dueAt struct {
	at    time.Time
	phone *Phone
}

type dueHeap []dueAt

func (h dueHeap) Len() int           { return len(h) }
func (h dueHeap) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h dueHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *dueHeap) Push(x any)        { *h = append(*h, x.(dueAt)) }
func (h *dueHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}
