package sdk

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// sessionKeeper keeps a session with the server open while the app is in the foreground and somebody is logged in. Its loop
// is the one goroutine that opens, serves and closes sessions.
type sessionKeeper struct {
	*shared
	registrar *registrar
	handlers  *handlers
	inbox     *inbox
	reporter  *reporter
	dialer    dialer

	nudge chan struct{} // capacity 1: the loop is to look again now

	mu        sync.Mutex         // taken before lifetime.mu
	loggedOut bool               // guarded by mu; from Logout to the next login: the loop does not start
	stopLoop  context.CancelFunc // guarded by mu; ends the loop; nil: it does not run, or is ending
	loopDone  chan struct{}      // guarded by mu; closed when the latest loop has ended; nil: none has begun
}

// setAppState starts the loop, or ends it and waits for its end.
func (k *sessionKeeper) setAppState(s AppState) {
	k.mu.Lock()
	k.app.set(s)
	end := func() {}
	if s == Foreground {
		k.start()
	} else {
		end = k.detach()
	}
	k.mu.Unlock()
	end()
}

// start starts the loop, unless it runs. mu is held.
func (k *sessionKeeper) start() {
	if k.stopLoop != nil || k.loggedOut {
		return
	}
	ctx, stop := context.WithCancel(k.lifetime.ctx)
	done := make(chan struct{})
	running := k.lifetime.run(func() {
		defer close(done)
		defer stop()
		k.run(ctx)
		k.mu.Lock()
		defer k.mu.Unlock()
		if k.loopDone == done {
			k.stopLoop = nil
		}
	})
	if !running {
		stop()
		return
	}
	k.stopLoop, k.loopDone = stop, done
}

// detach gives up the loop, if it runs, and returns a function that ends it and waits for its end. mu is held when detach is
// called, and not when the function is.
func (k *sessionKeeper) detach() (end func()) {
	stop, done := k.stopLoop, k.loopDone
	k.stopLoop = nil
	if stop == nil {
		return func() {}
	}
	return func() {
		stop()
		<-done
	}
}

// stop ends the loop, if it runs, and waits for its end.
func (k *sessionKeeper) stop() {
	k.mu.Lock()
	end := k.detach()
	k.mu.Unlock()
	end()
}

// logOut keeps the loop from starting until logIn. It does not stop one that runs.
func (k *sessionKeeper) logOut() { k.setLoggedOut(true) }

// logIn allows the loop to start again.
func (k *sessionKeeper) logIn() { k.setLoggedOut(false) }

func (k *sessionKeeper) setLoggedOut(out bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.loggedOut = out
}

// lookAgain wakes the loop, or starts it where the app is in the foreground.
func (k *sessionKeeper) lookAgain() {
	k.mu.Lock()
	if k.app.inForeground() {
		k.start()
	}
	k.mu.Unlock()
	select {
	case k.nudge <- struct{}{}:
	default:
	}
}

func (k *sessionKeeper) forgetNudge() {
	select {
	case <-k.nudge:
	default:
	}
}

// run keeps a session open until ctx ends, or the server says not to come back.
func (k *sessionKeeper) run(ctx context.Context) {
	if _, err := k.handlers.wait(ctx, false); err != nil {
		return
	}
	opened, try := false, 0
	for {
		k.forgetNudge() // connect is about to see what it is about
		end := k.connect(ctx, &opened)
		if ctx.Err() != nil {
			return
		}
		if end.err == nil {
			k.forgetNudge() // one that came while there was a session must not cut the wait short
		}
		try++
		if end.lived >= steadyAfter {
			try = 1
		}
		wait, again := reconnect(end, try, jitter())
		k.log.Debug("no session", "code", end.code, "error", end.err, "again", again, "wait", wait)
		if !again {
			return
		}
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-k.nudge:
		case <-ctx.Done():
		}
		t.Stop()
		if ctx.Err() != nil {
			return
		}
	}
}

