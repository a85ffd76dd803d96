package gateway_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lxzan/gws"

	"github.com/hushpush/hush/internal/gateway"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

func item(id, payload string) push.PushItem {
	return push.PushItem{ID: push.ID(id), ResourceID: "both", Payload: []byte(payload), PayloadBytes: len(payload), Generation: 3}
}

func TestHelloThenPushThenReceipts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.open = 2
	p := w.connect("d1", "alice")
	hello := p.frame(protocol.FrameHello)
	at, err := time.Parse(time.RFC3339Nano, hello.ServerTime)
	if hello.Open != 2 || hello.Heartbeat != "25s" || hello.OwnerGeneration != 3 || hello.Session == "" || err != nil || time.Since(at) > time.Minute {
		t.Errorf("hello %+v, want open 2, heartbeat 25s, generation 3, a session and the time", hello)
	}
	id := w.session("d1")
	if id != hello.Session {
		t.Errorf("Session says %q, hello %q", id, hello.Session)
	}
	if !w.gateway.Send(key("d1"), id, []push.Item{item("p1", "\x00é"), item("p2", "")}) {
		t.Fatal("Send: false")
	}
	for i, want := range []string{"\x00é", ""} {
		if f := p.frame(protocol.FramePush); f.Push == nil || f.Push.Payload != want || f.Push.PushID != fmt.Sprint("p", i+1) {
			t.Errorf("push %+v, want payload %q", f.Push, want)
		}
	}
	p.send(`{"type":"receipts","seq":7,"receipts":[{"push_id":"p1","event":"received","path":"session"},
		{"push_id":"gone","event":"handled","result":"new_data","path":"session","at":"2026-01-02T15:04:05.678Z","took":"120ms"},
		{"push_id":"p2","event":"handled","result":"splendid","path":"session"}]}`)
	answer := p.frame(protocol.FrameReceipts)
	var statuses []push.ReceiptStatus
	for _, r := range answer.Receipts {
		statuses = append(statuses, r.Status)
	}
	if want := []push.ReceiptStatus{push.ReceiptAccepted, push.ReceiptGone, push.ReceiptInvalid}; answer.Seq != 7 || answer.Open != 2 || !slices.Equal(statuses, want) {
		t.Errorf("answer %+v, want seq 7, open 2, statuses %v", answer, want)
	}
	if len(w.receipts) != 2 || w.receipts[1].Took != 120*time.Millisecond {
		t.Errorf("handed on: %+v, want the two good receipts", w.receipts)
	}
	p.send(`{"type":"state","app_state":"background","facts":{"low_power":true}}`)
	w.wait("the state", func() bool { return slices.Equal(w.states, []push.AppState{push.AppBackground}) })
}

func TestRefusalsAreProblemsBeforeTheUpgrade(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	upgrade := http.Header{"Connection": {"keep-alive, Upgrade"}, "Upgrade": {"WebSocket"}, "Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}}
	for _, c := range []struct {
		name, token, device string
		change              func(*http.Request)
		status              int
		code                string
	}{
		{"nothing", "", "", nil, 401, "unauthenticated"},
		{"no credential", "alice", "", nil, 401, "unauthenticated"},
		{"no user token", "", "d1", nil, 401, "unauthenticated"},
		{"a forged token", "forged", "d1", nil, 401, "unauthenticated"},
		{"an expired token", "late", "d1", nil, 401, "token_expired"},
		{"an unknown credential", "alice", "d9", nil, 401, "register_again"},
		{"another user's token", "bob", "d1", nil, 403, "forbidden"},
		{"another app's token", "other-app", "d1", nil, 403, "forbidden"},
		{"not a WebSocket", "alice", "d1", func(r *http.Request) { r.Header.Del("Upgrade") }, 426, "upgrade_required"},
		{"another subprotocol", "alice", "d1", func(r *http.Request) { r.Header.Set("Sec-WebSocket-Protocol", "mqtt") }, 400, "bad_subprotocol"},
		{"POST", "alice", "d1", func(r *http.Request) { r.Method = http.MethodPost }, 405, "method_not_allowed"},
	} {
		r, _ := http.NewRequestWithContext(context.Background(), http.MethodGet, w.server.URL+"/v1/connect", nil)
		r.Header = upgrade.Clone()
		if c.token != "" {
			r.Header.Set("Authorization", "Bearer "+c.token)
		}
		if c.device != "" {
			r.Header.Set(protocol.HeaderDevice, c.device)
		}
		if c.change != nil {
			c.change(r)
		}
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		var problem protocol.Problem
		err = json.NewDecoder(resp.Body).Decode(&problem)
		resp.Body.Close()
		if resp.StatusCode != c.status || string(problem.Code) != c.code || err != nil || resp.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %+v (%v), want %d %s as a problem", c.name, resp.StatusCode, problem, err, c.status, c.code)
		}
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
}

func TestDeviceThatNamesNoSubprotocolIsLetIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.connect("d1", "alice", func(_ *phone, o *gws.ClientOption) { o.RequestHeader.Del("Sec-WebSocket-Protocol") }).frame(protocol.FrameHello)
}

