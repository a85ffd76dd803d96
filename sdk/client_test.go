package sdk_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
	"github.com/hushpush/hush/sdk"
)

// app is one process of an app on a phone.
type app struct {
	*sdk.Client
	recorder
	t testing.TB
}

func openApp(t testing.TB, b *backend, dir string, change ...func(*sdk.Config)) *app {
	t.Helper()
	cfg := sdk.Config{
		Server: b.http.URL, App: "notes", Dir: dir, Platform: sdk.IOS,
		Token:                func(context.Context) (string, error) { return "alice", nil },
		AnyBackgroundHandler: true,
	}
	for _, c := range change {
		c(&cfg)
	}
	client, err := sdk.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return &app{Client: client, t: t}
}

// handle sets both handlers to ones that record what they get.
func (a *app) handle() *app {
	a.OnThroughMessageReceived(func(_ context.Context, m sdk.Message) sdk.FetchResult {
		a.add("through", m.Path, m.Extras[sdk.ExtraPayload])
		return sdk.NewData
	})
	err := a.SetBackgroundMessageHandler(func(_ context.Context, m sdk.Message) sdk.FetchResult {
		a.add("background", m.Path, m.Extras[sdk.ExtraPayload])
		return sdk.NoData
	})
	if err != nil {
		a.t.Fatal(err)
	}
	return a
}

// registered registers for pushes.
func (a *app) registered() *app {
	a.t.Helper()
	err := a.RegisterPush(context.Background(), sdk.Registration{ProviderToken: "ff00", BundleID: "com.example.notes", Environment: sdk.Production})
	if err != nil {
		a.t.Fatal(err)
	}
	return a
}

// open brings the app to the foreground and waits for its session and for its answer to hello: what is accepted from then
// on was not open when the session began.
func (a *app) open(b *backend, user string) {
	a.t.Helper()
	a.SetAppState(sdk.Foreground)
	key := push.DeviceKey{App: "notes", Device: b.device(user).ID}
	waitFor(a.t, "a session", func() bool { _, _, ok := b.gateway.Session(key); return ok })
	b.wait("the foreground to be reported", func() bool { return b.devices[key.Device].AppState == push.AppForeground })
}

func (a *app) notified(w protocol.SealedWake) (sdk.FetchResult, error) {
	a.t.Helper()
	ours, result, err := a.HandleRemoteNotification(context.Background(), userInfo(w))
	if !ours {
		a.t.Errorf("a wake of Hush: ours is false")
	}
	return result, err
}

func TestForegroundPushRunsOnThroughMessageReceivedOverTheSession(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	a := openApp(t, b, t.TempDir()).handle().registered()
	a.open(b, "alice")
	p := b.accept("alice", "1", time.Hour)
	b.give(p)
	got := b.final(p)
	a.waitFor(t, "through:session:1")
	if got.result != push.NewData || got.path != push.PathSession {
		t.Errorf("receipt: result %q by %q, want new_data by session", got.result, got.path)
	}
	if e := b.events(p); e[0] != push.ReceiptReceived {
		t.Errorf("receipts %v, want received before handled", e)
	}
}

func TestWhatWaitedComesFromTheInboxOnceWhenTheAppIsOpened(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	a := openApp(t, b, t.TempDir()).handle().registered()
	var all []*sent
	want := []string{}
	for _, payload := range []string{"1", "2", "3", "4", "5", "6", "7"} { // more than two pages
		all = append(all, b.accept("alice", payload, time.Hour))
		want = append(want, "through:inbox:"+payload)
	}
	a.SetAppState(sdk.Foreground)
	for _, p := range all {
		b.final(p)
	}
	a.waitFor(t, want...)
}

func TestWithoutRegisterPushTheDeviceRegistersWhenItConnects(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	a := openApp(t, b, t.TempDir()).handle()
	a.SetAppState(sdk.Foreground)
	if d := b.device("alice"); d.Token != push.TokenMissing {
		t.Errorf("token is %q, want missing", d.Token)
	}
	p := b.accept("alice", "1", time.Hour)
	b.give(p)
	b.final(p)
}

