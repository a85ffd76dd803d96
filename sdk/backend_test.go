package sdk_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/hushpush/hush/internal/gateway"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// backend is as much of a Hush server as a device sees: registration, inbox and receipts in memory, and the real gateway.
// A user token is "alice", or "alice!" for one that has expired.
type backend struct {
	t       testing.TB
	http    *httptest.Server
	gateway *gateway.Gateway

	mu       sync.Mutex
	devices  map[string]*push.Device      // by id; guarded by mu
	creds    map[string]string            // credential -> device id; guarded by mu
	keys     map[string]push.WakeKeyOwner // of all wake keys ever made, by id; guarded by mu
	pushes   []*sent                      // guarded by mu
	receipts []protocol.Receipt           // guarded by mu
	calls    map[string]int               // guarded by mu
	down     bool                         // guarded by mu; nothing is answered
	stranger http.HandlerFunc             // guarded by mu; who answers in its place; nil: nobody does
	skew     time.Duration                // guarded by mu; of the server's clock
}

// sent is one delivery.
type sent struct {
	protocol.InboxPush
	device     string
	generation int
	final      bool
	result     push.Result
	path       push.Path
}

func newBackend(t testing.TB, change ...func(*gateway.Config)) *backend {
	t.Helper()
	return startBackend(t, (*httptest.Server).Start, change...)
}

// startBackend is newBackend with another way to start its server.
func startBackend(t testing.TB, start func(*httptest.Server), change ...func(*gateway.Config)) *backend {
	t.Helper()
	b := &backend{t: t, devices: map[string]*push.Device{}, creds: map[string]string{}, keys: map[string]push.WakeKeyOwner{}, calls: map[string]int{}}
	cfg := gateway.Config{Auth: b, Receiver: b, Notify: b, Devices: b, Pushes: b, Now: b.now}
	for _, c := range change {
		c(&cfg)
	}
	var err error
	if b.gateway, err = gateway.New(cfg); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /v1/device", b.register)
	mux.HandleFunc("DELETE /v1/device", b.unregister)
	mux.HandleFunc("GET /v1/inbox", b.inbox)
	mux.HandleFunc("POST /v1/receipts", b.answerReceipts)
	mux.HandleFunc("POST /v1/foreign-wakes", b.answerForeignWake)
	mux.Handle("/v1/connect", b.gateway)
	b.http = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.mu.Lock()
		b.calls[r.Method+" "+r.URL.Path]++
		down := b.down
		stranger := b.stranger
		w.Header().Set("Date", b.clock().UTC().Format(http.TimeFormat))
		b.mu.Unlock()
		if stranger != nil {
			stranger(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set(protocol.HeaderAPI, protocol.APIVersion)
		if down {
			problem(w, 503, "unavailable")
			return
		}
		mux.ServeHTTP(w, r)
	}))
	start(b.http)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := b.gateway.Close(ctx); err != nil {
			t.Errorf("closing the gateway: %v", err)
		}
		b.http.Close()
	})
	return b
}

func problem(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(protocol.Problem{Title: http.StatusText(status), Status: status, Code: protocol.ProblemCode(code)})
}

func (b *backend) clock() time.Time { return time.Now().Add(b.skew) }

func (b *backend) now() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.clock()
}

// UserToken is the gateway's Auth.
func (b *backend) UserToken(_ context.Context, token string) (push.UserClaims, error) {
	user, expired := strings.CutSuffix(token, "!")
	if expired {
		return push.UserClaims{}, push.ErrTokenExpired
	}
	return push.UserClaims{Apps: []string{"notes"}, User: user, ExpiresAt: b.now().Add(time.Hour)}, nil
}

// DeviceByCredential is the gateway's Auth.
func (b *backend) DeviceByCredential(_ context.Context, credential string) (push.Device, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	d := b.devices[b.creds[credential]]
	if d == nil || d.User == "" {
		return push.Device{}, push.ErrRegisterAgain
	}
	return *d, nil
}

// SessionOpened and SessionClosed are the gateway's Notify.
func (b *backend) SessionOpened(push.DeviceKey) {}
func (b *backend) SessionClosed(push.DeviceKey) {}

