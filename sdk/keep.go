package sdk

import (
	"context"
	"errors"
	"time"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// linkEnd is how a session, or the try to open one, ended.
type linkEnd struct {
	code  int           // the server's close code; 0: none came
	err   error         // why there was no session; nil: there was one
	lived time.Duration // how long it lived
}

// steadyAfter is how long a session must have lived for the waits to begin small again.
const steadyAfter = 10 * time.Second

// badFrameWait is how long the client stays away when the server did not understand it: only an update of the one or the
// other can help.
const badFrameWait = 5 * time.Minute

// comeBack says whether to connect again, and after which wait, which is not shorter than the server asked for. try counts
// the failures in a row, from 1.
func comeBack(e linkEnd, try int, chance float64) (wait time.Duration, again bool) {
	switch {
	case e.code == protocol.CloseReplaced, errors.Is(e.err, ErrLoggedOut):
		return 0, false
	case e.code == protocol.CloseBadFrame:
		return badFrameWait, true
	case try == 1 && (e.code == protocol.CloseTokenExpired || e.code == protocol.CloseOwnerChanged):
		return 0, true
	case try == 1 && (refused(e.err) == codeTokenExpired || refused(e.err) == codeRegisterAgain):
		return 0, true
	}
	return max(backoff(try, chance), asked(e.err)), true
}

// keepLink keeps a session open until ctx ends, or the server says not to come back.
func (c *Client) keepLink(ctx context.Context) {
	if _, err := c.handlers.wait(ctx, false); err != nil {
		return
	}
	opened, try := false, 0
	for {
		c.forgetNudge() // what it is about, linkOnce is about to see
		end := c.linkOnce(ctx, &opened)
		if ctx.Err() != nil {
			return
		}
		if end.err == nil {
			c.forgetNudge() // from when there was a session; it must not cut the wait short
		}
		try++
		if end.lived >= steadyAfter {
			try = 1
		}
		wait, again := comeBack(end, try, jitter())
		c.log.Debug("no session", "code", end.code, "error", end.err, "again", again, "wait", wait)
		if !again {
			return
		}
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-c.nudge:
		case <-ctx.Done():
		}
		t.Stop()
		if ctx.Err() != nil {
			return
		}
	}
}

func (c *Client) forgetNudge() {
	select {
	case <-c.nudge:
	default:
	}
}

// linkOnce registers if need be, reads the inbox the first time after the app was opened, and serves one session to its
// end. What waited is so known to have waited before the session can bring it.
func (c *Client) linkOnce(ctx context.Context, opened *bool) linkEnd {
	s, err := c.ensureRegistered(ctx)
	if err != nil {
		return linkEnd{err: err}
	}
	if !*opened {
		_ = c.catchUpQueued(ctx) // hello asks for it once more if it failed
		*opened = true
	}
	token, err := c.userToken(ctx)
	if err != nil {
		return linkEnd{err: err}
	}
	w := who{token: token, credential: s.Credential}
	l, err := c.dial(ctx, w, s.owner())
	if err != nil {
		c.mend(ctx, w, refused(err), 0)
		return linkEnd{err: err}
	}
	began := time.Now()
	err = c.serve(ctx, l)
	c.mend(ctx, w, "", l.code)
	return linkEnd{code: l.code, err: err, lived: time.Since(began)}
}

// mend changes what a refusal, or the close code of a session, says is wrong with what we came with.
func (c *Client) mend(ctx context.Context, w who, refusal string, code int) {
	var err error
	switch {
	case refusal == codeTokenExpired, refusal == codeUnauthenticated, code == protocol.CloseTokenExpired:
		c.dropToken(w.token)
	case refusal == codeRegisterAgain, code == protocol.CloseOwnerChanged:
		err = c.voidCredential(w.credential)
	case refusal == codeForbidden: // the token is another user's than the device's: the device changes its owner
		c.dropToken(w.token)
		if !c.registering.within(ctx) {
			return
		}
		err = c.register(ctx)
		c.registering.Unlock()
	}
	if err != nil && ctx.Err() == nil {
		c.log.Warn("the session's credentials could not be renewed", "error", err)
	}
}

// serve lives with one session until it ends, ctx ends, or the server has been silent for two heartbeats, or for answerWait
// when it was asked something.
func (c *Client) serve(ctx context.Context, l *link) error {
	heartbeat, err := c.greet(ctx, l)
	if err != nil {
		l.leave(false)
		<-l.closed
		return err
	}
	c.mu.Lock()
	c.link = l
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		c.link = nil
		c.mu.Unlock()
		<-l.closed
	}()
	c.outbox.signal()
	tick := time.NewTicker(max(heartbeat/4, 10*time.Millisecond))
	defer tick.Stop()
	var due <-chan time.Time // when what was asked last must have been answered
	for {
		select {
		case <-l.closed:
			return nil
		case <-ctx.Done():
			c.mu.Lock()
			background := c.state == Background && c.base.Err() == nil && !c.leaving
			c.mu.Unlock()
			l.leave(background)
			return nil
		case <-l.life.asks:
			due = time.After(answerWait)
			c.goes.Go(l.ping) // on a dead socket a write may hang, until the socket is closed below
		case <-tick.C:
		case <-due:
		}
		if why := l.life.death(time.Now(), heartbeat); why != "" {
			c.log.Info("the session is dead", "why", why, "heartbeat", heartbeat)
			c.cfg.HTTPClient.CloseIdleConnections() // they may be as dead; who waited for an answer goes on by HTTP
			_ = l.net.Conn.Close()
			return nil
		}
	}
}

// greet waits for the server's hello, answers with the app's state, and fetches what hello says is open.
func (c *Client) greet(ctx context.Context, l *link) (heartbeat time.Duration, err error) {
	t := time.NewTimer(helloWait)
	defer t.Stop()
	var hello protocol.ServerFrame
	select {
	case hello = <-l.hello:
	case <-l.closed:
		return 0, errLinkClosed
	case <-t.C:
		c.cfg.HTTPClient.CloseIdleConnections() // they may be as dead
		return 0, errors.New("no hello within " + helloWait.String())
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
	if at, err := time.Parse(time.RFC3339Nano, hello.ServerTime); err == nil {
		c.hearClock(at)
	}
	if heartbeat, err = time.ParseDuration(hello.Heartbeat); err != nil || heartbeat <= 0 {
		heartbeat = defaultHeartbeat
	}
	state := protocol.DeviceFrame{Type: protocol.FrameState, AppState: push.AppForeground, Facts: c.cfg.Facts}
	if err := l.send(state); err != nil {
		return 0, err
	}
	if hello.Open > 0 {
		c.goes.Go(func() { c.catchUpBeside(ctx, l) })
	}
	return heartbeat, nil
}
