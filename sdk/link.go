package sdk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/lxzan/gws"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

const (
	helloWait = 10 * time.Second // for the server's first frame
	tellWait  = 10 * time.Second // for the answer to receipts, from a server that is heard meanwhile
	writeWait = 5 * time.Second  // for one frame to leave
	// defaultHeartbeat is taken where hello names none that makes sense.
	defaultHeartbeat = 25 * time.Second
)

// errLinkClosed is what those get who waited for an answer over a session that ended.
var errLinkClosed = errors.New("the session has ended")

// link is one open session. Its read loop is the owner of what the server says; everybody may write.
type link struct {
	gws.BuiltinEventHandler
	client *Client
	conn   *gws.Conn
	net    *lingerConn
	life   life

	hello  chan protocol.ServerFrame // capacity 1; the first frame
	closed chan struct{}             // closed when the read loop has ended
	code   int                       // the server's close code; set before closed is closed

	of owner // whose session it is; never changes

	mu      sync.Mutex
	greeted bool                                   // guarded by mu
	seq     int64                                  // guarded by mu
	waiting map[int64]chan protocol.ReceiptsAnswer // guarded by mu
}

// OnClose takes the server's close code.
func (l *link) OnClose(_ *gws.Conn, err error) {
	var closed *gws.CloseError
	if errors.As(err, &closed) {
		l.code = int(closed.Code)
	}
}

// OnPong is a sign of life.
func (l *link) OnPong(*gws.Conn, []byte) { l.life.hear() }

// OnPing answers the server's heartbeat.
func (l *link) OnPing(_ *gws.Conn, payload []byte) {
	l.life.hear()
	l.net.bound()
	_ = l.conn.WritePong(payload)
}

// frames are the frames that a server may send, a line each. Any other is passed over: a newer server may have more to say.
var frames = map[protocol.FrameType]func(*link, protocol.ServerFrame){
	protocol.FrameHello:    (*link).takeHello,
	protocol.FramePush:     (*link).takePush,
	protocol.FrameReceipts: (*link).takeAnswer,
}

// OnMessage takes one frame.
func (l *link) OnMessage(_ *gws.Conn, m *gws.Message) {
	defer m.Close()
	l.life.hear()
	var f protocol.ServerFrame
	if err := json.Unmarshal(m.Bytes(), &f); err != nil {
		l.client.log.Warn("a frame of the server was not understood", "error", err)
		return
	}
	if take := frames[f.Type]; take != nil {
		take(l, f)
	}
}

// takeHello gives the first hello to whoever opens the session.
func (l *link) takeHello(f protocol.ServerFrame) {
	l.mu.Lock()
	first := !l.greeted
	l.greeted = true
	l.mu.Unlock()
	if first {
		l.hello <- f
	}
}

// takePush queues a push and acknowledges it at once, before its handler runs. One for which there is no room is left to the
// inbox.
func (l *link) takePush(f protocol.ServerFrame) {
	if f.Push == nil {
		return
	}
	p := *f.Push
	a := arrival{message: messageOf(p, push.PathSession), of: l.of}
	if l.client.expired(p.ExpiresAt) || !l.client.queue.add(a) {
		return
	}
	err := l.send(protocol.DeviceFrame{Type: protocol.FrameReceipts, Seq: l.next(nil), Receipts: []protocol.Receipt{{
		PushID: p.PushID, Event: push.ReceiptReceived, Path: push.PathSession, At: l.client.stamp(),
	}}})
	if err != nil {
		l.client.log.Debug("a push could not be acknowledged", "push", p.PushID, "error", err)
	}
}

// takeAnswer gives the answer to receipts to whoever waits for it.
func (l *link) takeAnswer(f protocol.ServerFrame) {
	l.mu.Lock()
	answer := l.waiting[f.Seq]
	delete(l.waiting, f.Seq)
	l.mu.Unlock()
	if answer != nil {
		answer <- protocol.ReceiptsAnswer{Open: f.Open, Receipts: f.Receipts}
	}
}

// next is a new sequence number, with who waits for its answer; nil: nobody.
func (l *link) next(answer chan protocol.ReceiptsAnswer) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seq++
	if answer != nil {
		l.waiting[l.seq] = answer
	}
	return l.seq
}

// tell sends receipts and waits for the answer. A server that stays silent ends the session, and so the wait.
func (l *link) tell(ctx context.Context, batch []protocol.Receipt) (protocol.ReceiptsAnswer, error) {
	answer := make(chan protocol.ReceiptsAnswer, 1)
	seq := l.next(answer)
	defer func() {
		l.mu.Lock()
		delete(l.waiting, seq)
		l.mu.Unlock()
	}()
	l.life.ask()
	if err := l.send(protocol.DeviceFrame{Type: protocol.FrameReceipts, Seq: seq, Receipts: batch}); err != nil {
		return protocol.ReceiptsAnswer{}, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, tellWait, fmt.Errorf("no answer over the session within %s", tellWait))
	defer cancel()
	select {
	case a := <-answer:
		return a, nil
	case <-l.closed:
		return protocol.ReceiptsAnswer{}, errLinkClosed
	case <-ctx.Done():
		return protocol.ReceiptsAnswer{}, context.Cause(ctx)
	}
}

// send writes one frame. A nil error says that the system took it, not that the server did.
func (l *link) send(f protocol.DeviceFrame) error {
	b, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("a frame: %w", err)
	}
	if len(b) > protocol.MaxFrameBytes {
		return fmt.Errorf("a frame of %d bytes; a session takes at most %d", len(b), protocol.MaxFrameBytes)
	}
	l.net.bound()
	return l.conn.WriteMessage(gws.OpcodeText, b)
}

// ping asks the server for a sign of life.
func (l *link) ping() {
	l.net.bound()
	_ = l.conn.WritePing(nil)
}

// leave says that the app is in the background and closes the session from our side.
func (l *link) leave(background bool) {
	if background {
		_ = l.send(protocol.DeviceFrame{Type: protocol.FrameState, AppState: push.AppState(Background)})
	}
	l.net.bound()
	_ = l.conn.WriteClose(1000, nil)
}
