package server_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/hushpush/hush/push"
	"github.com/hushpush/hush/pushtest/apnstest"
	"github.com/hushpush/hush/pushtest/fcmtest"
	"github.com/hushpush/hush/pushtest/hushtest"
	"github.com/hushpush/hush/sdk"
)

// phone is an app in this process, with the SDK in it, on a phone that gives it every push at once. What an operating
// system does to apps is tested with package phonetest; here it is the server's way of a push that matters.
type phone struct {
	t      *testing.T
	hush   *hushtest.Server
	user   string
	token  string
	proxy  string // that knows the server as hush.example; "": the server is reached directly
	client *sdk.Client

	mu      sync.Mutex // guards all below
	handled []sdk.Message
	wakes   int
	running int // wakes that the app has not returned from
	handler func(context.Context, sdk.Message) sdk.FetchResult
}

// newPhone returns a phone of a user whose app is in the background, registered for pushes.
func newPhone(t *testing.T, hush *hushtest.Server, user string, platform sdk.Platform) *phone {
	t.Helper()
	return newPhoneBehind(t, hush, user, platform, "")
}

// newPhoneBehind does what newPhone does, on a network whose only way out is a proxy.
func newPhoneBehind(t *testing.T, hush *hushtest.Server, user string, platform sdk.Platform, proxy string) *phone {
	t.Helper()
	p := &phone{t: t, hush: hush, user: user, token: newToken(platform), proxy: proxy}
	p.open(platform, filepath.Join(t.TempDir(), "app"))
	p.connect(platform)
	p.register()
	return p
}

func newToken(platform sdk.Platform) string {
	b := make([]byte, 32)
	rand.Read(b)
	if platform == sdk.IOS {
		return hex.EncodeToString(b)
	}
	return "abc:APA91b" + hex.EncodeToString(b)
}

func (p *phone) open(platform sdk.Platform, dir string) {
	p.t.Helper()
	p.openWith(platform, dir, func(*sdk.Config) {})
}

// openWith opens the app with another configuration.
func (p *phone) openWith(platform sdk.Platform, dir string, change func(*sdk.Config)) {
	p.t.Helper()
	cfg := sdk.Config{
		Server: p.hush.URL, App: hushtest.App, Dir: dir, Platform: platform, AnyBackgroundHandler: true,
		Token: func(context.Context) (string, error) { return p.hush.Token(p.t, p.user), nil },
	}
	if p.proxy != "" {
		cfg.Server, cfg.Proxy = "http://hush.example", p.proxy
	}
	change(&cfg)
	client, err := sdk.Open(cfg)
	if err != nil {
		p.t.Fatal(err)
	}
	p.client = client
	p.t.Cleanup(func() { client.Close() })
	client.OnThroughMessageReceived(p.handle)
	if err := client.SetBackgroundMessageHandler(p.handle); err != nil {
		p.t.Fatal(err)
	}
	client.SetAppState(sdk.Background)
}

// connect makes the phone known to its provider.
func (p *phone) connect(platform sdk.Platform) {
	p.t.Helper()
	var err error
	if platform == sdk.IOS {
		err = p.hush.APNs.Register(apnstest.Token{Token: p.token, Topic: hushtest.BundleID, Online: true, Deliver: func(n apnstest.Notification) {
			p.woken(func(ctx context.Context) { p.client.HandleRemoteNotification(ctx, n.Payload) })
		}})
	} else {
		err = p.hush.FCM.Register(fcmtest.Token{Token: p.token, Package: hushtest.Package, Online: true, Deliver: func(m fcmtest.Message) {
			p.woken(func(ctx context.Context) { p.client.HandleRemoteMessage(ctx, m.Data) })
		}})
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *phone) woken(handle func(context.Context)) {
	p.mu.Lock()
	p.wakes++
	p.running++
	p.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	go func() {
		defer cancel()
		handle(ctx)
		p.mu.Lock()
		defer p.mu.Unlock()
		p.running--
	}()
}

// atRest waits until the app has returned from its wakes: before, it fetches whatever comes.
func (p *phone) atRest() {
	p.t.Helper()
	eventually(p.t, "the app has returned from its wake", func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.running == 0
	})
}

func (p *phone) register() {
	p.t.Helper()
	r := sdk.Registration{ProviderToken: p.token, BundleID: hushtest.BundleID, Environment: sdk.Production}
	if p.token[:3] == "abc" {
		r = sdk.Registration{ProviderToken: p.token, Package: hushtest.Package}
	}
	if err := p.client.RegisterPush(p.t.Context(), r); err != nil {
		p.t.Fatalf("register: %v", err)
	}
}

func (p *phone) handle(ctx context.Context, m sdk.Message) sdk.FetchResult {
	p.mu.Lock()
	p.handled = append(p.handled, m)
	handler := p.handler
	p.mu.Unlock()
	if handler != nil {
		return handler(ctx, m)
	}
	return sdk.NewData
}

// counts returns how often the handler ran, and how many wakes came.
func (p *phone) counts() (handled, wakes int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.handled), p.wakes
}

func (p *phone) payloads() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]string, len(p.handled))
	for i, m := range p.handled {
		out[i] = m.Extras["payload"]
	}
	return out
}

// device returns the phone's id on the server.
func (p *phone) device() string {
	p.t.Helper()
	devices := p.hush.DevicesOf(p.t, p.user)
	if len(devices) != 1 {
		p.t.Fatalf("%s has %d devices, want 1", p.user, len(devices))
	}
	return devices[0].DeviceID
}

// patience is how long a condition may take: a broadcast to ten thousand devices takes a busy machine, with the race detector, more
// than hushtest.Wait.
const patience = 4 * hushtest.Wait

// eventually waits for a condition.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !cond(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", patience, what)
		}
	}
}

var platforms = map[sdk.Platform]push.Path{sdk.IOS: push.PathAPNs, sdk.Android: push.PathFCM}
