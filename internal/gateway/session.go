package gateway

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/lxzan/gws"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// session is one device's socket.
type session struct {
	gateway *Gateway
	key     push.DeviceKey // never changes
	device  push.Device    // never changes; as it was when it connected, with the owner generation that counts
	id      string         // never changes
	since   time.Time      // never changes
	expires time.Time      // never changes; when the user's token does
	release func()         // never changes once the session has started; lets go of the signing key it leans on

	heard atomic.Int64 // when the device was last heard, Unix nanoseconds by time.Now

	mu      sync.Mutex
	socket  *gws.Conn   // guarded by mu until start has set it; nil before
	net     *lingerConn // the same
	queue   []frame     // guarded by mu
	bytes   int         // guarded by mu; of the queue
	writing bool        // guarded by mu; the write loop runs, or is about to
	ready   bool        // guarded by mu; hello is queued: the write loop may start
	code    int         // guarded by mu; the close code; 0: it is not to end
	timer   *time.Timer // guarded by mu; the next heartbeat, or the token's end

	frames []*gws.Message // guarded by mu; read, and to be taken
	taking bool           // guarded by mu; the take loop runs, or is about to
	taken  chan struct{}  // guarded by mu; closed when there is room among frames; nil: nobody waits for it
}

// frame is something that waits to be written.
type frame struct {
	opcode gws.Opcode
	data   []byte
	large  *push.Delivery // a push whose payload is to be read first
}

// newReader is the library's read buffer, of our size.
func newReader(r io.Reader) *bufio.Reader { return bufio.NewReaderSize(r, readBufferBytes) }

func newSession(g *Gateway, d push.Device, expires time.Time) *session {
	s := &session{
		gateway: g, key: d.Key(), id: uuid.NewString(), since: g.cfg.Now(), expires: expires,
		// The rest of the row is large, and may be another one by the time it is used.
		device: push.Device{App: d.App, ID: d.ID, User: d.User, Platform: d.Platform, OwnerGeneration: d.OwnerGeneration},
	}
	s.heard.Store(time.Now().UnixNano())
	return s
}

// start upgrades the connection, queues hello and starts to read. The session has been entered; if it cannot start, it
// leaves again.
func (s *session) start(w http.ResponseWriter, r *http.Request) error {
	socket, linger, err := s.gateway.upgrade(w, r)
	if err != nil {
		s.end(protocol.CloseGoingAway)
		s.gateway.gone(s)
		s.gateway.sessions.Done()
		return err
	}
	socket.Session().(*slot).session = s
	s.mu.Lock()
	s.socket, s.net = socket, linger
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
		s.gateway.cfg.Notify.SessionOpened(s.key)
	}
	return nil
}

// begin puts hello before all else and lets the write loop start. A session that is to end already gets its close frame
// instead; then begin is false.
func (s *session) begin(hello frame) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ready = true
	if s.code != 0 {
		s.queue, s.bytes = nil, 0
		s.write()
		return false
	}
	s.queue = append([]frame{hello}, s.queue...) // a push may have been quicker
	s.bytes += len(hello.data)
	s.beat()
	s.write()
	return true
}

// helloWait bounds what hello needs of the store.
const helloWait = 10 * time.Second

// hello makes the first frame; or it gives the code to close with. The device is looked up again, now that its session
// can be found: one that changed its owner meanwhile was not found by whoever ended its sessions.
func (s *session) hello(ctx context.Context, credential string) (hello frame, code int) {
	g := s.gateway
	now, err := g.cfg.Auth.DeviceByCredential(ctx, credential)
	if err != nil || now.OwnerGeneration != s.device.OwnerGeneration {
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
		OwnerGeneration: s.device.OwnerGeneration, ServerTime: g.cfg.Now().UTC().Format(time.RFC3339Nano),
	}), 0
}

// text is a frame of JSON. What the server sends consists of strings, numbers and times: it always encodes.
func text(f protocol.ServerFrame) frame {
	data, err := json.Marshal(f)
	if err != nil {
		panic("gateway: a frame does not encode: " + err.Error())
	}
	return frame{opcode: gws.OpcodeText, data: data}
}

// send queues pushes; false: the session ends. A batch is taken whole while the queue has room, so that one long batch
// for a device that reads well is not mistaken for a slow reader.
func (s *session) send(pushes []push.Delivery) bool {
	frames := make([]frame, 0, len(pushes))
	for i := range pushes {
		d := &pushes[i]
		if d.Generation != 0 && d.Generation != s.device.OwnerGeneration {
			s.end(protocol.CloseOwnerChanged)
			return false
		}
		if d.Payload == nil && d.PayloadBytes > 0 {
			large := *d
			frames = append(frames, frame{opcode: gws.OpcodeText, large: &large})
			continue
		}
		frames = append(frames, text(pushFrame(*d)))
	}
	return s.enqueue(frames...)
}