func TestAWakesItemsOfUnknownKindsArePassedOver(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	a := openApp(t, b, t.TempDir()).handle().registered()
	carried, waiting := b.accept("alice", "carried", time.Hour), b.accept("alice", "waiting", time.Hour)
	w := struct {
		Messages []map[string]any `json:"messages"`
		protocol.Wake
	}{[]map[string]any{{"id": "m1", "text": []int{1}}}, carrying(carried)}
	if result, err := a.notified(b.seal(carried.device, w)); err != nil || result != sdk.NoData {
		t.Errorf("the wake gave %q, %v; want no_data, as the handler returned", result, err)
	}
	a.waitFor(t, "background:apns:carried", "background:inbox:waiting")
	b.final(waiting)
}

func TestBackgroundWakeRunsTheBackgroundHandlerAndThenTheInbox(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	a := openApp(t, b, t.TempDir()).handle().registered()
	carried, waiting, large := b.accept("alice", "carried", time.Hour), b.accept("alice", "waiting", time.Hour), b.accept("alice", "large", time.Hour)
	w := carrying(carried, large)
	w.Pushes[1].Payload = nil
	result, err := a.notified(b.seal(carried.device, w))
	if err != nil || result != sdk.NoData {
		t.Errorf("the wake gave %q, %v; want no_data, as the handler returned", result, err)
	}
	a.waitFor(t, "background:apns:carried", "background:inbox:waiting", "background:apns:large")
	for _, p := range []*sent{carried, waiting, large} {
		if got := b.final(p); got.result != push.NoData {
			t.Errorf("push %s: result %q, want no_data", p.Payload, got.result)
		}
	}
}

func TestBackgroundWakeGoesToOnThroughMessageReceivedWhereNoBackgroundHandlerIsSet(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	a := openApp(t, b, t.TempDir())
	a.OnThroughMessageReceived(func(_ context.Context, m sdk.Message) sdk.FetchResult {
		a.add("through", m.Path, m.Extras["payload"])
		return sdk.NewData
	})
	a.registered()
	if result, err := a.notified(b.wake(b.accept("alice", "1", time.Hour))); result != sdk.NewData || err != nil {
		t.Errorf("the wake gave %q, %v; want new_data", result, err)
	}
	a.waitFor(t, "through:apns:1")
}

func TestAndroidWakeAndDeletedMessages(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	a := openApp(t, b, t.TempDir(), func(c *sdk.Config) { c.Platform = sdk.Android }).handle()
	if err := a.RegisterPush(context.Background(), sdk.Registration{ProviderToken: "t:1", Package: "com.example.notes"}); err != nil {
		t.Fatal(err)
	}
	ours, err := a.HandleRemoteMessage(context.Background(), data(b.wake(b.accept("alice", "1", time.Hour))))
	if !ours || err != nil {
		t.Errorf("a wake: ours %v, %v", ours, err)
	}
	if ours, err := a.HandleRemoteMessage(context.Background(), map[string]string{"other": "{}"}); ours || err != nil {
		t.Errorf("another sender's message: ours %v, %v; want false", ours, err)
	}
	b.accept("alice", "2", time.Hour)
	if err := a.HandleDeletedMessages(context.Background()); err != nil {
		t.Error(err)
	}
	a.waitFor(t, "background:fcm:1", "background:inbox:2")
}

func TestOnePushOnAllPathsRunsOnce(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	a := openApp(t, b, t.TempDir())
	release := make(chan struct{})
	var runs atomic.Int32
	a.OnThroughMessageReceived(func(context.Context, sdk.Message) sdk.FetchResult {
		runs.Add(1)
		<-release
		return sdk.NewData
	})
	a.registered()
	a.SetAppState(sdk.Foreground)
	p := b.accept("alice", "1", time.Hour)
	b.give(p)
	waitFor(t, "the handler", func() bool { return runs.Load() == 1 })
	var wakes sync.WaitGroup
	for range 3 {
		wakes.Go(func() {
			if result, err := a.notified(b.wake(p)); result != sdk.NewData || err != nil {
				t.Errorf("a second path gave %q, %v; want the first one's new_data", result, err)
			}
		})
	}
	b.give(p)
	close(release)
	wakes.Wait()
	b.final(p)
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	again := openApp(t, b, t.TempDir()) // another device: nothing to do with it
	again.handle()
	if n := runs.Load(); n != 1 {
		t.Errorf("the handler ran %d times, want 1", n)
	}
}

