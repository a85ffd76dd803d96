package sdk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hushpush/hush/internal/proxy"
	"github.com/hushpush/hush/push"
)

// ErrClosed is what ends the work of a client that was closed.
var ErrClosed = errors.New("sdk: the client is closed")

// Client receives the pushes of one app installation. Its methods may be called from several goroutines.
type Client struct {
	cfg      Config   // never changes
	server   *url.URL // never changes
	way      proxy.Dialer
	log      *slog.Logger
	dir      *dir
	calls    *calls
	handlers handlers
	clock    clock

	base context.Context         // ends with Close
	stop context.CancelCauseFunc // ends base
	goes sync.WaitGroup          // all goroutines of the client, and the calls of the app that write to dir; see enter

	registering turnstile     // held for one registration or logout; before mu
	turn        chan struct{} // holds a token while a handler runs: one at a time
	flights     flights
	queue       queue
	outbox      outbox
	progress    atomic.Bool // a push came to its end since the inbox was last read

	mu       sync.Mutex
	state    AppState           // guarded by mu
	wanted   *Registration      // guarded by mu; what RegisterPush asked for
	applied  bool               // guarded by mu; the server has it
	leaving  bool               // guarded by mu; from Logout to the next login
	retrying bool               // guarded by mu; retryLogout runs
	token    push.Secret        // guarded by mu; the last user token, as long as the server takes it
	link     *link              // guarded by mu; the open session; nil: none
	linkStop context.CancelFunc // guarded by mu; ends the session's loop; nil: it does not run
	linkDone chan struct{}      // guarded by mu; closed when the session's loop has ended
	nudge    chan struct{}      // capacity 1: the session's loop is to look again now
	user     context.Context    // guarded by mu; ends with Logout, and is new with the next foreground
	userStop context.CancelCauseFunc
}

// Open makes a client. It needs no network. It gives the device an id if it has none, and finishes what an earlier process
// could not: the receipts that the server has not had, and a logout.
func Open(cfg Config) (*Client, error) {
	cfg, server, way, err := cfg.check()
	if err != nil {
		return nil, err
	}
	d, err := openDir(cfg.Dir, cfg.Now)
	if err != nil {
		return nil, err
	}
	c := &Client{
		cfg: cfg, server: server, way: way, log: cfg.Logger.With("room", "sdk"), dir: d,
		handlers:    handlers{changed: make(chan struct{})},
		turn:        make(chan struct{}, 1),
		registering: make(turnstile, 1),
		nudge:       make(chan struct{}, 1),
		state:       Background,
	}
	c.base, c.stop = context.WithCancelCause(context.Background())
	c.user, c.userStop = context.WithCancelCause(c.base)
	c.calls = &calls{server: server, client: cfg.HTTPClient, heard: c.hearClock}
	c.clock.now = cfg.Now
	c.queue.init()
	c.outbox.init()
	s, err := d.self()
	if err != nil {
		d.close()
		return nil, fmt.Errorf("sdk: open %s: %w", cfg.Dir, err)
	}
	c.clock.remember(time.Duration(s.Offset) * time.Millisecond)
	d.clock = &c.clock
	c.goes.Add(2)
	go c.workQueue()
	go c.sendReceipts()
	c.outbox.signal()
	if s.Unregister != "" {
		c.retryLogout()
	}
	return c, nil
}

// Close ends the session and all work. The context of a handler that runs ends now; Close waits for it to return, at most
// until its time would have been over. Once Close has returned the client does not touch Dir any more: calls that come later
// answer ErrClosed. What is on disk stays for the next Open.
func (c *Client) Close() error {
	c.mu.Lock()
	c.stop(ErrClosed)
	done := c.linkDone
	c.mu.Unlock()
	if done != nil {
		<-done
	}
	c.goes.Wait()
	c.flights.wait(c.cfg.Platform.TimeAllowed())
	c.dir.close()
	c.cfg.HTTPClient.CloseIdleConnections()
	return nil
}

// SetAppState tells the client where the app stands. In the foreground it keeps a session with the server open; when the
// app leaves the foreground the session is closed before this returns, so that nothing of Hush keeps the app alive. A new
// client is in the background.
func (c *Client) SetAppState(s AppState) {
	c.mu.Lock()
	was := c.state
	c.state = s
	switch {
	case s == Foreground && (was != Foreground || c.linkStop == nil):
		c.startLink()
	case s != Foreground && c.linkStop != nil:
		stop, done := c.linkStop, c.linkDone
		c.linkStop = nil
		c.mu.Unlock()
		stop()
		<-done
		return
	}
	c.mu.Unlock()
}

// startLink starts the session's loop, unless it runs. mu is held.
func (c *Client) startLink() {
	if c.base.Err() != nil || c.linkStop != nil || c.leaving {
		return
	}
	ctx, stop := context.WithCancel(c.base)
	done := make(chan struct{})
	c.linkStop, c.linkDone = stop, done
	go func() {
		defer close(done)
		defer stop()
		c.keepLink(ctx)
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.linkDone == done {
			c.linkStop = nil
		}
	}()
}

// look wakes the session's loop, or starts it where the app is in the foreground.
func (c *Client) look() {
	c.mu.Lock()
	if c.state == Foreground {
		c.startLink()
	}
	c.mu.Unlock()
	select {
	case c.nudge <- struct{}{}:
	default:
	}
}

// stopUser ends what runs for a user who has logged out: the session, what is queued, and the handlers.
func (c *Client) stopUser() {
	c.mu.Lock()
	c.userStop(ErrLoggedOut)
	c.user, c.userStop = context.WithCancelCause(c.base)
	stop, done := c.linkStop, c.linkDone
	c.linkStop = nil
	c.mu.Unlock()
	c.queue.clear()
	if stop != nil {
		stop()
		<-done
	}
}

// enter begins a call of the app that Close ends and waits for: its ctx ends with Close as well, and done says that it is
// over. A closed client answers ErrClosed. That it is asked under mu keeps goes from growing while Close waits.
func (c *Client) enter(ctx context.Context) (_ context.Context, done func(), err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.base.Err() != nil {
		return nil, nil, ErrClosed
	}
	c.goes.Add(1)
	ctx, cancel := context.WithCancelCause(ctx)
	release := context.AfterFunc(c.base, func() { cancel(ErrClosed) })
	return ctx, func() { release(); cancel(nil); c.goes.Done() }, nil
}

// inForeground tells whether the app is in the foreground.
func (c *Client) inForeground() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state == Foreground
}