func pushFrame(d push.Delivery) protocol.ServerFrame {
	return protocol.ServerFrame{Type: protocol.FramePush, Push: &protocol.InboxPush{
		PushID: string(d.PushID), ResourceID: d.ResourceID, Payload: string(d.Payload),
		AcceptedAt: d.AcceptedAt.UTC(), ExpiresAt: d.ExpiresAt.UTC(),
	}}
}

// enqueue queues frames for the write loop. When the queue is full the device is too slow: its session ends.
func (s *session) enqueue(frames ...frame) bool {
	s.mu.Lock()
	if s.code != 0 {
		s.mu.Unlock()
		return false
	}
	if len(s.queue) >= s.gateway.cfg.Queue || s.bytes >= s.gateway.cfg.QueueBytes {
		s.mu.Unlock()
		s.end(protocol.CloseSlow)
		return false
	}
	for _, f := range frames {
		s.queue = append(s.queue, f)
		s.bytes += len(f.data)
	}
	s.write()
	s.mu.Unlock()
	return true
}

// write starts the write loop unless it runs. mu is held.
func (s *session) write() {
	if !s.ready || s.writing || s.socket == nil {
		return
	}
	s.writing = true
	s.gateway.sessions.Add(1)
	go s.writeLoop()
}

// end ends the session with a close code. From now on the device has no session; what is queued still leaves when the
// server is stopping, else it is dropped: the device catches up by its inbox.
func (s *session) end(code int) {
	s.mu.Lock()
	if s.code != 0 {
		s.mu.Unlock()
		return
	}
	s.code = code
	if code != protocol.CloseGoingAway {
		s.queue, s.bytes = nil, 0
	}
	if s.timer != nil {
		s.timer.Stop()
	}
	s.write()
	s.mu.Unlock()
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
	conn := s.net
	s.mu.Unlock()
	if conn != nil {
		_ = conn.Conn.Close()
	}
}

// writeLoop writes what is queued, and at the end the close frame. It ends when there is nothing to write.
func (s *session) writeLoop() {
	defer s.gateway.sessions.Done()
	for {
		s.mu.Lock()
		if len(s.queue) == 0 {
			s.queue = nil // an idle session keeps no buffer
			code := s.code
			if code == 0 {
				s.writing = false
			}
			s.mu.Unlock()
			if code != 0 {
				s.net.bound(s.gateway.cfg.WriteWait)
				_ = s.socket.WriteClose(uint16(code), nil)
			}
			return
		}
		f := s.queue[0]
		s.queue[0] = frame{}
		s.queue = s.queue[1:]
		s.bytes -= len(f.data)
		s.mu.Unlock()
		if f.large != nil && !s.load(&f) {
			continue
		}
		s.net.bound(s.gateway.cfg.WriteWait)
		if err := s.socket.WriteMessage(f.opcode, f.data); err != nil {
			s.end(protocol.CloseSlow)
		}
	}
}

// load reads the payload of a large push. A push that cannot be read is left out: without an acknowledgement it comes
// again.
func (s *session) load(f *frame) bool {
	ctx, cancel := context.WithTimeoutCause(s.gateway.base, helloWait, fmt.Errorf("gateway: reading a payload took longer than %s", helloWait))
	defer cancel()
	p, _, err := s.gateway.cfg.Pushes.Push(ctx, s.key.App, f.large.PushID)
	if err != nil {
		s.gateway.cfg.Logger.Warn("a payload could not be read", "app", s.key.App, "push", f.large.PushID, "error", err)
		return false
	}
	f.large.Payload = p.Payload
	*f = text(pushFrame(*f.large))
	return true
}

// beat sets the timer for the next heartbeat, or for the end of the user's token if that is sooner. mu is held.
func (s *session) beat() {
	if s.code != 0 {
		return
	}
	wait := s.gateway.cfg.Heartbeat
	if !s.expires.IsZero() {
		wait = min(wait, s.expires.Sub(s.gateway.cfg.Now()))
	}
	s.timer = time.AfterFunc(max(wait, time.Millisecond), s.pulse)
}

// pulse is one heartbeat: it ends a session that is silent or whose token has expired, and pings the others.
func (s *session) pulse() {
	silent := time.Since(time.Unix(0, s.heard.Load()))
	switch {
	case !s.expires.IsZero() && !s.gateway.cfg.Now().Before(s.expires):
		s.end(protocol.CloseTokenExpired)
	case silent >= 2*s.gateway.cfg.Heartbeat:
		s.end(protocol.CloseIdle)
	default:
		s.enqueue(frame{opcode: gws.OpcodePing})
		s.mu.Lock()
		s.beat()
		s.mu.Unlock()
	}
}
