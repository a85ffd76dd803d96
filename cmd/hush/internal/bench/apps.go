package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"syscall"
	"time"

	"github.com/lxzan/gws"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// setupWorkers is how many requests at a time register devices and open sessions.
const setupWorkers = 64

// userTokenFor is how long users' tokens are good: longer than any benchmark takes.
const userTokenFor = 24 * time.Hour

const handshakeWait = 30 * time.Second

// apps are apps in the foreground, each on a device of its own: what they have open, and nothing of what the SDK does besides.
type apps struct {
	rig    *rig
	all    []*app
	opened *latencies                        // from the connection to hello
	onPush func(pushID string, at time.Time) // nil: nobody wants to know
	work   sync.WaitGroup                    // their read loops
}

// app is one of them.
type app struct {
	gws.BuiltinEventHandler
	of                *apps
	device            int
	token, credential push.Secret
	conn              *gws.Conn     // nil until it is open
	hello             chan struct{} // closed with the first frame
	seq               int64         // owned by the read loop
	lost              chan error    // holds one: why the session ended
}

// newApps registers devices without a token, of a user each.
func newApps(ctx context.Context, r *rig, devices int) (*apps, error) {
	r.options.progress("registering %d devices", devices)
	a := &apps{rig: r, all: make([]*app, devices), opened: newLatencies()}
	l := load{workers: setupWorkers, most: devices}
	_, err := l.run(ctx, func(ctx context.Context, i int, _ time.Time) (err error) {
		a.all[i], err = a.register(ctx, i)
		return err
	})
	return a, err
}

func (a *apps) register(ctx context.Context, device int) (*app, error) {
	token, err := a.rig.hush.UserToken(ctx, appName, title(device), userTokenFor)
	if err != nil {
		return nil, fmt.Errorf("bench: a user's token: %w", err)
	}
	answer, err := a.rig.hush.RegisterDevice(ctx, push.Secret(token.Token), "", protocol.DeviceRequest{
		DeviceID: title(device), Platform: push.IOS, BundleID: bundleID, Environment: push.Production, AppState: push.AppForeground,
	})
	if err != nil {
		return nil, fmt.Errorf("bench: registering a device: %w", err)
	}
	return &app{
		of: a, device: device, token: push.Secret(token.Token), credential: push.Secret(answer.Credential),
		hello: make(chan struct{}), lost: make(chan error, 1),
	}, nil
}

// open opens the sessions of some apps, and returns once the server has greeted each.
func (a *apps) open(ctx context.Context, some []*app) error {
	l := load{workers: setupWorkers, most: len(some)}
	_, err := l.run(ctx, func(ctx context.Context, i int, began time.Time) error {
		defer func() { a.opened.record(time.Since(began)) }()
		return some[i].open(ctx)
	})
	return err
}

// close ends all sessions.
func (a *apps) close() {
	for _, app := range a.all {
		if app.conn != nil {
			_ = app.conn.NetConn().Close()
		}
	}
	a.work.Wait()
}

func (a *app) open(ctx context.Context) error {
	conn, resp, err := gws.NewClient(a, &gws.ClientOption{
		Addr: "ws://" + a.of.rig.server.addr + "/v1/connect",
		RequestHeader: http.Header{
			"Authorization": {"Bearer " + a.token.Reveal()}, protocol.HeaderDevice: {a.credential.Reveal()},
			"Sec-Websocket-Protocol": {protocol.Subprotocol},
		},
		HandshakeTimeout: handshakeWait, ReadBufferSize: 1 << 10, WriteBufferSize: 1 << 10, ParallelGolimit: 1,
	})
	if err != nil {
		return a.refused(resp, err)
	}
	a.conn = conn
	a.of.work.Go(conn.ReadLoop)
	select {
	case <-a.hello:
		return nil
	case err := <-a.lost:
		return fmt.Errorf("bench: a session ended before its hello: %w", err)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (a *app) refused(resp *http.Response, err error) error {
	if resp != nil && resp.StatusCode != http.StatusSwitchingProtocols {
		return fmt.Errorf("bench: opening session %d: the server answered %s", a.device, resp.Status)
	}
	if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
		return fmt.Errorf("bench: opening session %d: %w: fewer --devices, or a higher ulimit -n", a.device, err)
	}
	return fmt.Errorf("bench: opening session %d: %w", a.device, err)
}

// OnClose keeps why.
func (a *app) OnClose(_ *gws.Conn, err error) {
	a.lost <- errors.Join(errors.New("the session is closed"), err)
}

// OnPing answers the server's heartbeat.
func (a *app) OnPing(c *gws.Conn, payload []byte) { _ = c.WritePong(payload) }

// OnMessage notes when a push came, and says that it was handled.
func (a *app) OnMessage(_ *gws.Conn, m *gws.Message) {
	at := time.Now()
	defer m.Close()
	var f protocol.ServerFrame
	if json.Unmarshal(m.Bytes(), &f) != nil {
		return // what does not come counts as missing
	}
	switch {
	case f.Type == protocol.FrameHello:
		close(a.hello)
	case f.Type == protocol.FramePush && f.Push != nil:
		if a.of.onPush != nil {
			a.of.onPush(f.Push.PushID, at)
		}
		a.handled(f.Push.PushID)
	}
}

func (a *app) handled(pushID string) {
	a.seq++
	frame, err := json.Marshal(protocol.DeviceFrame{Type: protocol.FrameReceipts, Seq: a.seq, Receipts: []protocol.Receipt{{
		PushID: pushID, Event: push.ReceiptHandled, Result: push.NewData, Path: push.PathSession,
	}}})
	if err == nil {
		_ = a.conn.WriteMessage(gws.OpcodeText, frame) // a lost session is seen by its read loop
	}
}