// connect registers if need be, reads the inbox the first time after the app was opened, and serves one session to its end.
// So the client knows what had waited before the session can bring it.
func (k *sessionKeeper) connect(ctx context.Context, opened *bool) sessionEnd {
	i, err := k.registrar.ensure(ctx)
	if err != nil {
		return sessionEnd{err: err}
	}
	if !*opened {
		_ = k.inbox.enqueue(ctx) // hello asks for it once more if it failed
		*opened = true
	}
	token, err := k.registrar.tokens.get(ctx)
	if err != nil {
		return sessionEnd{err: err}
	}
	w := who{token: token, credential: i.Credential}
	s := newSession(k.log, k.clock, k.inbox.queue, i.owner())
	if err := k.dialer.dial(ctx, w, s); err != nil {
		k.renew(ctx, w, refused(err), 0)
		return sessionEnd{err: err}
	}
	began := time.Now()
	err = k.serve(ctx, s)
	k.renew(ctx, w, "", s.code)
	return sessionEnd{code: s.code, err: err, lived: time.Since(began)}
}

// renew changes what a refusal, or the close code of a session, says is wrong with what we came with.
func (k *sessionKeeper) renew(ctx context.Context, w who, refusal string, code int) {
	var err error
	switch {
	case refusal == codeTokenExpired, refusal == codeUnauthenticated, code == protocol.CloseTokenExpired:
		k.registrar.tokens.refuse(w.token)
	case refusal == codeRegisterAgain, code == protocol.CloseOwnerChanged:
		err = k.registrar.forgetCredential(w.credential)
	case refusal == codeForbidden: // the token is another user's than the device's: the device changes its owner
		k.registrar.tokens.refuse(w.token)
		err = k.registrar.again(ctx)
	}
	if err != nil && ctx.Err() == nil {
		k.log.Warn("the session's credentials could not be renewed", "error", err)
	}
}

// serve serves one session until it ends, ctx ends, or the server has been silent for two heartbeats, or for answerWait when it
// was asked something.
func (k *sessionKeeper) serve(ctx context.Context, s *session) error {
	heartbeat, err := k.greet(ctx, s)
	if err != nil {
		s.leave(false)
		<-s.closed
		return err
	}
	k.reporter.use(s)
	defer func() {
		k.reporter.use(nil)
		<-s.closed
	}()
	tick := time.NewTicker(max(heartbeat/4, 10*time.Millisecond))
	defer tick.Stop()
	var due <-chan time.Time // when what was asked last must have been answered
	for {
		select {
		case <-s.closed:
			return nil
		case <-ctx.Done():
			s.leave(k.leftForeground())
			return nil
		case <-s.liveness.doubted:
			due = time.After(answerWait)
			k.lifetime.run(s.ping) // on a dead socket a write may hang, until the socket is closed below
		case <-tick.C:
		case <-due:
		}
		if why := s.liveness.death(time.Now(), heartbeat); why != "" {
			k.log.Info("the session is dead", "why", why, "heartbeat", heartbeat)
			k.calls.closeIdleConnections() // they may be as dead; who waited for an answer goes on by HTTP
			s.abort()
			return nil
		}
	}
}

// leftForeground reports whether a session ends because the app is in the background, and not because the client was closed
// or the user has left.
func (k *sessionKeeper) leftForeground() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.app.get() == Background && k.lifetime.ctx.Err() == nil && !k.loggedOut
}

// greet waits for the server's hello, answers with the app's state, and fetches what hello says is open.
func (k *sessionKeeper) greet(ctx context.Context, s *session) (heartbeat time.Duration, err error) {
	t := time.NewTimer(helloWait)
	defer t.Stop()
	var hello protocol.ServerFrame
	select {
	case hello = <-s.hello:
	case <-s.closed:
		return 0, errSessionEnded
	case <-t.C:
		k.calls.closeIdleConnections() // they may be as dead
		return 0, errors.New("no hello within " + helloWait.String())
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
	if at, err := time.Parse(time.RFC3339Nano, hello.ServerTime); err == nil {
		k.hearClock(at)
	}
	if heartbeat, err = time.ParseDuration(hello.Heartbeat); err != nil || heartbeat <= 0 {
		heartbeat = defaultHeartbeat
	}
	state := protocol.DeviceFrame{Type: protocol.FrameState, AppState: push.AppForeground, Facts: k.cfg.Facts}
	if err := s.send(state); err != nil {
		return 0, err
	}
	if hello.Open > 0 {
		k.lifetime.run(func() { k.inbox.enqueueDuring(ctx, s.closed) })
	}
	return heartbeat, nil
}
