package gateway

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/lxzan/gws"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// Gateway keeps the sessions of this node.
type Gateway struct {
	cfg      Config        // never changes
	named    *gws.Upgrader // for devices that offer the subprotocol
	unnamed  *gws.Upgrader // for devices that offer none
	base     context.Context
	stop     context.CancelFunc
	sessions sync.WaitGroup // their goroutines
	beats    beats
	settler  *settler

	mu      sync.Mutex
	open    map[push.DeviceKey]*session // guarded by mu; the newest session of each device
	all     map[*session]struct{}       // guarded by mu; also sessions that are about to end
	closing bool                        // guarded by mu
}

// New returns a gateway. It serves GET /v1/connect until Close.
func New(cfg Config) (*Gateway, error) {
	cfg, err := cfg.check()
	if err != nil {
		return nil, err
	}
	g := &Gateway{cfg: cfg, open: map[push.DeviceKey]*session{}, all: map[*session]struct{}{}, beats: beats{began: time.Now()}, settler: newSettler()}
	g.base, g.stop = context.WithCancel(context.Background())
	g.named = newUpgrader(cfg, []string{protocol.Subprotocol})
	g.unnamed = newUpgrader(cfg, nil)
	return g, nil
}

// Session returns the id of a device's open session and when it was opened, or false if there is none.
func (g *Gateway) Session(key push.DeviceKey) (id string, since time.Time, ok bool) {
	s := g.session(key)
	if s == nil {
		return "", time.Time{}, false
	}
	return s.id, time.Unix(0, s.since), true
}

func (g *Gateway) session(key push.DeviceKey) *session {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.open[key]
}

// exactly returns the device's session if its id is this one, or nil if it is not the open one any more.
func (g *Gateway) exactly(key push.DeviceKey, id string) *session {
	s := g.session(key)
	if s == nil || s.id != id {
		return nil
	}
	return s
}

// Send queues items for a session, without waiting for the device to read. It returns false if the session is gone, and ends
// a session that is too slow or of another owner. True says that the items are queued, not that the device has them.
func (g *Gateway) Send(key push.DeviceKey, session string, items []push.Item) bool {
	s := g.exactly(key, session)
	return s != nil && s.send(items)
}

// NoAck ends a session that did not acknowledge a push in time. The device reconnects and catches up.
func (g *Gateway) NoAck(key push.DeviceKey, session string) {
	g.Drop(key, session, protocol.CloseNoAck)
}

// Drop ends a session with a close code of protocol. From now on the device has no session. Session "" ends whichever session
// the device has.
func (g *Gateway) Drop(key push.DeviceKey, session string, code int) {
	s := g.session(key)
	if s != nil && (session == "" || s.id == session) {
		s.end(code)
	}
}

// DropApp ends all sessions of a deleted app with a close code of protocol.
func (g *Gateway) DropApp(app string, code int) {
	var ending []*session
	g.mu.Lock()
	for key, s := range g.open {
		if key.App == app {
			ending = append(ending, s)
		}
	}
	g.mu.Unlock()
	for _, s := range ending {
		s.end(code)
	}
}

// Count returns how many sessions are open.
func (g *Gateway) Count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.open)
}

// OfApp returns the ids of an app's devices that have a session, in no order.
func (g *Gateway) OfApp(app string) (devices []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for key := range g.open {
		if key.App == app {
			devices = append(devices, key.Device)
		}
	}
	return devices
}

// enter makes s the device's session and ends the previous one. It returns false if the gateway is closing.
func (g *Gateway) enter(s *session) bool {
	g.mu.Lock()
	if g.closing {
		g.mu.Unlock()
		return false
	}
	before := g.open[s.key]
	g.open[s.key] = s
	g.all[s] = struct{}{}
	g.sessions.Add(1) // for the read loop
	g.mu.Unlock()
	if before != nil {
		before.end(protocol.CloseReplaced)
	}
	return true
}

// leave removes s from the open sessions. The device has no session any more unless a newer one took its place.
func (g *Gateway) leave(s *session) {
	g.mu.Lock()
	last := g.open[s.key] == s
	if last {
		delete(g.open, s.key)
	}
	g.mu.Unlock()
	if last {
		g.cfg.Notify.SessionClosed(s.key)
	}
}

// gone forgets a session whose read loop has ended.
func (g *Gateway) gone(s *session) {
	s.release()
	g.mu.Lock()
	delete(g.all, s)
	g.mu.Unlock()
}

// errDrain says that sessions were cut rather than closed.
var errDrain = errors.New("gateway: sessions were cut: they did not close in time")

// Close accepts no more sessions, ends all with CloseGoingAway once their queued frames have left, and waits for them. If ctx
// ends first, Close cuts the remaining sessions and returns an error that says so. It may be called twice.
func (g *Gateway) Close(ctx context.Context) error {
	g.mu.Lock()
	g.closing = true
	all := make([]*session, 0, len(g.all))
	for s := range g.all {
		all = append(all, s)
	}
	g.mu.Unlock()
	g.settler.stop()
	for _, s := range all {
		s.end(protocol.CloseGoingAway)
	}
	done := make(chan struct{})
	go func() { g.sessions.Wait(); close(done) }()
	var err error
	select {
	case <-done:
	case <-ctx.Done():
		err = errors.Join(errDrain, context.Cause(ctx))
		for _, s := range all {
			s.cut()
		}
		g.stop() // ends the calls for which their receipts wait
		<-done
	}
	g.stop()
	return err
}