func TestNewestConnectionWins(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.connect("d1", "alice")
	first.frame(protocol.FrameHello)
	other := w.connect("d2", "alice")
	other.frame(protocol.FrameHello)
	second := w.connect("d1", "alice")
	hello := second.frame(protocol.FrameHello)
	first.closed(protocol.CloseReplaced)
	if id := w.session("d1"); id != hello.Session {
		t.Errorf("the session is %s, want the newest, %s", id, hello.Session)
	}
	if !w.gateway.Send(key("d1"), hello.Session, []push.Item{item("p", "x")}) {
		t.Error("Send to the newest: false")
	}
	second.frame(protocol.FramePush)
	w.mu.Lock()
	defer w.mu.Unlock()
	if slices.Contains(w.events, "closed d1") {
		t.Errorf("events %v; a device with a newer session has not closed its session", w.events)
	}
}

func TestDropEndsTheSessionWithItsCode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.connect("d1", "alice")
	id := p.frame(protocol.FrameHello).Session
	w.gateway.Drop(key("d1"), "another", protocol.CloseOwnerChanged)
	w.gateway.NoAck(key("d1"), id)
	if _, _, ok := w.gateway.Session(key("d1")); ok {
		t.Error("there is a session after Drop")
	}
	if w.gateway.Send(key("d1"), id, []push.Item{item("p", "")}) {
		t.Error("Send after Drop: true")
	}
	p.closed(protocol.CloseNoAck)
	w.wait("SessionClosed", func() bool { return slices.Contains(w.events, "closed d1") })
}

func TestPushOfAnotherOwnerIsNotSentAndEndsTheSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.connect("d1", "alice")
	id := p.frame(protocol.FrameHello).Session
	d := item("p", "bob's")
	d.Generation = 4
	if w.gateway.Send(key("d1"), id, []push.Item{d}) {
		t.Error("Send: true for a delivery of another owner")
	}
	p.closed(protocol.CloseOwnerChanged)
	if len(p.frames) != 0 {
		t.Errorf("the device got %+v", <-p.frames)
	}
}

func TestLargePayloadIsReadBeforeItIsSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.connect("d1", "alice")
	id := p.frame(protocol.FrameHello).Session
	d := item("big", "")
	d.Payload, d.PayloadBytes = nil, 60_000
	w.gateway.Send(key("d1"), id, []push.Item{d})
	if f := p.frame(protocol.FramePush); f.Push.Payload != "stored big" {
		t.Errorf("payload %q, want the stored one", f.Push.Payload)
	}
}

func TestHeartbeatDropsASessionThatIsSilent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *gateway.Config) { c.Heartbeat = 200 * time.Millisecond })
	mute := w.connect("d2", "alice", func(p *phone, _ *gws.ClientOption) { p.mute = true })
	mute.frame(protocol.FrameHello)
	mute.closed(protocol.CloseIdle)
}

func TestHeartbeatKeepsASessionThatAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *gateway.Config) { c.Heartbeat = 3 * time.Second }) // an answer may take two, on a busy machine
	p := w.connect("d1", "alice")
	p.frame(protocol.FrameHello)
	for range 3 {
		select {
		case <-p.pings:
		case <-time.After(30 * time.Second):
			t.Fatal("no ping for 30s")
		}
	}
	if _, _, ok := w.gateway.Session(key("d1")); !ok {
		t.Error("the session that answers is gone")
	}
}

const (
	oneReceipt   = `{"type":"receipts","seq":1,"receipts":[{"push_id":"p1","event":"received","path":"session"}]}`
	toBackground = `{"type":"state","app_state":"background"}`
)