// OpenCount is the gateway's Devices.
func (b *backend) OpenCount(_ context.Context, key push.DeviceKey) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.open(key.Device), nil
}

func (b *backend) open(device string) (n int) {
	for _, p := range b.pushes {
		if p.device == device && !p.final {
			n++
		}
	}
	return n
}

// ReportState is the gateway's Devices.
func (b *backend) ReportState(_ context.Context, key push.DeviceKey, state push.AppState, _ map[string]any) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.devices[key.Device].AppState = state
	return nil
}

// Push is the gateway's Pushes.
func (b *backend) Push(_ context.Context, _ string, id push.ID) (push.Push, push.Standing, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.pushes {
		if p.PushID == string(id) {
			return push.Push{ID: id, Payload: []byte(p.Payload)}, push.Standing{}, nil
		}
	}
	return push.Push{}, push.Standing{}, push.ErrNotFound
}

// Receive is the gateway's Receiver.
func (b *backend) Receive(_ context.Context, key push.DeviceKey, generation int, receipts []push.Receipt) ([]push.ReceiptStatus, int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	statuses := make([]push.ReceiptStatus, len(receipts))
	for i, r := range receipts {
		b.receipts = append(b.receipts, protocol.Receipt{PushID: string(r.PushID), Event: r.Event, Result: r.Result, Path: r.Path})
		statuses[i] = push.ReceiptGone
		for _, p := range b.pushes {
			if p.PushID != string(r.PushID) || p.device != key.Device || p.generation != generation {
				continue
			}
			statuses[i] = push.ReceiptAccepted
			if !p.final && r.Event != push.ReceiptReceived {
				p.final, p.result, p.path = true, r.Result, r.Path
			}
		}
	}
	return statuses, b.open(key.Device), nil
}

