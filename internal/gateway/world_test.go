package gateway_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lxzan/gws"
	"go.uber.org/goleak"

	"github.com/hushpush/hush/internal/gateway"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world has the other rooms, in memory, and a gateway behind a real HTTP server. A device's credential is its id, and a user
// token is the user's name; "late" is an expired token.
type world struct {
	t       *testing.T
	gateway *gateway.Gateway
	server  *httptest.Server

	mu       sync.Mutex
	devices  map[string]push.Device // guarded by mu
	open     int                    // guarded by mu; what OpenCount says
	expires  time.Time              // guarded by mu; of user tokens
	receipts []push.Receipt         // guarded by mu
	states   []push.AppState        // guarded by mu
	events   []string               // guarded by mu; of Notify
	failing  bool                   // guarded by mu; the store does not answer
	stall    chan struct{}          // guarded by mu; Receive waits for it; nil: it does not
}

func newWorld(t *testing.T, change ...func(*gateway.Config)) *world {
	t.Helper()
	w := &world{t: t, devices: map[string]push.Device{}, expires: time.Now().Add(time.Hour)}
	for _, id := range []string{"d1", "d2"} {
		w.devices[id] = push.Device{App: "notes", ID: id, User: "alice", Platform: push.IOS, OwnerGeneration: 3}
	}
	cfg := gateway.Config{Auth: w, Receiver: w, Notify: w, Devices: w, Pushes: w}
	for _, c := range change {
		c(&cfg)
	}
	var err error
	if w.gateway, err = gateway.New(cfg); err != nil {
		t.Fatal(err)
	}
	w.server = httptest.NewServer(w.gateway)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := w.gateway.Close(ctx); err != nil {
			t.Errorf("Close: %v", err)
		}
		w.server.Close()
	})
	return w
}

func (w *world) UserToken(_ context.Context, token string) (push.UserClaims, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch token {
	case "late":
		return push.UserClaims{}, push.ErrTokenExpired
	case "forged":
		return push.UserClaims{}, push.ErrUnauthenticated
	case "brief":
		return push.UserClaims{Apps: []string{"notes"}, User: "alice", ExpiresAt: time.Now().Add(time.Second)}, nil
	case "other-app":
		return push.UserClaims{Apps: []string{"mail"}, User: "alice", ExpiresAt: w.expires}, nil
	}
	return push.UserClaims{Apps: []string{"notes"}, User: token, ExpiresAt: w.expires}, nil
}

func (w *world) Hold(push.Ground, func(error)) func() { return func() {} }

func (w *world) DeviceByCredential(_ context.Context, credential string) (push.Device, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failing {
		return push.Device{}, errors.New("the disk is gone")
	}
	d, ok := w.devices[credential]
	if !ok {
		return push.Device{}, push.ErrRegisterAgain
	}
	return d, nil
}

func (w *world) Receive(_ context.Context, _ push.DeviceKey, generation int, receipts []push.Receipt) ([]push.ReceiptStatus, int, error) {
	w.mu.Lock()
	stall := w.stall
	w.mu.Unlock()
	if stall != nil {
		<-stall
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if generation != 3 {
		w.t.Errorf("receipts come with owner generation %d, want 3", generation)
	}
	statuses := make([]push.ReceiptStatus, len(receipts))
	for i, r := range receipts {
		statuses[i] = push.ReceiptAccepted
		if r.PushID == "gone" {
			statuses[i] = push.ReceiptGone
		}
	}
	w.receipts = append(w.receipts, receipts...)
	return statuses, w.open, nil
}

// stalled makes Receive wait until release is called.
func (w *world) stalled() (release func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	stall := make(chan struct{})
	w.stall = stall
	return sync.OnceFunc(func() { close(stall) })
}

func (w *world) record(event string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, event)
}

func (w *world) SessionOpened(key push.DeviceKey) { w.record("opened " + key.Device) }
func (w *world) SessionClosed(key push.DeviceKey) { w.record("closed " + key.Device) }

func (w *world) OpenCount(context.Context, push.DeviceKey) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.open, nil
}

func (w *world) ReportState(_ context.Context, _ push.DeviceKey, state push.AppState, _ map[string]any) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.states = append(w.states, state)
	return nil
}

func (w *world) Push(_ context.Context, app string, id push.ID) (push.Push, push.Standing, error) {
	return push.Push{ID: id, App: app, Payload: []byte("stored " + id)}, push.Standing{}, nil
}

