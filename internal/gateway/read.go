package gateway

import (
	"context"
	"fmt"
	"time"

	"github.com/lxzan/gws"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// slot ties a socket of the library to its session. The gateway uses the library's storage for nothing else.
type slot struct{ session *session }

// Len returns 0.
func (*slot) Len() int { return 0 }

// Load finds nothing.
func (*slot) Load(string) (any, bool) { return nil, false }

// Delete does nothing.
func (*slot) Delete(string) {}

// Store does nothing.
func (*slot) Store(string, any) {}

// Range visits nothing.
func (*slot) Range(func(string, any) bool) {}

// events receives the events of the library's read loop, for all sessions.
type events struct{ gws.BuiltinEventHandler }

func of(c *gws.Conn) *session { return c.Session().(*slot).session }

// OnPing answers a device's ping.
func (events) OnPing(c *gws.Conn, payload []byte) {
	s := of(c)
	s.hear()
	s.enqueue(frame{opcode: gws.OpcodePong, data: append([]byte(nil), payload...)})
}

// OnPong records a sign of life.
func (events) OnPong(c *gws.Conn, _ []byte) { of(c).hear() }

// OnMessage queues one frame of the device.
func (events) OnMessage(c *gws.Conn, m *gws.Message) { of(c).queueUp(m) }

// read runs the library's read loop to its end.
func (s *session) read() {
	defer s.hungUp()
	s.socket.ReadLoop()
}

// hungUp ends a session whose read loop has ended.
func (s *session) hungUp() {
	defer s.gateway.sessions.Done()
	defer s.gateway.gone(s)
	// The library indexes a buffer by the length that a frame claims; a negative length makes it panic. That is the device's
	// fault, and must not end the other devices' sessions.
	if fault := recover(); fault != nil {
		s.gateway.cfg.Logger.Warn("a device's frame made the socket fail", "app", s.key.App, "device", s.key.Device)
	}
	s.waitAllHandled()
	s.cut()
	s.end(protocol.CloseGoingAway) // nobody reads the code any more
}

// maxIncoming bounds how many frames of a device wait for the store.
const maxIncoming = 4

// incoming has the frames that a device has sent and the handle loop has not handled. A session has one only while its handle
// loop runs.
type incoming struct {
	frames []*gws.Message
	room   chan struct{} // closed when there is room among frames; nil: nobody waits for it
}

// queueUp queues a frame to be handled, so that pings are read, and answered, while the store is slow. When the queue is
// full, it waits and nothing more is read: a device that sends more than the server can handle is slowed down.
func (s *session) queueUp(m *gws.Message) {
	s.hear()
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.in != nil && len(s.in.frames) >= maxIncoming {
		s.waitHandled()
	}
	if s.code != 0 { // the session is ending
		_ = m.Close()
		return
	}
	if s.in == nil {
		s.in = &incoming{}
		s.gateway.sessions.Add(1)
		go s.handleLoop()
	}
	s.in.frames = append(s.in.frames, m)
}

// waitAllHandled waits until the frames that were read are handled: an app may say that it goes to the background, and then
// hang up.
func (s *session) waitAllHandled() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.in != nil {
		s.waitHandled()
	}
}

// waitHandled waits until the handle loop takes another frame from the queue, or ends. Only the read loop calls it, with mu
// held.
func (s *session) waitHandled() {
	handled := make(chan struct{})
	s.in.room = handled
	s.mu.Unlock()
	<-handled
	s.mu.Lock()
}

// handleLoop handles the queued frames in order. It ends when there are none, so that an idle session has no goroutine but
// its reader.
func (s *session) handleLoop() {
	defer s.gateway.sessions.Done()
	for m := s.nextFrame(); m != nil; m = s.nextFrame() {
		if !s.handle(m) {
			s.dropFrames()
		}
		_ = m.Close()
	}
}

// nextFrame returns the next frame to be handled, or nil if there is none and the handle loop ends.
func (s *session) nextFrame() *gws.Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.in.room != nil {
		close(s.in.room)
		s.in.room = nil
	}
	if len(s.in.frames) == 0 {
		s.in = nil
		return nil
	}
	m := s.in.frames[0]
	s.in.frames = s.in.frames[1:]
	return m
}

// dropFrames drops the frames that are queued behind one that could not be handled: the session ends, and a receipt must not
// overtake an earlier one.
func (s *session) dropFrames() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.in.frames {
		_ = m.Close()
	}
	s.in.frames = nil
}

// handle handles one frame. It returns false if it could not, and then ends the session.
func (s *session) handle(m *gws.Message) bool {
	var f protocol.DeviceFrame
	err := fmt.Errorf("the frame is binary; want text")
	if m.Opcode == gws.OpcodeText {
		f, err = parseFrame(m.Bytes())
	}
	if err != nil {
		s.gateway.cfg.Logger.Info("a session ends: a frame was not understood", "app", s.key.App, "device", s.key.Device, "error", err)
		s.end(protocol.CloseBadFrame)
		return false
	}
	ctx, cancel := context.WithTimeoutCause(s.gateway.base, handleWait, fmt.Errorf("gateway: a device's frame took longer than %s", handleWait))
	defer cancel()
	if err = kinds[f.Type].handle(s, ctx, f); err != nil {
		s.gateway.cfg.Logger.Warn("a device's frame could not be handled", "app", s.key.App, "device", s.key.Device, "type", f.Type, "error", err)
		s.end(protocol.CloseGoingAway) // the device reconnects and sends the frame again
	}
	return err == nil
}

// handleWait bounds the store's work for one frame.
const handleWait = 10 * time.Second

// handleState stores the app's state and facts.
func (s *session) handleState(ctx context.Context, f protocol.DeviceFrame) error {
	return s.gateway.cfg.Devices.ReportState(ctx, s.key, f.AppState, f.Facts)
}

// handleReceipts passes receipts on and answers with their statuses. A receipt with a wrong value is invalid, and does not
// affect the others.
func (s *session) handleReceipts(ctx context.Context, f protocol.DeviceFrame) error {
	answers := make([]protocol.ReceiptAnswer, len(f.Receipts))
	good := make([]push.Receipt, 0, len(f.Receipts))
	at := make([]int, 0, len(f.Receipts))
	for i, r := range f.Receipts {
		answers[i] = protocol.ReceiptAnswer{PushID: r.PushID, Status: push.ReceiptInvalid}
		if parsed, ok := r.Parse(); ok {
			good, at = append(good, parsed), append(at, i)
		}
	}
	statuses, open, err := s.gateway.cfg.Receiver.Receive(ctx, s.key, s.generation, good)
	if err != nil {
		return err
	}
	for i, status := range statuses {
		answers[at[i]].Status = status
	}
	s.enqueue(text(protocol.ServerFrame{Type: protocol.FrameReceipts, Seq: f.Seq, Open: open, Receipts: answers}))
	return nil
}
