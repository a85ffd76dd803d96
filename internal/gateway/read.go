package gateway

import (
	"context"
	"fmt"
	"time"

	"github.com/lxzan/gws"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// slot ties a socket of the library to its session. Of the library's storage nothing else is used.
type slot struct{ session *session }

// Len is 0.
func (*slot) Len() int { return 0 }

// Load finds nothing.
func (*slot) Load(string) (any, bool) { return nil, false }

// Delete does nothing.
func (*slot) Delete(string) {}

// Store does nothing.
func (*slot) Store(string, any) {}

// Range visits nothing.
func (*slot) Range(func(string, any) bool) {}

// events takes what the library's read loop has to tell, for all sessions.
type events struct{ gws.BuiltinEventHandler }

func of(c *gws.Conn) *session { return c.Session().(*slot).session }

// OnPing answers a device's ping.
func (events) OnPing(c *gws.Conn, payload []byte) {
	s := of(c)
	s.hear()
	s.enqueue(frame{opcode: gws.OpcodePong, data: append([]byte(nil), payload...)})
}

// OnPong is a sign of life.
func (events) OnPong(c *gws.Conn, _ []byte) { of(c).hear() }

// OnMessage takes one frame of the device.
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
	// The library indexes a buffer by the length that a frame claims; one that claims a negative length makes it panic.
	// That is the device's fault, and must not be the other devices' end.
	if fault := recover(); fault != nil {
		s.gateway.cfg.Logger.Warn("a device's frame made the socket fail", "app", s.key.App, "device", s.key.Device)
	}
	s.allTaken()
	s.cut()
	s.end(protocol.CloseGoingAway) // nobody reads the code any more
}

// takeQueue is how many frames of a device wait for the store at most.
const takeQueue = 4

// incoming is what a device has sent and the store has not taken. A session has one only while its take loop runs.
type incoming struct {
	frames []*gws.Message
	room   chan struct{} // closed when there is room among frames; nil: nobody waits for it
}

// queueUp queues a frame to be taken, so that pings are read, and answered, while the store is slow. When the queue is full
// no more is read: a device that sends more than the server can take is slowed down.
func (s *session) queueUp(m *gws.Message) {
	s.hear()
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.in != nil && len(s.in.frames) >= takeQueue {
		s.waitTaken()
	}
	if s.code != 0 { // it has been told to go
		_ = m.Close()
		return
	}
	if s.in == nil {
		s.in = &incoming{}
		s.gateway.sessions.Add(1)
		go s.takeLoop()
	}
	s.in.frames = append(s.in.frames, m)
}

// allTaken waits until the frames that were read are taken: an app says that it goes to the background, and hangs up.
func (s *session) allTaken() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.in != nil {
		s.waitTaken()
	}
}

// waitTaken waits until the take loop has taken another frame, or ends. Only the read loop calls it, with mu held.
func (s *session) waitTaken() {
	taken := make(chan struct{})
	s.in.room = taken
	s.mu.Unlock()
	<-taken
	s.mu.Lock()
}

// takeLoop takes the queued frames in order. It ends when there are none: an idle session has no goroutine but its reader.
func (s *session) takeLoop() {
	defer s.gateway.sessions.Done()
	for m := s.nextFrame(); m != nil; m = s.nextFrame() {
		if !s.take(m) {
			s.dropFrames()
		}
		_ = m.Close()
	}
}

// nextFrame returns the next frame to be taken; nil: there is none, and the take loop ends.
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

// dropFrames forgets what is queued behind a frame that could not be taken: the session ends, and a receipt must not
// overtake an earlier one.
func (s *session) dropFrames() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.in.frames {
		_ = m.Close()
	}
	s.in.frames = nil
}

// take handles one frame; false: it could not, and the session ends.
func (s *session) take(m *gws.Message) bool {
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
	ctx, cancel := context.WithTimeoutCause(s.gateway.base, takeWait, fmt.Errorf("gateway: a device's frame took longer than %s", takeWait))
	defer cancel()
	if err = kinds[f.Type].take(s, ctx, f); err != nil {
		s.gateway.cfg.Logger.Warn("a device's frame could not be handled", "app", s.key.App, "device", s.key.Device, "type", f.Type, "error", err)
		s.end(protocol.CloseGoingAway) // what it wanted to tell, it tells again
	}
	return err == nil
}

// takeWait bounds what a frame needs of the store.
const takeWait = 10 * time.Second

// takeState tells of the app's state and facts.
func (s *session) takeState(ctx context.Context, f protocol.DeviceFrame) error {
	return s.gateway.cfg.Devices.ReportState(ctx, s.key, f.AppState, f.Facts)
}

// takeReceipts hands receipts on and answers with their statuses. One with a wrong value is invalid by itself.
func (s *session) takeReceipts(ctx context.Context, f protocol.DeviceFrame) error {
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
