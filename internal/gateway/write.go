package gateway

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/lxzan/gws"

	"github.com/hushpush/hush/protocol"
)

// frame is a WebSocket frame that waits to be written.
type frame struct {
	opcode gws.Opcode
	data   []byte
	late   func(ctx context.Context) (frame, error) // makes the frame when its turn comes; nil: the frame is already made
}

// outgoing has the frames that wait until a device reads. A session has one only while frames wait.
type outgoing struct {
	queue []frame
	bytes int // of the queue
}

// prepend puts a frame before all others.
func (o *outgoing) prepend(f frame) {
	o.queue = append([]frame{f}, o.queue...)
	o.bytes += len(f.data)
}

func (o *outgoing) add(frames ...frame) {
	for _, f := range frames {
		o.queue = append(o.queue, f)
		o.bytes += len(f.data)
	}
}

// pop removes and returns the oldest frame, or returns false if there is none.
func (o *outgoing) pop() (frame, bool) {
	if o == nil || len(o.queue) == 0 {
		return frame{}, false
	}
	f := o.queue[0]
	o.queue[0] = frame{}
	o.queue = o.queue[1:]
	o.bytes -= len(f.data)
	return f, true
}

// text returns a frame of JSON. A server's frame has only strings, numbers and times, so it always encodes.
func text(f protocol.ServerFrame) frame {
	data, err := json.Marshal(f)
	if err != nil {
		panic("gateway: a frame does not encode: " + err.Error())
	}
	return frame{opcode: gws.OpcodeText, data: data}
}

// enqueue queues frames for the write loop, and returns false if the session has ended. If the queue is full, the device is
// too slow and its session ends.
func (s *session) enqueue(frames ...frame) bool {
	s.mu.Lock()
	if s.code != 0 {
		s.mu.Unlock()
		return false
	}
	if s.out == nil {
		s.out = &outgoing{}
	}
	if len(s.out.queue) >= s.gateway.cfg.Queue || s.out.bytes >= s.gateway.cfg.QueueBytes {
		s.mu.Unlock()
		s.end(protocol.CloseSlow)
		return false
	}
	s.out.add(frames...)
	s.write()
	s.mu.Unlock()
	return true
}

// write starts the write loop unless it is running. mu is held.
func (s *session) write() {
	if !s.ready || s.writing || s.socket == nil {
		return
	}
	s.writing = true
	s.gateway.sessions.Add(1)
	go s.writeLoop()
}

// writeLoop writes the queued frames, and the close frame if the session is ending. It ends when there is nothing to write.
func (s *session) writeLoop() {
	defer s.gateway.sessions.Done()
	for {
		s.mu.Lock()
		f, ok := s.out.pop()
		if !ok {
			s.out = nil // an idle session keeps no buffer
			code := s.code
			s.writing = code != 0
			s.mu.Unlock()
			if code != 0 {
				s.net.BoundWrite(s.gateway.cfg.WriteWait)
				_ = s.socket.WriteClose(code, nil)
			}
			return
		}
		s.mu.Unlock()
		if f.late != nil && !s.load(&f) {
			continue
		}
		s.net.BoundWrite(s.gateway.cfg.WriteWait)
		if err := s.socket.WriteMessage(f.opcode, f.data); err != nil {
			s.end(protocol.CloseSlow)
		}
	}
}

// load makes a frame whose making was put off until its turn. It returns false if the frame cannot be made; the push is not
// acknowledged then, and is sent again.
func (s *session) load(f *frame) bool {
	ctx, cancel := context.WithTimeoutCause(s.gateway.base, helloWait, fmt.Errorf("gateway: reading a payload took longer than %s", helloWait))
	defer cancel()
	made, err := f.late(ctx)
	if err != nil {
		s.gateway.cfg.Logger.Warn("a payload could not be read", "app", s.key.App, "device", s.key.Device, "error", err)
		return false
	}
	*f = made
	return true
}