func TestHandledPushIsNotRunAgainAfterARestart(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	dir := t.TempDir()
	a := openApp(t, b, dir).handle().registered()
	p := b.accept("alice", "1", time.Hour)
	if _, err := a.notified(b.wake(p)); err != nil {
		t.Fatal(err)
	}
	_ = a.Close()
	a = openApp(t, b, dir).handle()
	if result, err := a.notified(b.wake(p)); err != nil || result != sdk.NoData {
		t.Errorf("the same wake after a restart gave %q, %v; want the first result, no_data", result, err)
	}
	if got := a.all(); len(got) != 0 {
		t.Errorf("the handlers got %q after the restart, want nothing", got)
	}
}

func TestWakeForAnotherOwnerExpiredOrAfterLogoutIsDropped(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	a := openApp(t, b, t.TempDir()).handle().registered()
	foreign := sealed(t, wakeKey(push.DeviceKey{Device: "another"}, "k"), carrying(b.accept("alice", "foreign", time.Hour)))
	expired := b.wake(b.accept("alice", "expired", -time.Minute))
	late := b.wake(b.accept("alice", "late", time.Hour))
	for name, w := range map[string]protocol.SealedWake{"another owner's": foreign, "expired": expired} {
		if result, err := a.notified(w); result != sdk.NoData || err != nil {
			t.Errorf("%s wake gave %q, %v; want no_data", name, result, err)
		}
	}
	b.setDown(true) // it takes effect without a network, too
	if err := a.Logout(context.Background()); err != nil {
		t.Fatalf("logout without a network: %v", err)
	}
	if result, err := a.notified(late); result != sdk.NoData || err != nil {
		t.Errorf("a wake after logout gave %q, %v; want no_data", result, err)
	}
	if got := a.all(); len(got) != 0 {
		t.Errorf("the handlers got %q, want nothing", got)
	}
	b.setDown(false)
	b.wait("the server to know of the logout", func() bool {
		for _, d := range b.devices {
			if d.User != "" {
				return false
			}
		}
		return true
	})
}

func TestLogoutOutlivesTheProcessAndIsToldAtTheNextOpen(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	dir := t.TempDir()
	a := openApp(t, b, dir).handle().registered()
	p := b.accept("alice", "1", time.Hour)
	b.setDown(true)
	if err := a.Logout(context.Background()); err != nil {
		t.Fatal(err)
	}
	_ = a.Close()
	b.setDown(false)
	a = openApp(t, b, dir).handle()
	a.SetAppState(sdk.Foreground)
	b.final(p) // the device is unregistered
	if result, err := a.notified(b.wake(p)); result != sdk.NoData || err != nil || len(a.all()) != 0 {
		t.Errorf("after logout and restart a wake gave %q, %v, the handlers got %q; want nothing", result, err, a.all())
	}
	a.registered().open(b, "alice")
	p = b.accept("alice", "2", time.Hour)
	b.give(p)
	b.final(p)
	a.waitFor(t, "through:session:2")
}

