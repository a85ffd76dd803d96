package sdk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/lxzan/gws"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

const (
	helloWait  = 10 * time.Second // for the server's first frame
	reportWait = 10 * time.Second // for the answer to receipts, from a server that is heard meanwhile
	writeWait  = 5 * time.Second  // for one frame to leave
	// defaultHeartbeat is taken where hello names none that makes sense.
	defaultHeartbeat = 25 * time.Second
)

// errSessionEnded is returned to a caller that waited for an answer over a session that ended.
var errSessionEnded = errors.New("the session has ended")

// session is one open session. Its read loop, a goroutine that dial starts, calls the On methods; everybody may write.
type session struct {
	gws.BuiltinEventHandler
	log      *slog.Logger
	clock    *clock
	queue    *queue       // where pushes go
	of       owner        // whose session it is; never changes
	liveness *liveness    // has a lock of its own
	conn     *gws.Conn    // set by dial, before the read loop begins
	net      *sessionConn // set by dial, as conn

	hello  chan protocol.ServerFrame // capacity 1; the first frame
	closed chan struct{}             // closed when the read loop has ended
	code   int                       // the server's close code; set before closed is closed

	mu      sync.Mutex
	greeted bool                                   // guarded by mu; hello has come
	seq     int64                                  // guarded by mu; of the last frame with receipts
	waiting map[int64]chan protocol.ReceiptsAnswer // guarded by mu; who waits for which answer
}

// newSession returns a session that is still to be dialled.
func newSession(log *slog.Logger, clock *clock, q *queue, of owner) *session {
	return &session{
		log: log, clock: clock, queue: q, of: of, liveness: newLiveness(),
		hello: make(chan protocol.ServerFrame, 1), closed: make(chan struct{}),
		waiting: map[int64]chan protocol.ReceiptsAnswer{},
	}
}

// OnClose records the server's close code.
func (s *session) OnClose(_ *gws.Conn, err error) {
	var closed *gws.CloseError
	if errors.As(err, &closed) {
		s.code = int(closed.Code)
	}
}

// OnPong is a sign of life.
func (s *session) OnPong(*gws.Conn, []byte) { s.liveness.sign() }

// OnPing answers the server's heartbeat.
func (s *session) OnPing(_ *gws.Conn, payload []byte) {
	s.liveness.sign()
	s.net.BoundWrite(writeWait)
	_ = s.conn.WritePong(payload)
}

// frames are the frames that a server may send, a line each. Any other is ignored: a newer server may send more.
var frames = map[protocol.FrameType]func(*session, protocol.ServerFrame){
	protocol.FrameHello:    (*session).onHello,
	protocol.FramePush:     (*session).onPush,
	protocol.FrameReceipts: (*session).onReceipts,
}

// OnMessage handles one frame.
func (s *session) OnMessage(_ *gws.Conn, m *gws.Message) {
	defer m.Close()
	s.liveness.sign()
	var f protocol.ServerFrame
	if err := json.Unmarshal(m.Bytes(), &f); err != nil {
		s.log.Warn("a frame from the server was not understood", "error", err)
		return
	}
	if handle := frames[f.Type]; handle != nil {
		handle(s, f)
	}
}

// onHello gives the first hello to the goroutine that opens the session.
func (s *session) onHello(f protocol.ServerFrame) {
	s.mu.Lock()
	first := !s.greeted
	s.greeted = true
	s.mu.Unlock()
	if first {
		s.hello <- f
	}
}

// onPush queues a push and acknowledges it at once, before its handler runs. One for which there is no room is left to the
// inbox.
func (s *session) onPush(f protocol.ServerFrame) {
	if f.Push == nil {
		return
	}
	p := *f.Push
	a := arrival{message: messageOf(p, push.PathSession), of: s.of}
	if s.clock.expired(p.ExpiresAt) || !s.queue.add(a) {
		return
	}
	err := s.send(protocol.DeviceFrame{Type: protocol.FrameReceipts, Seq: s.nextSeq(nil), Receipts: []protocol.Receipt{{
		PushID: p.PushID, Event: push.ReceiptReceived, Path: push.PathSession, At: s.clock.stamp(),
	}}})
	if err != nil {
		s.log.Debug("a push could not be acknowledged", "push", p.PushID, "error", err)
	}
}

// onReceipts gives the answer to receipts to the goroutine that waits for it.
func (s *session) onReceipts(f protocol.ServerFrame) {
	s.mu.Lock()
	answer := s.waiting[f.Seq]
	delete(s.waiting, f.Seq)
	s.mu.Unlock()
	if answer != nil {
		answer <- protocol.ReceiptsAnswer{Open: f.Open, Receipts: f.Receipts}
	}
}

// nextSeq returns a new sequence number, whose answer goes to the channel; nil: nobody waits for it.
func (s *session) nextSeq(answer chan protocol.ReceiptsAnswer) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seq++
	if answer != nil {
		s.waiting[s.seq] = answer
	}
	return s.seq
}

// report sends receipts and waits for the answer. A server that stays silent ends the session, and so the wait.
func (s *session) report(ctx context.Context, batch []protocol.Receipt) (protocol.ReceiptsAnswer, error) {
	answer := make(chan protocol.ReceiptsAnswer, 1)
	seq := s.nextSeq(answer)
	defer func() {
		s.mu.Lock()
		delete(s.waiting, seq)
		s.mu.Unlock()
	}()
	s.liveness.doubt()
	if err := s.send(protocol.DeviceFrame{Type: protocol.FrameReceipts, Seq: seq, Receipts: batch}); err != nil {
		return protocol.ReceiptsAnswer{}, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, reportWait, fmt.Errorf("no answer over the session within %s", reportWait))
	defer cancel()
	select {
	case a := <-answer:
		return a, nil
	case <-s.closed:
		return protocol.ReceiptsAnswer{}, errSessionEnded
	case <-ctx.Done():
		return protocol.ReceiptsAnswer{}, context.Cause(ctx)
	}
}

// send writes one frame. A nil error means that the system took it, not that the server got it.
func (s *session) send(f protocol.DeviceFrame) error {
	b, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("a frame: %w", err)
	}
	if len(b) > protocol.MaxFrameBytes {
		return fmt.Errorf("a frame of %d bytes; a session takes at most %d", len(b), protocol.MaxFrameBytes)
	}
	s.net.BoundWrite(writeWait)
	return s.conn.WriteMessage(gws.OpcodeText, b)
}

// ping asks the server for a sign of life.
func (s *session) ping() {
	s.net.BoundWrite(writeWait)
	_ = s.conn.WritePing(nil)
}

// leave closes the session from our side. If the app is in the background it says so first.
func (s *session) leave(background bool) {
	if background {
		_ = s.send(protocol.DeviceFrame{Type: protocol.FrameState, AppState: push.AppState(Background)})
	}
	s.net.BoundWrite(writeWait)
	_ = s.conn.WriteClose(1000, nil)
}

// abort closes the connection of a session that is dead, without waiting for the server.
func (s *session) abort() { _ = s.net.Conn.Conn.Close() }
