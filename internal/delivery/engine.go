// Package delivery takes accepted pushes to their devices: over an open session, by a wake, or by waiting for the inbox.
//
// Its unit of work is a look at one device: in one transaction its open deliveries are read, decided on by plain functions
// (decide for one delivery, planWake for the device's wake), and written back with the time at which the device is to be looked
// at again. Only then is anything sent. The next look commits what a provider answers.
//
//	Accept, Receive, clock ──▶ queue ──▶ look: Step(planFor) ──▶ session | provider ──▶ look …
//
// What must still happen is always a row with a time; the queues are in memory and only make it fast. There are two of them:
// devices with a session never wait behind those that wait for a provider; see online.go.
package delivery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hushpush/hush/push"
)

// Store is everything that delivery asks of the store, by role. When a method returns without an error, its changes are
// committed and flushed; when the error is the context's, they are not begun. After an error of the database they may be
// committed, and some of what is done in pieces may be. A limit above 1 000 means 1 000.
type Store interface {
	Accepter
	Forecaster
	Stepper
	Peeker
	Claimer
	Expander
	Expirer
	Remover
}

// Sessions are the devices' open sockets on this node.
type Sessions interface {
	// Count returns how many sessions there are.
	Count() int
	// OfApp returns the ids of an app's devices that have a session, in no order.
	OfApp(app string) []string
	// Session returns the open session of a device and when it was opened.
	Session(key push.DeviceKey) (id string, since time.Time, ok bool)
	// Send hands items to a session, without waiting. False: the session is gone, perhaps because it was too slow.
	Send(key push.DeviceKey, session string, items []push.Item) bool
	// NoAck ends a session that did not acknowledge in time.
	NoAck(key push.DeviceKey, session string)
}

// Waker asks one provider to start the app's handler on one device. It puts as much into the request as the provider takes. A
// nil error says that the provider took the request, not that the phone got it; a refusal is a *push.WakeError. The answer is
// complete in either case.
type Waker interface {
	Wake(ctx context.Context, d push.Device, w push.Wake) (push.Answer, error)
}

// Keys derives the wake key of a device from the key's id.
type Keys interface {
	WakeKey(device push.DeviceKey, id string) push.WakeKey
}

// Vitals is informed of what delivery does, once it is committed.
type Vitals interface {
	Accepted()                              // a push
	Woke(p push.Provider, fault push.Fault) // a wake was answered; fault "": the provider took it
	TokenDropped(app string, p push.Provider, reason push.Reason)
}

type noVitals struct{}

func (noVitals) Accepted()                                       {}
func (noVitals) Woke(push.Provider, push.Fault)                  {}
func (noVitals) TokenDropped(string, push.Provider, push.Reason) {}

// Config is what an Engine needs.
type Config struct {
	Store      Store                   // required
	Sessions   Sessions                // required
	Wakers     map[push.Provider]Waker // required for each provider
	Keys       Keys                    // required
	AckWait    time.Duration           // for a session to acknowledge; 0 means 5s
	Keep       time.Duration           // of pushes after their last delivery became final; 0 means 7 days
	SingleNode bool                    // no other node uses the store: what a former process had claimed is free at once
	Workers    int                     // devices in work at once; 0 means 512
	Queue      int                     // devices that wait in memory; 0 means 8192
	Logger     *slog.Logger            // is to ration warnings that repeat, as calm.Logger does; nil discards
	Now        func() time.Time        // nil means time.Now
	Metrics    *Metrics                // nil counts for nobody
	Vitals     Vitals                  // nil: nobody is told
}

const (
	defaultAckWait = 5 * time.Second
	defaultKeep    = 7 * 24 * time.Hour

	// lookLimit is how many open deliveries one look reads: more than any wake can carry.
	lookLimit = 256

	// lease is how long claimed work belongs to this node; what is not done by then is due again.
	lease = 10 * time.Second
)

// Engine takes pushes to their devices. Its parts have their own state and locks; what is left here is the way of a look.
type Engine struct {
	preview // DryRun, Budgets and Explain

	cfg    Config
	node   *localNode
	queue  *queue // of devices that may have to be woken
	online *queue // of devices with a session, whose workers never wait for a provider
	todo   *todo
	wakes  *wakeSender
	clock  *clock
	found  found       // devices with a session among what is due
	ran    atomic.Bool // Run was called
}

