package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/lxzan/gws"

	"github.com/hushpush/hush/internal/linger"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// session is one device's socket. An idle session has about 200 bytes; frames that wait are kept in out and in.
type session struct {
	gateway    *Gateway
	key        push.DeviceKey // never changes
	generation int            // never changes; the owner generation of the device when it connected
	id         string         // never changes
	since      int64          // never changes; Unix nanoseconds
	expires    int64          // never changes; when the user's token expires, Unix nanoseconds; 0: never
	release    func()         // never changes once the session has started; releases what Auth.Hold took

	heard  atomic.Int64  // when the device was last heard, from beats.began
	beatAt time.Duration // guarded by beats.mu; when the session is called next, from beats.began
	place  int           // guarded by beats.mu; its place in the heap, from 1; 0: it is not in the heap

	mu      sync.Mutex
	socket  *gws.Conn   // guarded by mu until start has set it; nil before
	net     linger.Conn // the same
	out     *outgoing   // guarded by mu; frames that wait to be written; nil: none
	in      *incoming   // guarded by mu; frames that wait to be handled; nil: the handle loop does not run
	code    uint16      // guarded by mu; the close code; 0: the session is not ending
	ready   bool        // guarded by mu; hello is queued, and the write loop may start
	writing bool        // guarded by mu; the write loop runs, or is about to
}

func newSession(g *Gateway, d push.Device, expires time.Time) *session {
	s := &session{gateway: g, key: d.Key(), generation: d.OwnerGeneration, id: uuid.NewString(), since: g.cfg.Now().UnixNano()}
	if !expires.IsZero() {
		s.expires = expires.UnixNano()
	}
	s.hear()
	return s
}

// start upgrades the connection, queues hello and starts to read. enter has been called for the session; if the session
// cannot start, it leaves again.
func (s *session) start(w http.ResponseWriter, r *http.Request) error {
	socket, err := s.upgrade(w, r)
	if err != nil {
		s.end(protocol.CloseGoingAway)
		s.gateway.gone(s)
		s.gateway.sessions.Done()
		return err
	}
	socket.Session().(*slot).session = s
	s.mu.Lock()
	s.socket = socket
	s.mu.Unlock()
	s.gateway.sessions.Add(1) // the device may hang up, and the read loop end, before hello is queued
	defer s.gateway.sessions.Done()
	go s.read()
	ctx, cancel := context.WithTimeoutCause(s.gateway.base, helloWait, fmt.Errorf("gateway: hello took longer than %s", helloWait))
	defer cancel()
	hello, code := s.hello(ctx, r.Header.Get(protocol.HeaderDevice))
	if code != 0 {
		s.end(code)
	}
	if s.begin(hello) {
		s.gateway.settler.session()
		s.gateway.cfg.Notify.SessionOpened(s.key)
	}
	return nil
}

// begin puts hello before all other frames and starts the write loop. If the session is already ending, its close frame is
// written instead, and begin returns false.
func (s *session) begin(hello frame) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ready = true
	if s.code != 0 {
		s.out = nil
		s.write()
		return false
	}
	if s.out == nil {
		s.out = &outgoing{}
	}
	s.out.prepend(hello) // a push may already be queued
	s.beat()
	s.write()
	return true
}

// helloWait bounds the store's work for hello.
const helloWait = 10 * time.Second

// hello returns the first frame, or the code to close with. It looks the device up again now that its session can be found:
// if the device changed its owner in the meantime, whoever ended its sessions did not find this one.
func (s *session) hello(ctx context.Context, credential string) (hello frame, code int) {
	g := s.gateway
	now, err := g.cfg.Auth.DeviceByCredential(ctx, credential)
	if err != nil || now.OwnerGeneration != s.generation {
		if err != nil && refusalOf(err, refuseAgain) == refuseFailed {
			g.cfg.Logger.Warn("a device could not be looked up", "app", s.key.App, "device", s.key.Device, "error", err)
			return frame{}, protocol.CloseGoingAway
		}
		return frame{}, protocol.CloseOwnerChanged
	}
	open, err := g.cfg.Devices.OpenCount(ctx, s.key)
	if err != nil {
		g.cfg.Logger.Warn("open deliveries could not be counted", "app", s.key.App, "device", s.key.Device, "error", err)
		return frame{}, protocol.CloseGoingAway
	}
	return text(protocol.ServerFrame{
		Type: protocol.FrameHello, Session: s.id, Open: open, Heartbeat: g.cfg.Heartbeat.String(),
		OwnerGeneration: s.generation, ServerTime: g.cfg.Now().UTC().Format(time.RFC3339Nano),
	}), 0
}

// end ends the session with a close code. From now on the device has no session. If the server is stopping, queued frames
// still leave; otherwise they are dropped, and the device catches up by its inbox.
func (s *session) end(code int) {
	s.mu.Lock()
	if s.code != 0 {
		s.mu.Unlock()
		return
	}
	s.code = uint16(code)
	if code != protocol.CloseGoingAway {
		s.out = nil
	}
	s.write()
	s.mu.Unlock()
	s.gateway.beats.drop(s)
	s.gateway.leave(s)
}

// revoked ends a session whose signing key, or whose app, is gone.
func (s *session) revoked(why error) {
	if errors.Is(why, push.ErrRegisterAgain) {
		s.end(protocol.CloseOwnerChanged)
		return
	}
	s.end(protocol.CloseTokenExpired)
}

// cut ends the connection at once.
func (s *session) cut() {
	s.mu.Lock()
	conn := s.net.Conn
	s.mu.Unlock()
	if conn != nil {
		_ = conn.Close()
	}
}