// phone is the other end of a session.
type phone struct {
	gws.BuiltinEventHandler
	t      *testing.T
	conn   *gws.Conn
	frames chan protocol.ServerFrame
	pings  chan struct{}
	pongs  chan string
	mute   bool          // pings are not answered
	code   chan int      // the close code; 0 if the connection was lost
	gone   chan struct{} // closed at the end of the test
}

func (p *phone) OnClose(_ *gws.Conn, err error) {
	var closed *gws.CloseError
	if errors.As(err, &closed) {
		p.code <- int(closed.Code)
		return
	}
	p.code <- 0
}

func (p *phone) OnPing(c *gws.Conn, payload []byte) {
	if !p.mute {
		_ = c.WritePong(payload)
	}
	select {
	case p.pings <- struct{}{}:
	default:
	}
}

func (p *phone) OnPong(_ *gws.Conn, payload []byte) { p.pongs <- string(payload) }

func (p *phone) OnMessage(_ *gws.Conn, m *gws.Message) {
	defer m.Close()
	var f protocol.ServerFrame
	if err := json.Unmarshal(m.Bytes(), &f); err != nil {
		p.t.Errorf("a frame of the server is no JSON: %v: %s", err, m.Bytes())
	}
	select {
	case p.frames <- f:
	case <-p.gone:
	}
}

// connect opens a session; its hello is still to be read.
func (w *world) connect(device, token string, change ...func(*phone, *gws.ClientOption)) *phone {
	w.t.Helper()
	p := &phone{t: w.t, frames: make(chan protocol.ServerFrame, 1_000), pings: make(chan struct{}, 100), pongs: make(chan string, 100), code: make(chan int, 1), gone: make(chan struct{})}
	option := w.option(device, token)
	for _, c := range change {
		c(p, option)
	}
	conn, _, err := gws.NewClient(p, option)
	if err != nil {
		w.t.Fatal(err)
	}
	p.conn = conn
	done := make(chan struct{})
	go func() { defer close(done); conn.ReadLoop() }()
	w.t.Cleanup(func() { close(p.gone); _ = conn.NetConn().Close(); <-done })
	return p
}

// option is how a device connects.
func (w *world) option(device, token string) *gws.ClientOption {
	return &gws.ClientOption{
		Addr: "ws" + strings.TrimPrefix(w.server.URL, "http") + "/v1/connect",
		RequestHeader: http.Header{
			"Authorization": {"Bearer " + token}, protocol.HeaderDevice: {device},
			"Sec-Websocket-Protocol": {protocol.Subprotocol},
		},
		HandshakeTimeout: 30 * time.Second,
	}
}

// connectOnce tries to connect a device, and breaks the connection off.
func (w *world) connectOnce(device, token string) {
	if conn, _, err := gws.NewClient(&gws.BuiltinEventHandler{}, w.option(device, token)); err == nil {
		_ = conn.NetConn().Close()
	}
}

// frame reads the next frame.
func (p *phone) frame(want protocol.FrameType) protocol.ServerFrame {
	p.t.Helper()
	select {
	case f := <-p.frames:
		if f.Type != want {
			p.t.Fatalf("got frame %+v, want type %s", f, want)
		}
		return f
	case <-time.After(30 * time.Second):
		p.t.Fatalf("no frame for 30s, want type %s", want)
		return protocol.ServerFrame{}
	}
}

func (p *phone) send(frame string) {
	p.t.Helper()
	if err := p.conn.WriteString(frame); err != nil {
		p.t.Fatal(err)
	}
}

// read discards everything that comes from now on.
func (p *phone) read() {
	go func() {
		for {
			select {
			case <-p.frames:
			case <-p.gone:
				return
			}
		}
	}()
}

// closed waits for the close code and returns it.
func (p *phone) closed(want int) {
	p.t.Helper()
	select {
	case code := <-p.code:
		if code != want {
			p.t.Errorf("closed with %d, want %d", code, want)
		}
	case <-time.After(30 * time.Second):
		p.t.Errorf("not closed for 30s, want code %d", want)
	}
}

func (w *world) wait(what string, ok func() bool) {
	w.t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		w.mu.Lock()
		is := ok()
		w.mu.Unlock()
		if is {
			return
		}
	}
	w.t.Fatalf("waited 30s for %s", what)
}

func key(device string) push.DeviceKey { return push.DeviceKey{App: "notes", Device: device} }

// session waits for a device's session.
func (w *world) session(device string) string {
	w.t.Helper()
	var id string
	w.wait("a session", func() (ok bool) { id, _, ok = w.gateway.Session(key(device)); return ok })
	return id
}
