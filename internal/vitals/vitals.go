// Package vitals knows how the server does. The other rooms report to it what happened; it logs when work is late,
// commits are slow, the database is unreachable or tokens are dropped, sums up each hour in one line, and answers what a
// status page shows. It decides one thing: whether the backlog has room for more pushes.
//
// All of it is memory: a new process counts from its start.
package vitals

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hushpush/hush/internal/hour"
	"github.com/hushpush/hush/push"
)

// Store is what vitals asks of the store. Its answers must be cheap: Backlog is asked every few seconds.
type Store interface {
	Backlog(ctx context.Context, now time.Time, atMost int) (push.Backlog, error)
	Apps(ctx context.Context, cursor string, limit int) (apps []push.App, next string, err error)
	Credentials(ctx context.Context, app string) ([]push.CredentialInfo, error)
}

// Queue is the devices that are in memory.
type Queue interface {
	// Waiting is how many wait for a worker, and since when the one that waits longest.
	Waiting() (devices int, oldest time.Time)
	// InHand is how many wait for a worker, how many a worker has, and how many more find room. It is cheap.
	InHand() (waiting, working, free int)
}

// Sessions are the devices' open sockets.
type Sessions interface{ Count() int }

// Provider is how apps do with one provider.
type Provider interface {
	Tick()
	Standing(app string) push.ProviderStanding
	InTrouble() []string
	Lasting() map[push.ProviderState]int
}

// Config is what New takes.
type Config struct {
	Version  string                // of Hush; "" means dev
	Registry prometheus.Registerer // nil: the numbers are in the log and the status only
	Logger   *slog.Logger          // nil discards
	Now      func() time.Time      // nil: time.Now

	// BacklogLimit is how much may be undone before pushes are refused; 0: any.
	BacklogLimit int
}

// Parts are the rooms that are asked. All are required.
type Parts struct {
	Store         Store
	Engine        string // of the store: sqlite or postgres
	EngineVersion string
	Node          string
	Queue         Queue
	Sessions      Sessions
	Providers     map[push.Provider]Provider
}

// Vitals is the room's one object. Its methods may be called at the same time.
type Vitals struct {
	cfg     Config
	parts   Parts     // set by Attach
	started time.Time // never changes
	metrics *metrics
	ran     atomic.Bool // Run was called

	mu       sync.Mutex
	hour     hour.Counts[fact] // guarded by mu
	since    map[fact]int      // guarded by mu; since the last summary
	summed   time.Time         // guarded by mu; when that was
	commits  commits           // guarded by mu
	backlog  backlog           // guarded by mu
	intake   intake            // guarded by mu
	database database          // guarded by mu
	dropped  dropped           // guarded by mu
}

// New makes one that counts. Attach and Run come later: the rooms that it asks need it themselves.
func New(cfg Config) *Vitals {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	cfg.Logger = cfg.Logger.With("room", "vitals")
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Version == "" {
		cfg.Version = "dev"
	}
	now := cfg.Now()
	v := &Vitals{cfg: cfg, started: now, summed: now, since: map[fact]int{}, intake: intake{limit: cfg.BacklogLimit}}
	v.metrics = newMetrics(cfg.Registry)
	return v
}

// Attach names the rooms that are asked. It is called once, before Run and Status.
func (v *Vitals) Attach(p Parts) {
	v.parts = p
	v.metrics.attach(v, p)
}

const (
	tick        = time.Second            // how often what goes on is looked at
	lookEvery   = 5 * time.Second        // how often the store is asked for its backlog
	lookOften   = 250 * time.Millisecond // the same where the backlog has a limit
	lookRest    = 9                      // times what the last look took, at least, between two
	lookWait    = 5 * time.Second        // how long it may take to answer
	summaryWait = time.Hour
)

// Run writes to the log until ctx ends, and then sums up a last time. It runs once: another call, at the same time or later,
// returns at once.
func (v *Vitals) Run(ctx context.Context) {
	if v.ran.Swap(true) {
		return
	}
	var looks sync.WaitGroup
	looks.Go(func() { v.lookLoop(ctx) })
	t := time.NewTicker(tick)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			looks.Wait()
			v.summary(v.cfg.Now())
			return
		case <-t.C:
			v.logLines()
		}
	}
}

// logLines writes the lines that are due.
func (v *Vitals) logLines() {
	now := v.cfg.Now()
	v.logCommits(now)
	v.logDropped(now)
	v.logBacklog(now)
	v.logIntake(now)
	v.logDatabase(now)
	for _, p := range v.parts.Providers {
		p.Tick()
	}
	v.mu.Lock()
	due := now.Sub(v.summed) >= summaryWait
	v.mu.Unlock()
	if due {
		v.summary(now)
	}
}

// lookLoop asks the store what is due. It is a loop of its own: a database that hangs must not silence the log.
func (v *Vitals) lookLoop(ctx context.Context) {
	every := lookEvery
	if v.cfg.BacklogLimit > 0 {
		every = lookOften
	}
	for {
		begun := v.cfg.Now()
		v.look(ctx)
		t := time.NewTimer(max(every, lookRest*v.cfg.Now().Sub(begun)))
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-t.C:
		}
	}
}

func (v *Vitals) look(ctx context.Context) {
	ctx, cancel := context.WithTimeoutCause(ctx, lookWait, errNoAnswer)
	defer cancel()
	v.mu.Lock()
	before := v.intake.left
	v.mu.Unlock()
	found, err := v.parts.Store.Backlog(ctx, v.cfg.Now(), max(push.MaxBacklog, v.cfg.BacklogLimit))
	now := v.cfg.Now()
	v.mu.Lock()
	defer v.mu.Unlock()
	if ctx.Err() == context.Canceled {
		return // the server stops
	}
	v.database.looked(now, because(ctx, err))
	if err != nil {
		return
	}
	found.InMemory, found.OldestInMemory = v.parts.Queue.Waiting()
	_, found.InWork, _ = v.parts.Queue.InHand()
	v.backlog.looked(now, found)
	v.intake.looked(now, before, found)
}