func TestALoginThatFindsNoServerAfterALogoutWithoutOneIsMadeLater(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	a := openApp(t, b, t.TempDir()).handle().registered()
	old := b.accept("alice", "1", time.Hour)
	a.SetAppState(sdk.Foreground)
	b.setDown(true)
	if err := a.Logout(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := a.Login(context.Background()); err == nil {
		t.Error("logged in without a server")
	}
	b.setDown(false)
	b.final(old) // first the former device is unregistered
	a.open(b, "alice")
	p := b.accept("alice", "2", time.Hour)
	b.give(p)
	b.final(p)
	a.waitFor(t, "through:session:2")
}

func TestExpiryIsJudgedByTheServersTime(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	// The phone's clock is a day fast: by it, everything has expired.
	a := openApp(t, b, t.TempDir(), func(c *sdk.Config) { c.Now = func() time.Time { return time.Now().Add(24 * time.Hour) } }).handle().registered()
	if _, err := a.notified(b.wake(b.accept("alice", "1", time.Minute))); err != nil {
		t.Fatal(err)
	}
	if _, err := a.notified(b.wake(b.accept("alice", "late", -time.Minute))); err != nil {
		t.Fatal(err)
	}
	a.waitFor(t, "background:apns:1")
}

func TestExpiredUserTokenIsRenewedAndWakesNeedNone(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	var asked atomic.Int32
	token := func(context.Context) (string, error) {
		if asked.Add(1) == 1 {
			return "alice!", nil
		}
		return "alice", nil
	}
	dir := t.TempDir()
	a := openApp(t, b, dir, func(c *sdk.Config) { c.Token = token }).handle().registered()
	if n := asked.Load(); n != 2 {
		t.Errorf("the app was asked for %d tokens, want 2", n)
	}
	_ = a.Close()
	a = openApp(t, b, dir, func(c *sdk.Config) {
		c.Token = func(context.Context) (string, error) {
			t.Error("a wake asked for a user token")
			return "", errors.New("none")
		}
	}).handle()
	p := b.accept("alice", "1", time.Hour)
	if _, err := a.notified(b.wake(p)); err != nil {
		t.Fatal(err)
	}
	b.final(p)
}

func TestRegisterPushSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	good := sdk.Registration{ProviderToken: "ff", BundleID: "com.example.notes", Environment: sdk.Production}
	android := sdk.Registration{ProviderToken: "t", Package: "com.example.notes"}
	for name, c := range map[string]struct {
		platform sdk.Platform
		handler  bool
		change   func(*sdk.Registration)
		want     string
	}{
		"no handler":               {sdk.IOS, false, func(*sdk.Registration) {}, "no handler"},
		"empty token":              {sdk.IOS, true, func(r *sdk.Registration) { r.ProviderToken = "" }, "ProviderToken is empty"},
		"empty token on Android":   {sdk.Android, true, func(r *sdk.Registration) { r.ProviderToken = "" }, "ProviderToken is empty"},
		"iOS without environment":  {sdk.IOS, true, func(r *sdk.Registration) { r.Environment = "" }, "Environment is empty"},
		"Android with environment": {sdk.Android, true, func(r *sdk.Registration) { r.Environment = sdk.Production }, "leave it out"},
		"iOS without a bundle id":  {sdk.IOS, true, func(r *sdk.Registration) { r.BundleID = "" }, "bundle_id"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := openApp(t, b, t.TempDir(), func(cfg *sdk.Config) { cfg.Platform = c.platform })
			if c.handler {
				a.handle()
			}
			r := good
			if c.platform == sdk.Android {
				r = android
			}
			c.change(&r)
			err := a.RegisterPush(context.Background(), r)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("RegisterPush: %v, want an error with %q", err, c.want)
			}
		})
	}
}

func TestAnotherUserTakesTheDeviceOverAndTheFormerOnesWakeIsDropped(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	var user atomic.Value
	user.Store("alice")
	a := openApp(t, b, t.TempDir(), func(c *sdk.Config) {
		c.Token = func(context.Context) (string, error) { return user.Load().(string), nil }
	}).handle().registered()
	former := b.wake(b.accept("alice", "alice's", time.Hour))
	user.Store("bob")
	a.registered()
	if result, err := a.notified(former); result != sdk.NoData || err != nil {
		t.Errorf("the former owner's wake gave %q, %v; want no_data", result, err)
	}
	if _, err := a.notified(b.wake(b.accept("bob", "bob's", time.Hour))); err != nil {
		t.Fatal(err)
	}
	a.waitFor(t, "background:apns:bob's")
}

func TestVoidCredentialIsReplacedAtTheNextForeground(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	a := openApp(t, b, t.TempDir()).handle().registered()
	before := b.device("alice").ID
	b.mu.Lock()
	clear(b.creds) // as after a restored copy, whose original lives on
	b.mu.Unlock()
	if _, err := a.notified(b.wake(b.accept("alice", "1", time.Hour))); err != nil {
		t.Errorf("a wake with a void credential: %v; it carries its push, which needs no server", err)
	}
	a.SetAppState(sdk.Foreground)
	b.wait("a registration under a new id", func() bool { return len(b.devices) == 2 })
	b.mu.Lock()
	delete(b.devices, before)
	b.mu.Unlock()
	p := b.accept("alice", "2", time.Hour)
	b.give(p)
	b.final(p)
}

func TestReceiptsAreKeptUntilTheServerTakesThem(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	dir := t.TempDir()
	a := openApp(t, b, dir).handle().registered()
	p := b.accept("alice", "1", time.Hour)
	b.setDown(true)
	if result, err := a.notified(b.wake(p)); result != sdk.NoData {
		t.Errorf("the wake gave %q, %v; want what the handler returned", result, err)
	}
	_ = a.Close()
	b.setDown(false)
	openApp(t, b, dir)
	if got := b.final(p); got.path != push.PathAPNs || got.result != push.NoData {
		t.Errorf("the receipt after a restart: %q by %q, want no_data by apns", got.result, got.path)
	}
}

