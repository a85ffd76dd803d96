package gateway

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/lxzan/gws"

	"github.com/hushpush/hush/protocol"
)

// frame is something that waits to be written.
type frame struct {
	opcode gws.Opcode
	data   []byte
	late   func(ctx context.Context) (frame, error) // makes the frame when its turn has come; nil: it is made
}

// outgoing is what waits for a device to read. A session has one only while something waits.
type outgoing struct {
	queue []frame
	bytes int // of the queue
}

// first puts a frame before all others.
func (o *outgoing) first(f frame) {
	o.queue = append([]frame{f}, o.queue...)
	o.bytes += len(f.data)
}

func (o *outgoing) add(frames ...frame) {
	for _, f := range frames {
		o.queue = append(o.queue, f)
		o.bytes += len(f.data)
	}
}

// take returns the oldest frame; false: there is none.
func (o *outgoing) take() (frame, bool) {
	if o == nil || len(o.queue) == 0 {
		return frame{}, false
	}
	f := o.queue[0]
	o.queue[0] = frame{}
	o.queue = o.queue[1:]
	o.bytes -= len(f.data)
	return f, true
}

// text is a frame of JSON. What the server sends consists of strings, numbers and times: it always encodes.
func text(f protocol.ServerFrame) frame {
	data, err := json.Marshal(f)
	if err != nil {
		panic("gateway: a frame does not encode: " + err.Error())
	}
	return frame{opcode: gws.OpcodeText, data: data}
}

// enqueue queues frames for the write loop. When the queue is full the device is too slow: its session ends.
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

// write starts the write loop unless it runs. mu is held.
func (s *session) write() {
	if !s.ready || s.writing || s.socket == nil {
		return
	}
	s.writing = true
	s.gateway.sessions.Add(1)
	go s.writeLoop()
}

// writeLoop writes what is queued, and at the end the close frame. It ends when there is nothing to write.
func (s *session) writeLoop() {
	defer s.gateway.sessions.Done()
	for {
		s.mu.Lock()
		f, ok := s.out.take()
		if !ok {
			s.out = nil // an idle session keeps no buffer
			code := s.code
			s.writing = code != 0
			s.mu.Unlock()
			if code != 0 {
				s.net.bound(s.gateway.cfg.WriteWait)
				_ = s.socket.WriteClose(code, nil)
			}
			return
		}
		s.mu.Unlock()
		if f.late != nil && !s.load(&f) {
			continue
		}
		s.net.bound(s.gateway.cfg.WriteWait)
		if err := s.socket.WriteMessage(f.opcode, f.data); err != nil {
			s.end(protocol.CloseSlow)
		}
	}
}

// load makes a frame that was left until its turn. One that cannot be made is left out: without an acknowledgement it comes
// again.
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
