package sdk

import (
	"errors"
	"fmt"
	"time"
)

// ErrClosed is what ends the work of a client that was closed.
var ErrClosed = errors.New("sdk: the client is closed")

// Client receives the pushes of one app installation. Its methods may be called from several goroutines.
type Client struct {
	*shared // what all parts stand on

	// The parts, each with a state and a lock of its own; docs/sdk.md shows them.
	handlers  *handlers      // what the app wants to be called
	registrar *registrar     // who the device is to the server
	keeper    *sessionKeeper // the session of the foreground
	runner    *runner        // each push's handler, once
	reporter  *reporter      // what the server is told of it
}

// Open makes a client. It needs no network. It gives the device an id if it has none, and finishes what an earlier process
// could not: receipts that the server does not have yet, and a logout.
func Open(cfg Config) (*Client, error) {
	cfg, server, way, err := cfg.check()
	if err != nil {
		return nil, err
	}
	s := &shared{
		cfg: cfg, log: cfg.Logger.With("room", "sdk"), clock: &clock{now: cfg.Now}, lifetime: newLifetime(),
		app: newAppState(Background), calls: &calls{server: server, client: cfg.HTTPClient},
	}
	s.calls.heard = s.hearClock
	if s.dir, err = openDir(cfg.Dir, cfg.Now, s.clock); err != nil {
		return nil, err
	}
	i, err := s.dir.self()
	if err != nil {
		s.dir.close()
		return nil, fmt.Errorf("sdk: open %s: %w", cfg.Dir, err)
	}
	s.clock.remember(time.Duration(i.Offset) * time.Millisecond)
	c := wire(s, dialer{server: server, way: way, tls: cfg.TLS, hear: s.calls.hear})
	c.lifetime.run(c.runner.workQueue)
	c.lifetime.run(c.reporter.run)
	c.reporter.signal()
	if i.Unregister != "" {
		c.registrar.retryLogout()
	}
	return c, nil
}

// wire puts the parts together. Each knows those that it calls: the session's keeper all others, the runner the reporter, the
// reporter the inbox, and each of them the registrar, which calls none but to signal the reporter.
func wire(s *shared, d dialer) *Client {
	var rep *reporter
	reg := newRegistrar(s, func() { rep.signal() }) // receipts may have waited for a credential
	in := &inbox{shared: s, registrar: reg, queue: newQueue()}
	rep = newReporter(s, reg, in)
	hs := newHandlers()
	return &Client{
		shared: s, handlers: hs, registrar: reg, reporter: rep,
		runner: newRunner(s, reg, hs, in, rep),
		keeper: &sessionKeeper{shared: s, registrar: reg, handlers: hs, inbox: in, reporter: rep, dialer: d, nudge: make(chan struct{}, 1)},
	}
}

// Close ends the session and all work. The context of a handler that runs ends now; Close waits for it to return, at most
// until its time would have been over. Once Close has returned the client does not touch Dir any more: calls that come later
// answer ErrClosed. What is on disk stays for the next Open.
func (c *Client) Close() error {
	c.lifetime.close()
	c.runner.attempts.waitForHandlers(c.cfg.Platform.TimeAllowed())
	c.dir.close()
	c.calls.closeIdleConnections()
	return nil
}

// SetAppState tells the client where the app stands. In the foreground it keeps a session with the server open; when the
// app leaves the foreground the session is closed before this returns, so that nothing of Hush keeps the app alive. A new
// client is in the background.
func (c *Client) SetAppState(s AppState) { c.keeper.setAppState(s) }