func TestHandlerThatIgnoresItsContextHasFailedInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := newPipes()
		b := startBackend(t, server.start)
		a := openApp(t, b, t.TempDir(), newPath(t, newPipes(), server.dial).through)
		release := make(chan struct{})
		a.OnThroughMessageReceived(func(ctx context.Context, m sdk.Message) sdk.FetchResult {
			<-release
			return sdk.NewData
		})
		a.registered()
		p := b.accept("alice", "1", time.Hour)
		left := time.Second // what the phone says is left of the time allowed
		ctx, cancel := context.WithTimeout(context.Background(), left)
		defer cancel()
		_, result, _ := a.HandleRemoteNotification(ctx, userInfo(b.wake(p)))
		if ctx.Err() != nil {
			t.Errorf("HandleRemoteNotification returned after the phone's time was over")
		}
		if result != sdk.Failed {
			t.Errorf("result %q, want failed", result)
		}
		if got := b.final(p); got.result != push.Failed {
			t.Errorf("the receipt says %q, want failed", got.result)
		}
		close(release)
	})
}

func TestWhatComesBeforeTheHandlersWaits(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	dir := t.TempDir()
	_ = openApp(t, b, dir).handle().registered().Close()
	a := openApp(t, b, dir)
	w := b.wake(b.accept("alice", "1", time.Hour))
	var done sync.WaitGroup
	done.Go(func() {
		if _, err := a.notified(w); err != nil {
			t.Errorf("the wake: %v", err)
		}
	})
	a.SetAppState(sdk.Foreground)
	a.handle()
	done.Wait()
	if got := a.all(); len(got) != 1 {
		t.Errorf("the handlers got %q, want one message", got)
	}
}

func TestReplacedSessionDoesNotComeBackBeforeTheNextForeground(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	a := openApp(t, b, t.TempDir()).handle().registered()
	a.open(b, "alice")
	key := push.DeviceKey{App: "notes", Device: b.device("alice").ID}
	b.gateway.Drop(key, "", protocol.CloseReplaced)
	a.SetAppState(sdk.Background) // returns once the session's loop has ended
	if n := b.count("GET /v1/connect"); n != 1 {
		t.Errorf("connected %d times, want 1", n)
	}
	a.SetAppState(sdk.Foreground)
	waitFor(t, "the next foreground's session", func() bool { _, _, ok := b.gateway.Session(key); return ok })
}

func TestDroppedSessionComesBackAndCatchesUp(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	a := openApp(t, b, t.TempDir()).handle().registered()
	a.SetAppState(sdk.Foreground)
	key := push.DeviceKey{App: "notes", Device: b.device("alice").ID}
	for _, code := range []int{protocol.CloseSlow, protocol.CloseTokenExpired, protocol.CloseGoingAway} {
		var was string
		waitFor(t, "a session", func() bool { id, _, ok := b.gateway.Session(key); was = id; return ok })
		p := b.accept("alice", "1", time.Hour)
		b.gateway.Drop(key, was, code)
		b.final(p)
	}
}

func TestLeavingTheForegroundClosesTheSession(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	a := openApp(t, b, t.TempDir()).handle().registered()
	a.open(b, "alice")
	key := push.DeviceKey{App: "notes", Device: b.device("alice").ID}
	b.wait("the foreground to be reported", func() bool { return b.devices[key.Device].AppState == push.AppForeground })
	a.SetAppState(sdk.Background)
	waitFor(t, "no session", func() bool { _, _, ok := b.gateway.Session(key); return !ok })
	b.wait("the background to be reported", func() bool { return b.devices[key.Device].AppState == push.AppBackground })
}

func TestOpenRefusesAWrongConfig(t *testing.T) {
	t.Parallel()
	good := sdk.Config{Server: "https://push.example.com", App: "notes", Dir: t.TempDir(), Platform: sdk.IOS,
		Token: func(context.Context) (string, error) { return "", nil }}
	for want, change := range map[string]func(*sdk.Config){
		"Config.Server":   func(c *sdk.Config) { c.Server = "push.example.com" },
		"Config.App":      func(c *sdk.Config) { c.App = "No Such" },
		"Config.Token":    func(c *sdk.Config) { c.Token = nil },
		"Config.Dir":      func(c *sdk.Config) { c.Dir = "" },
		"Config.Platform": func(c *sdk.Config) { c.Platform = "symbian" },
	} {
		c := good
		change(&c)
		if _, err := sdk.Open(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Open: %v, want an error that names %s", err, want)
		}
	}
}