func TestPingsAreAnsweredWhileTheStoreIsSlow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	release := w.stalled()
	defer release()
	p := w.connect("d1", "alice")
	p.frame(protocol.FrameHello)
	p.send(oneReceipt)
	p.send(toBackground)
	if err := p.conn.WritePing([]byte("there?")); err != nil {
		t.Fatal(err)
	}
	select {
	case pong := <-p.pongs:
		if pong != "there?" {
			t.Errorf("the pong has %q, want the ping's text", pong)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("no pong for 30s while a receipt waits for the store")
	}
	for range 20 { // more than the queue holds: the device is slowed down, and loses nothing
		p.send(oneReceipt)
	}
	release()
	for range 21 {
		p.frame(protocol.FrameReceipts)
	}
	w.wait("21 receipts and a state", func() bool { return len(w.receipts) == 21 && len(w.states) == 1 })
}

func TestFramesBeforeTheDeviceHangsUpAreTaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	release := w.stalled()
	defer release()
	p := w.connect("d1", "alice")
	p.frame(protocol.FrameHello)
	p.send(oneReceipt)
	p.send(oneReceipt)
	p.send(toBackground)
	if err := p.conn.WriteClose(1000, nil); err != nil {
		t.Fatal(err)
	}
	if code := <-p.code; code != 1000 && code != 0 {
		t.Errorf("closed with %d, want the device's own 1000", code)
	}
	release()
	w.wait("both receipts and the state", func() bool { return len(w.receipts) == 2 && len(w.states) == 1 })
}

func TestSlowReaderIsDroppedAndTheOthersAreNot(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *gateway.Config) { c.WriteWait = 300 * time.Millisecond; c.Queue = 4 })
	other := w.connect("d2", "alice")
	other.frame(protocol.FrameHello)
	slow := w.connect("d1", "alice", func(p *phone, _ *gws.ClientOption) { p.frames = make(chan protocol.ServerFrame) })
	id := slow.frame(protocol.FrameHello).Session
	payload := strings.Repeat("x", 60_000)
	dropped := false
	for end := time.Now().Add(30 * time.Second); !dropped && time.Now().Before(end); {
		dropped = !w.gateway.Send(key("d1"), id, []push.Item{item("p", payload)})
	}
	if !dropped {
		t.Fatal("a device that does not read was never dropped")
	}
	if _, _, ok := w.gateway.Session(key("d1")); ok {
		t.Error("the slow session is still there")
	}
	if !w.gateway.Send(key("d2"), w.session("d2"), []push.Item{item("p", "x")}) {
		t.Error("Send to the other device: false")
	}
	other.frame(protocol.FramePush)
}

func TestSlowReaderThatReadsOnGetsItsCode(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *gateway.Config) { c.Queue = 2; c.WriteWait = 20 * time.Second })
	slow := w.connect("d1", "alice", func(p *phone, _ *gws.ClientOption) { p.frames = make(chan protocol.ServerFrame) })
	id := slow.frame(protocol.FrameHello).Session
	payload := strings.Repeat("x", 60_000)
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); {
		if !w.gateway.Send(key("d1"), id, []push.Item{item("p", payload)}) {
			break
		}
	}
	slow.read()
	slow.closed(protocol.CloseSlow)
}

// A socket that blocks, or a store that does not answer, affects only its own session: sending to another session waits for
// neither, and new sessions are admitted.
func TestBlockedSessionsHoldUpNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *gateway.Config) { c.WriteWait, c.Queue, c.QueueBytes = time.Hour, 10_000, 1<<30 })
	release := w.stalled()
	defer release()
	for _, id := range []string{"d3", "d4"} {
		w.devices[id] = push.Device{App: "notes", ID: id, User: "alice", Platform: push.IOS, OwnerGeneration: 3}
	}
	blocked := w.connect("d1", "alice", func(p *phone, _ *gws.ClientOption) { p.frames = make(chan protocol.ServerFrame) })
	blockedID := blocked.frame(protocol.FrameHello).Session
	talker := w.connect("d2", "alice")
	talker.frame(protocol.FrameHello)
	busy := w.connect("d3", "alice")
	busyID := busy.frame(protocol.FrameHello).Session
	large := item("large", strings.Repeat("x", 60_000))
	for i := range 300 {
		if !w.gateway.Send(key("d1"), blockedID, []push.Item{large}) {
			t.Fatal("the blocked session is gone")
		}
		talker.send(oneReceipt)
		want := fmt.Sprint("p", i)
		if !w.gateway.Send(key("d3"), busyID, []push.Item{item(want, "x")}) {
			t.Fatal("the busy session is gone")
		}
		if f := busy.frame(protocol.FramePush); f.Push.PushID != want {
			t.Fatalf("the busy session got %s, want %s", f.Push.PushID, want)
		}
	}
	w.connect("d4", "alice").frame(protocol.FrameHello)
	release()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = w.gateway.Close(ctx) // cuts the blocked one
}

func TestSessionEndsWithTheUsersToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.connect("d1", "brief")
	p.frame(protocol.FrameHello)
	p.closed(protocol.CloseTokenExpired)
}

func TestAnAppsEndIsThatOfItsSessions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one, two := w.connect("d1", "alice"), w.connect("d2", "alice")
	one.frame(protocol.FrameHello)
	two.frame(protocol.FrameHello)
	if got := slices.Sorted(slices.Values(w.gateway.OfApp(key("d1").App))); !slices.Equal(got, []string{"d1", "d2"}) {
		t.Errorf("the app's devices with a session are %v, want both", got)
	}
	if got := w.gateway.OfApp("another"); len(got) != 0 {
		t.Errorf("another app's devices with a session are %v, want none", got)
	}
	w.gateway.DropApp("another", protocol.CloseOwnerChanged)
	if _, _, ok := w.gateway.Session(key("d1")); !ok {
		t.Error("the end of another app took a session; want it open")
	}
	w.gateway.DropApp(key("d1").App, protocol.CloseOwnerChanged)
	one.closed(protocol.CloseOwnerChanged)
	two.closed(protocol.CloseOwnerChanged)
}

func TestBadFramesEndTheSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, frame := range map[string]string{
		"no JSON":           `hello`,
		"unknown type":      `{"type":"presence"}`,
		"no type":           `{}`,
		"unknown field":     `{"type":"state","mood":"good"}`,
		"doubled name":      `{"type":"state","type":"state"}`,
		"wrong type":        `{"type":"receipts","receipts":{}}`,
		"two values":        `{"type":"state"}{"type":"state"}`,
		"lone surrogate":    `{"type":"state","facts":{"a":"\ud800"}}`,
		"not UTF-8":         "{\"type\":\"state\",\"facts\":{\"a\":\"\xff\"}}",
		"no receipts":       `{"type":"receipts","receipts":[]}`,
		"fields of another": `{"type":"state","seq":1}`,
		"unknown app state": `{"type":"state","app_state":"asleep"}`,
		"nested braces":     `{"type":"state","facts":` + strings.Repeat(`{"a":`, 20_000),
		"deep but whole":    `{"type":"state","facts":` + strings.Repeat(`{"a":`, 50) + `1` + strings.Repeat(`}`, 50) + `}`,
		"too many receipts": `{"type":"receipts","receipts":[` + strings.Repeat(`{"push_id":"p","event":"received","path":"inbox"},`, 1_000) + `{"push_id":"p","event":"received","path":"inbox"}]}`,
		"a little too long": `{"type":"state","facts":{"a":"` + strings.Repeat("x", protocol.MaxFrameBytes) + `"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			p := w.connect("d1", "alice")
			p.t = t
			p.frame(protocol.FrameHello)
			p.send(frame)
			p.closed(protocol.CloseBadFrame)
		})
	}
}

func TestFrameThatClaimsANegativeLengthHurtsOnlyItsSender(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := w.connect("d2", "alice")
	other.frame(protocol.FrameHello)
	p := w.connect("d1", "alice")
	p.frame(protocol.FrameHello)
	// FIN and text; masked, length in 64 bits, whose highest must be 0 (RFC 6455, section 5.2).
	_, _ = p.conn.NetConn().Write([]byte{0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xf0, 1, 2, 3, 4, 5})
	<-p.code
	w.wait("the session to be gone", func() bool { _, _, ok := w.gateway.Session(key("d1")); return !ok })
	w.gateway.Send(key("d2"), w.session("d2"), []push.Item{item("p", "x")})
	other.frame(protocol.FramePush)
}

func TestOwnerThatChangesDuringTheHandshakeIsNotServed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *gateway.Config) { c.Auth = &changing{Auth: c.Auth} })
	w.connect("d1", "alice").closed(protocol.CloseOwnerChanged)
	w.mu.Lock()
	defer w.mu.Unlock()
	if slices.Contains(w.events, "opened d1") {
		t.Error("SessionOpened was told of a session that never was")
	}
}

// changing is an Auth that returns another owner for the device at the second look.
type changing struct {
	gateway.Auth
	looks int
}

func (c *changing) DeviceByCredential(ctx context.Context, credential string) (push.Device, error) {
	d, err := c.Auth.DeviceByCredential(ctx, credential)
	c.looks++
	if c.looks > 1 {
		d.OwnerGeneration++
	}
	return d, err
}

func TestCloseDrainsWithGoingAwayAndLetsNobodyIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.connect("d1", "alice")
	id := p.frame(protocol.FrameHello).Session
	for i := range 20 {
		w.gateway.Send(key("d1"), id, []push.Item{item(fmt.Sprint("p", i), strings.Repeat("x", 10_000))})
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := w.gateway.Close(ctx); err != nil {
		t.Errorf("Close: %v", err)
	}
	for range 20 {
		p.frame(protocol.FramePush) // what was queued has left first
	}
	p.closed(protocol.CloseGoingAway)
	r, _ := http.NewRequestWithContext(ctx, http.MethodGet, w.server.URL, nil)
	resp, err := w.server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" {
		t.Errorf("after Close: %d, want 503 with Retry-After", resp.StatusCode)
	}
}

func TestCloseWaitsForAHelloWhoseDeviceHasHungUp(t *testing.T) {
	t.Parallel()
	slow := &slowCount{begun: make(chan struct{}), release: make(chan struct{})}
	w := newWorld(t, func(c *gateway.Config) { slow.Devices, c.Devices = c.Devices, slow })
	p := w.connect("d1", "alice")
	<-slow.begun
	_ = p.conn.NetConn().Close()
	w.wait("the session to be gone", func() bool { _, _, ok := w.gateway.Session(key("d1")); return !ok })
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	closed := make(chan error, 1)
	go func() { closed <- w.gateway.Close(ctx) }()
	select {
	case err := <-closed:
		t.Errorf("Close: %v, while the session's start still asks the store", err)
		close(slow.release)
	case <-ctx.Done():
		close(slow.release)
		<-closed
	}
}

// slowCount is a Devices whose OpenCount waits.
type slowCount struct {
	gateway.Devices
	begun, release chan struct{}
}

func (s *slowCount) OpenCount(ctx context.Context, key push.DeviceKey) (int, error) {
	close(s.begun)
	<-s.release
	return s.Devices.OpenCount(ctx, key)
}

func TestCloseCutsThoseWhoDoNotRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *gateway.Config) { c.WriteWait = time.Hour })
	slow := w.connect("d1", "alice", func(p *phone, _ *gws.ClientOption) { p.frames = make(chan protocol.ServerFrame) })
	id := slow.frame(protocol.FrameHello).Session
	batch := make([]push.Item, 300)
	for i := range batch {
		batch[i] = item("p", strings.Repeat("x", 60_000))
	}
	w.gateway.Send(key("d1"), id, batch)
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	if err := w.gateway.Close(ctx); err == nil {
		t.Error("Close: no error, though a session had to be cut")
	}
}

func TestStoreThatFailsIsUnavailableNotUnauthenticated(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.failing = true
	r, _ := http.NewRequestWithContext(context.Background(), http.MethodGet, w.server.URL, nil)
	r.Header.Set("Authorization", "Bearer alice")
	r.Header.Set(protocol.HeaderDevice, "d1")
	resp, err := w.server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 503 {
		t.Errorf("status %d, want 503", resp.StatusCode)
	}
}

func TestNewRefusesAWrongConfig(t *testing.T) {
	t.Parallel()
	w := &world{}
	good := gateway.Config{Auth: w, Receiver: w, Notify: w, Devices: w, Pushes: w}
	for name, change := range map[string]func(*gateway.Config){
		"no Auth": func(c *gateway.Config) { c.Auth = nil }, "no Pushes": func(c *gateway.Config) { c.Pushes = nil },
		"negative": func(c *gateway.Config) { c.Heartbeat = -1 },
	} {
		c := good
		change(&c)
		if _, err := gateway.New(c); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
