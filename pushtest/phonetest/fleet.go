package phonetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hushpush/hush/pushtest/internal/simkit"
)

// Config configures a fleet of phones. The zero value makes phones without push services.
type Config struct {
	APNs  Provider // of iOS phones; nil: they have tokens, and nothing comes
	FCM   Provider // of Android phones; nil as above
	Rules Rules    // see NewRules for rules that vary with a seed

	// Seed makes the tokens that the fleet hands out the same at each run; 0: they are random.
	Seed uint64
	// InOrder makes the phones take turns: one push is judged and handled at a time, in the order in which pushes arrived, and its
	// app is asleep again before the next one; and time stands still except for Advance. With one sender and apps without a
	// process, the same things then happen in the same order at each run. A handler that hangs holds up all phones.
	InOrder bool

	// OnLog is called with each line of any device log. The phone is locked meanwhile: OnLog must call neither the phone nor its
	// push service. nil: nobody wants the lines.
	OnLog func(phone string, l LogLine)
}

// Fleet is a set of phones with a time of their own.
type Fleet struct {
	cfg    Config
	clock  simkit.Clock
	agenda *simkit.Agenda
	wg     sync.WaitGroup // workers, processes and programs of all phones
	rand   *simkit.Rand   // of tokens; nil: they are random
	count  atomic.Int64   // of phones

	mu     sync.Mutex
	phones map[string]*Phone // guarded by mu
	made   int               // guarded by mu; for names
	number int               // guarded by mu; phones so far
	due    dueHeap           // guarded by mu; phones with something to do at a time; entries may be outdated
	closed bool              // guarded by mu
	busy   int               // guarded by mu; workers that run, see Settle; if InOrder: pushes whose turn is to come
	idle   chan struct{}     // guarded by mu; closed when busy falls to 0, nil while nobody waits

	waiting []*worker // guarded by mu; if InOrder: workers whose turn is to come, one entry a push
	working bool      // guarded by mu; if InOrder: a goroutine works for them, see workInOrder
}

// ErrClosed is returned by a fleet or a phone that has been closed.
var ErrClosed = errors.New("phonetest: the fleet is closed")

// New makes an empty fleet. The caller closes it, which ends the apps of all phones.
func New(cfg Config) *Fleet {
	cfg.Rules = cfg.Rules.withDefaults()
	f := &Fleet{cfg: cfg, phones: map[string]*Phone{}}
	if cfg.Seed != 0 {
		f.rand = simkit.NewRand(cfg.Seed)
	}
	if cfg.InOrder {
		f.clock.Stop()
	}
	f.agenda = simkit.NewAgenda(&f.clock, f.step)
	return f
}

// Spec describes a phone to add. Platform, AppID and App are required.
type Spec struct {
	Platform        Platform
	Name            string // "": p1, p2, …
	App             App
	AppID           string        // bundle id or package
	Environment     string        // iOS: production (default) or development
	Token           string        // provider token; "": a fresh one
	State           State         // "": NeverRun. The app gets there by the person's and the system's own steps, see SetState
	OSVersion       string        // "": newer than any rule of the phone knows
	Bucket          StandbyBucket // Android; "": active
	SwipeForceStops bool          // Android: a vendor whose swipe is a force-stop
	Offline         bool

	// PushesOnly is for an app that knows only pushes and deleted messages: it gets no other event, and is not waited for when
	// its state changes.
	PushesOnly bool
}

// Add makes a phone, connects it to its provider, and brings its app into the state that the spec asks for.
func (f *Fleet) Add(ctx context.Context, s Spec) (*Phone, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	p, err := f.place(s)
	if err != nil {
		return nil, err
	}
	if err := p.begin(ctx, s.State); err != nil {
		p.Close()
		if s.Name == "" {
			f.giveBack(p.spec.Name)
		}
		return nil, err
	}
	return p, nil
}

// begin connects a new phone and brings its app into a state.
func (p *Phone) begin(ctx context.Context, s State) error {
	if err := p.connect(); err != nil {
		return err
	}
	if s == "" || s == NeverRun {
		return nil
	}
	if err := p.SetState(ctx, s); err != nil {
		if words := p.record.lastWords(); words != "" {
			return fmt.Errorf("%w; the last that it printed is %q", err, words)
		}
		return err
	}
	return nil
}

// giveBack frees a made-up name whose phone could not be added, so that the next phone gets it, if no other came between.
func (f *Fleet) giveBack(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if name == "p"+strconv.Itoa(f.made) {
		f.made--
	}
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

func (f *Fleet) place(s Spec) (*Phone, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil, ErrClosed
	}
	if s.Name == "" {
		for f.made++; s.Name == "" || f.phones[s.Name] != nil; f.made++ {
			s.Name = "p" + strconv.Itoa(f.made)
		}
		f.made--
	}
	if f.phones[s.Name] != nil {
		return nil, fmt.Errorf("phonetest: there is a phone named %q already", s.Name)
	}
	f.number++
	p := newPhone(f, f.number, s)
	f.phones[s.Name] = p
	f.count.Store(int64(len(f.phones)))
	return p, nil
}

// Phone returns the phone with the name, or nil.
func (f *Fleet) Phone(name string) *Phone {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.phones[name]
}

// Len returns how many phones there are.
func (f *Fleet) Len() int { return int(f.count.Load()) }

// Phones returns all phones, in the order of their names as people count: p2 before p10.
func (f *Fleet) Phones() []*Phone {
	f.mu.Lock()
	defer f.mu.Unlock()
	phones := slices.Collect(maps.Values(f.phones))
	slices.SortFunc(phones, func(a, b *Phone) int { return CompareNames(a.spec.Name, b.spec.Name) })
	return phones
}

// CompareNames compares two names in the order of Phones: shorter names first.
func CompareNames(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) }

// Now returns the fleet's time.
func (f *Fleet) Now() time.Time { return f.clock.Now() }

// Close ends all apps, disconnects all phones, and waits for everything that was started. It may be called twice.
func (f *Fleet) Close() {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	for _, p := range f.Phones() {
		p.Close()
	}
	f.agenda.Close()
	f.wg.Wait()
}

func (f *Fleet) remove(p *Phone) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.phones[p.spec.Name] == p {
		delete(f.phones, p.spec.Name)
		f.count.Store(int64(len(f.phones)))
	}
}