// New makes an Engine. Run does its work.
func New(cfg Config) (*Engine, error) {
	switch {
	case cfg.Store == nil, cfg.Sessions == nil, cfg.Keys == nil:
		return nil, errors.New("delivery: Store, Sessions and Keys are required")
	case cfg.AckWait < 0:
		return nil, fmt.Errorf("delivery: AckWait is %s; want 0 (for %s) or more", cfg.AckWait, defaultAckWait)
	case cfg.Keep < 0:
		return nil, fmt.Errorf("delivery: Keep is %s; want 0 (for %s) or more", cfg.Keep, defaultKeep)
	}
	if cfg.AckWait == 0 {
		cfg.AckWait = defaultAckWait
	}
	if cfg.Keep == 0 {
		cfg.Keep = defaultKeep
	}
	if cfg.Workers == 0 {
		cfg.Workers = 512
	}
	if cfg.Queue == 0 {
		cfg.Queue = 8192
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Metrics == nil {
		cfg.Metrics = NewMetrics(nil)
	}
	if cfg.Vitals == nil {
		cfg.Vitals = noVitals{}
	}
	n := &localNode{
		sessions: cfg.Sessions, senders: newSenders(), ackWait: cfg.AckWait, singleNode: cfg.SingleNode, started: cfg.Now(), clock: cfg.Now,
	}
	e := &Engine{
		preview: preview{store: cfg.Store, node: n}, cfg: cfg, node: n,
		queue: newQueue(cfg.Queue, cfg.Workers, cfg.Now), online: newQueue(cfg.Queue, max(cfg.Workers/8, 1), cfg.Now),
		todo: newTodo(cfg.Now), wakes: newWakeSender(&cfg, n.senders),
	}
	e.clock = newClock(e.dueWork(), cfg.Now, cfg.Logger)
	return e, nil
}

// drainWait is how long requests in flight may still take once the engine is to end. One that takes longer is cut off: its
// answer is unclear, and the same wake goes out again later.
const drainWait = 5 * time.Second

// Run works until ctx ends. Then it begins nothing new, waits for requests in flight, hands back what it had claimed, and
// returns. It runs once: another call, at the same time or later, returns at once.
func (e *Engine) Run(ctx context.Context) {
	if e.ran.Swap(true) {
		return
	}
	var wg sync.WaitGroup
	stop := context.AfterFunc(ctx, func() {
		e.node.ending.Store(true)
		time.AfterFunc(drainWait, func() { e.wakes.cut(push.ErrStopping) })
	})
	defer stop()
	begun := context.WithoutCancel(ctx)
	for _, q := range []*queue{e.queue, e.online} {
		q.open(func() { wg.Go(func() { e.work(begun, q) }) })
	}
	wg.Go(func() { e.clock.run(ctx) })
	<-ctx.Done()
	e.queue.close()
	e.online.close()
	wg.Wait()
	e.handBack()
}

// handBack makes the devices that waited in memory due at once, for the process that runs next.
func (e *Engine) handBack() {
	left := append(e.queue.drain(), e.online.drain()...)
	if len(left) == 0 {
		return
	}
	ctx, cancel := context.WithTimeoutCause(context.Background(), lease, errors.New("delivery: handing back took too long"))
	defer cancel()
	for _, key := range left {
		if d, ok := e.todo.pop(key); ok && d.plan.wake != nil { // counted, and not sent
			_, err := e.look(ctx, key, unsent(*d.plan.changes.Device, *d.plan.wake, "the server stopped before it could be sent"), e.node.know(key, true))
			if err != nil {
				e.cfg.Logger.Warn("a wake that was not sent was not taken back; it goes out when its lease has run out", "app", key.App, "device", key.Device, "error", err)
			}
		}
	}
	if err := e.cfg.Store.RenewLeases(ctx, left, e.cfg.Now()); err != nil {
		e.cfg.Logger.Warn("claimed devices were not handed back; their lease runs out by itself", "devices", len(left), "error", err)
	}
}

// Waiting returns how many devices in memory wait for a worker, and since when the oldest has.
func (e *Engine) Waiting() (devices int, oldest time.Time) {
	devices, oldest = e.queue.oldest()
	online, since := e.online.oldest()
	if oldest.IsZero() || online > 0 && since.Before(oldest) {
		oldest = since
	}
	return devices + online, oldest
}

// Look queues devices to be looked at now: something about them is new. A device for which there is no room in memory is left
// to its row.
func (e *Engine) Look(keys ...push.DeviceKey) {
	for _, k := range keys {
		if !e.lineOf(k).add(k) {
			e.cfg.Metrics.Overflow.Inc()
			e.clock.dueAt(looks, e.cfg.Now())
		}
	}
}

// SessionOpened announces that a device has a session. The device fetches what is open; what it has not fetched when the ack
// wait is over is sent over the session.
func (e *Engine) SessionOpened(key push.DeviceKey) {
	ctx, cancel := context.WithTimeoutCause(context.Background(), lease, errors.New("delivery: the look at a new session took too long"))
	defer cancel()
	again := e.cfg.Now().Add(e.cfg.AckWait)
	_, err := e.cfg.Store.Step(ctx, push.StepRequest{Key: key}, func(s push.Snapshot) push.Changes {
		if s.OpenTotal == 0 || !s.Device.DueAt.IsZero() && s.Device.DueAt.Before(again) {
			return push.Changes{}
		}
		s.Device.DueAt = again
		return push.Changes{Device: &s.Device}
	})
	if err != nil && !errors.Is(err, push.ErrNotFound) {
		e.cfg.Logger.Warn("new session not noted", "app", key.App, "device", key.Device, "error", err)
	}
	e.clock.dueAt(looks, again)
}

// CredentialsChanged drops what an app's previous credentials held back, and has its devices looked at.
func (e *Engine) CredentialsChanged(app string, p push.Provider) {
	now := e.cfg.Now()
	e.node.senders.forget(now, sender{app, p})
	ctx, cancel := context.WithTimeoutCause(context.Background(), lease, errors.New("delivery: the look at an app's devices took too long"))
	defer cancel()
	// Storing the credentials made the devices due as well, but one that was looked at since still saw the hold.
	if err := e.cfg.Store.LookAgain(ctx, app, now); err != nil {
		e.cfg.Logger.Warn("devices of an app with new credentials are looked at later", "app", app, "error", err)
	}
	e.clock.dueAt(looks, now)
}