func (b *backend) register(w http.ResponseWriter, r *http.Request) {
	var req protocol.DeviceRequest
	if err := json.NewDecoder(r.Body).Decode(&req); err != nil {
		problem(w, 400, "bad_json")
		return
	}
	user, expired := strings.CutSuffix(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), "!")
	if expired {
		problem(w, 401, "token_expired")
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	credential := r.Header.Get(protocol.HeaderDevice)
	if credential != "" && b.creds[credential] != req.DeviceID {
		problem(w, 401, "register_again")
		return
	}
	var was push.Device
	if d := b.devices[req.DeviceID]; d != nil {
		was = *d
	}
	reg := push.Registration{WakeKeyID: req.WakeKeyID, DeviceID: req.DeviceID, Platform: req.Platform, BundleID: req.BundleID, Package: req.Package,
		Environment: push.Environment(req.Environment), AppState: push.AppState(req.AppState)}
	if req.ProviderToken != nil {
		token := push.Secret(*req.ProviderToken)
		reg.ProviderToken = &token
	}
	if err := reg.Check(); err != nil {
		problem(w, 422, "invalid")
		return
	}
	if was.Registered() {
		was.CredentialHash = []byte("there is one")
	}
	got, err := push.Register(b.clock(), was, "notes", reg, push.Caller{User: user, Credential: credential != ""})
	if err != nil {
		problem(w, 403, "device_taken")
		return
	}
	b.devices[req.DeviceID] = &got.Device
	answer := protocol.DeviceResponse{OwnerGeneration: got.Device.OwnerGeneration}
	b.keys[got.Device.WakeKeyID] = push.WakeKeyOwner{DeviceKey: got.Device.Key(), OwnerGeneration: got.Device.OwnerGeneration}
	if got.Device.WakeKeyID != req.WakeKeyID {
		answer.WakeKey = protocol.NewWakeKey(wakeKey(got.Device.Key(), got.Device.WakeKeyID))
	}
	if got.NewCredential {
		answer.Credential = uuid.NewString()
		delete(b.creds, credential)
		b.creds[answer.Credential] = req.DeviceID
	}
	if got.OwnerChanged {
		for _, p := range b.pushes {
			p.final = p.final || p.device == req.DeviceID
		}
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// wakeKey derives a device's key.
func wakeKey(device push.DeviceKey, id string) push.WakeKey {
	sum := sha256.Sum256([]byte(id + "\x00" + device.Device))
	return push.WakeKey{ID: id, Key: push.Secret(sum[:push.WakeKeyBytes])}
}

func (b *backend) answerForeignWake(w http.ResponseWriter, r *http.Request) {
	var req protocol.ForeignWake
	if err := json.NewDecoder(r.Body).Decode(&req); err != nil || req.K == "" || req.S == "" {
		problem(w, 422, "invalid")
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	d := b.caller(w, r)
	if d == nil {
		return
	}
	if b.keys[req.K] != (push.WakeKeyOwner{DeviceKey: d.Key(), OwnerGeneration: d.OwnerGeneration}) {
		w.WriteHeader(204)
		return
	}
	_ = json.NewEncoder(w).Encode(protocol.ForeignWakeAnswer{WakeKey: *protocol.NewWakeKey(wakeKey(d.Key(), req.K))})
}

// caller returns the device of a call, and nil after it has refused the call. mu is held.
func (b *backend) caller(w http.ResponseWriter, r *http.Request) *push.Device {
	d := b.devices[b.creds[r.Header.Get(protocol.HeaderDevice)]]
	if d == nil || d.User == "" {
		problem(w, 401, "register_again")
		return nil
	}
	return d
}

func (b *backend) unregister(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	d := b.caller(w, r)
	if d == nil {
		return
	}
	delete(b.creds, r.Header.Get(protocol.HeaderDevice))
	d.User = ""
	for _, p := range b.pushes {
		p.final = p.final || p.device == d.ID
	}
	w.WriteHeader(204)
}

func (b *backend) inbox(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	d := b.caller(w, r)
	if d == nil {
		return
	}
	page := protocol.Inbox{Open: b.open(d.ID), Deliveries: []protocol.InboxPush{}}
	for _, p := range b.pushes {
		if p.device == d.ID && !p.final && len(page.Deliveries) < 3 { // short pages, so that tests see several
			page.Deliveries = append(page.Deliveries, p.InboxPush)
		}
	}
	_ = json.NewEncoder(w).Encode(page)
}

func (b *backend) answerReceipts(w http.ResponseWriter, r *http.Request) {
	var req protocol.Receipts
	if err := json.NewDecoder(r.Body).Decode(&req); err != nil {
		problem(w, 400, "bad_json")
		return
	}
	b.mu.Lock()
	d := b.caller(w, r)
	b.mu.Unlock()
	if d == nil {
		return
	}
	var parsed []push.Receipt
	for _, r := range req.Receipts {
		p, ok := r.Parse()
		if !ok {
			b.t.Errorf("the device sent a receipt with a wrong value: %+v", r)
		}
		parsed = append(parsed, p)
	}
	statuses, open, _ := b.Receive(r.Context(), d.Key(), d.OwnerGeneration, parsed)
	answer := protocol.ReceiptsAnswer{Open: open}
	for i, s := range statuses {
		answer.Receipts = append(answer.Receipts, protocol.ReceiptAnswer{PushID: req.Receipts[i].PushID, Status: s})
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// device waits for the device that is registered for a user, and returns it.
func (b *backend) device(user string) push.Device {
	b.t.Helper()
	var found push.Device
	b.wait("a device of "+user, func() bool {
		for _, d := range b.devices {
			if d.User == user {
				found = *d
				return true
			}
		}
		return false
	})
	return found
}

// accept puts a push into the inbox of a user, and does nothing else.
func (b *backend) accept(user, payload string, ttl time.Duration) *sent {
	b.t.Helper()
	d := b.device(user)
	b.mu.Lock()
	defer b.mu.Unlock()
	at := b.clock()
	p := &sent{device: d.ID, generation: d.OwnerGeneration, InboxPush: protocol.InboxPush{
		PushID: string(push.NewID()), ResourceID: "both", Payload: payload, AcceptedAt: at, ExpiresAt: at.Add(ttl),
	}}
	b.pushes = append(b.pushes, p)
	return p
}

// give sends a push over the device's session, as soon as there is one.
func (b *backend) give(p *sent) {
	b.t.Helper()
	key := push.DeviceKey{App: "notes", Device: p.device}
	b.waitUnlocked("a session that takes the push", func() bool {
		id, _, ok := b.gateway.Session(key)
		return ok && b.gateway.Send(key, id, []push.Item{push.PushItem{
			ID: push.ID(p.PushID), ResourceID: p.ResourceID, Payload: []byte(p.Payload), PayloadBytes: len(p.Payload),
			AcceptedAt: p.AcceptedAt, ExpiresAt: p.ExpiresAt, Generation: p.generation,
		}})
	})
}

// wake returns Hush's field of a payload that carries the pushes, sealed as the server would seal it now.
func (b *backend) wake(pushes ...*sent) protocol.SealedWake {
	return b.seal(pushes[0].device, carrying(pushes...))
}

// seal seals a wake for a device.
func (b *backend) seal(device string, w any) protocol.SealedWake {
	b.t.Helper()
	b.mu.Lock()
	d := *b.devices[device]
	b.mu.Unlock()
	return sealed(b.t, wakeKey(d.Key(), d.SealKeyID), w)
}

func sealed(t testing.TB, key push.WakeKey, w any) (out protocol.SealedWake) {
	t.Helper()
	inside, _ := json.Marshal(w)
	text, err := protocol.SealWake(key, inside)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// carrying returns a wake that carries the pushes, not sealed yet.
func carrying(pushes ...*sent) protocol.Wake {
	w := protocol.Wake{Wake: string(push.NewID())}
	for _, p := range pushes {
		w.Exp = max(w.Exp, p.ExpiresAt.Unix())
		payload := p.Payload
		w.Pushes = append(w.Pushes, protocol.WakePush{ID: p.PushID, Resource: p.ResourceID, Payload: &payload})
	}
	return w
}

// userInfo returns a wake as APNs brings it.
func userInfo(w any) []byte {
	b, _ := json.Marshal(map[string]any{"aps": map[string]int{"content-available": 1}, protocol.WakeField: w})
	return b
}

// data returns a wake as FCM brings it.
func data(w any) map[string]string {
	b, _ := json.Marshal(w)
	return map[string]string{protocol.WakeField: string(b)}
}

// final waits for the end of a push.
func (b *backend) final(p *sent) sent {
	b.t.Helper()
	var got sent
	b.wait("the end of push "+p.Payload, func() bool {
		got = *p
		return p.final
	})
	return got
}

// events returns what the device has reported about a push, in order.
func (b *backend) events(p *sent) []push.ReceiptEvent {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []push.ReceiptEvent
	for _, r := range b.receipts {
		if r.PushID == p.PushID {
			all = append(all, r.Event)
		}
	}
	return all
}

func (b *backend) count(call string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.calls[call]
}

// setStranger makes somebody else answer in the place of the server; nil: the server itself.
func (b *backend) setStranger(answer http.HandlerFunc) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stranger = answer
}

func (b *backend) setDown(down bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.down = down
}

// wait waits until ok, which is called with mu held, reports true.
func (b *backend) wait(what string, ok func() bool) {
	b.t.Helper()
	b.waitUnlocked(what, func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return ok()
	})
}

func (b *backend) waitUnlocked(what string, ok func() bool) {
	b.t.Helper()
	waitFor(b.t, what, ok)
}

func waitFor(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("waited 30s for %s", what)
}

// recorder records what an app's handlers get.
type recorder struct {
	mu  sync.Mutex
	got []string // callback:path:payload
}

func (r *recorder) add(callback string, path push.Path, payload string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, fmt.Sprintf("%s:%s:%s", callback, path, payload))
}

func (r *recorder) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

func (r *recorder) waitFor(t testing.TB, want ...string) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if slices.Equal(r.all(), want) {
			return
		}
	}
	t.Fatalf("the handlers got %q, want %q", r.all(), want)
}

// Hold never ends a session: no signing key falls here.
func (b *backend) Hold(push.Ground, func(error)) func() { return func() {} }
