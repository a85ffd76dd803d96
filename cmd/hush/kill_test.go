package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hushpush/hush/client"
	"github.com/hushpush/hush/internal/store/pgtest"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
	"github.com/hushpush/hush/pushtest/apnstest"
	"github.com/hushpush/hush/pushtest/fcmtest"
	"github.com/hushpush/hush/pushtest/hushtest"
	"github.com/hushpush/hush/sdk"
)

// TestAcceptedIsKeptAndHandledOnceThroughKills sends to phones in all situations while the server's process is killed with
// SIGKILL at random moments. What was answered 202 is handled on its phone in the end, and no handler runs twice.
func TestAcceptedIsKeptAndHandledOnceThroughKills(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, engine := range map[string]func(*testing.T) []hushtest.Option{
		"sqlite":   func(*testing.T) []hushtest.Option { return nil },
		"postgres": func(t *testing.T) []hushtest.Option { return []hushtest.Option{hushtest.Database(pgtest.URL(t))} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts := append(engine(t), hushtest.Command(self, asHush+"=1"), hushtest.RetryWait(time.Second), hushtest.AckWait(time.Second))
			w := &killed{t: t, hush: hushtest.Start(t, opts...), accepted: make(map[string]string), handled: make(map[string][]string)}
			w.play()
		})
	}
}

// killed is one server, its phones, and what became of every push.
type killed struct {
	t    *testing.T
	hush *hushtest.Server

	mu       sync.Mutex          // guards all below
	accepted map[string]string   // push id → user
	handled  map[string][]string // user → push ids, in the order handled
}

const killedPhones, kills = 6, 5

func (w *killed) play() {
	w.generousResource()
	key := push.Secret(w.hush.Key)
	for i := range killedPhones {
		w.phone(fmt.Sprint("user", i), []sdk.Platform{sdk.IOS, sdk.Android}[i%2], i >= killedPhones-2)
	}
	ctx, stop := context.WithCancel(w.t.Context())
	var senders sync.WaitGroup
	for i := range killedPhones {
		senders.Go(func() { w.send(ctx, key, fmt.Sprint("user", i)) })
	}
	seed := rand.Uint64()
	w.t.Logf("seed of the moments of the kills: %d", seed)
	moments := rand.New(rand.NewPCG(seed, 0))
	for range kills {
		before := w.sent()
		w.eventually("some pushes are accepted", func() bool { return w.sent() >= before+10 })
		time.Sleep(time.Duration(moments.IntN(50)) * time.Millisecond) // chance: any moment is to do
		w.hush.Kill(w.t)
	}
	stop()
	senders.Wait()
	w.mu.Lock()
	ids := make(map[string]string, len(w.accepted))
	for id, user := range w.accepted {
		ids[id] = user
	}
	w.mu.Unlock()
	for id := range ids {
		w.hush.WaitState(w.t, id, push.Handled)
	}
	w.check(ids)
}

// check compares what was accepted with what the handlers saw.
func (w *killed) check(accepted map[string]string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.t.Logf("%d pushes accepted through %d kills", len(accepted), kills)
	for id, user := range accepted {
		if !slices.Contains(w.handled[user], id) {
			w.t.Errorf("push %s was accepted, and the handler of %s never saw it", id, user)
		}
	}
	for user, ids := range w.handled {
		slices.Sort(ids)
		if once := slices.Compact(slices.Clone(ids)); len(once) != len(ids) {
			w.t.Errorf("the handler of %s ran %d times for %d pushes", user, len(ids), len(once))
		}
	}
}

func (w *killed) sent() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.accepted)
}

func (w *killed) eventually(what string, cond func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(hushtest.Wait); !cond(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatalf("not within %s: %s", hushtest.Wait, what)
		}
	}
}

// generousResource lets every push have a wake of its own, soon again if no receipt comes.
func (w *killed) generousResource() {
	w.t.Helper()
	s := &protocol.Strategy{
		Budget: &protocol.Budget{Wakes: 1000, Per: "1s", Burst: 1000}, Rewake: &protocol.Rewake{Times: 20, After: "1s"},
	}
	if _, _, err := w.hush.PutResource(w.t.Context(), hushtest.App, "generous", protocol.Resource{APNs: s, FCM: s}); err != nil {
		w.t.Fatal(err)
	}
}

// send sends pushes to a user until ctx ends. A server that is not there is asked again with a new push: what it had
// accepted without saying so is not counted, and must not be handled twice either.
func (w *killed) send(ctx context.Context, key push.Secret, user string) {
	c, err := client.New(client.Config{Server: w.hush.URL, Key: key, Tries: 1})
	if err != nil {
		w.t.Error(err)
		return
	}
	for ctx.Err() == nil {
		a, err := c.Push(ctx, hushtest.App, protocol.PushRequest{To: protocol.Audience{Users: []string{user}}, ResourceID: "generous", Payload: user})
		if err != nil {
			time.Sleep(10 * time.Millisecond)
			continue
		}
		w.mu.Lock()
		w.accepted[a.PushID] = user
		w.mu.Unlock()
		time.Sleep(5 * time.Millisecond)
	}
}

// phone returns an app with the SDK, woken by its provider, or with a session where it is in the foreground.
func (w *killed) phone(user string, platform sdk.Platform, foreground bool) {
	w.t.Helper()
	t := w.t
	token := w.hush.Token(t, user)
	app, err := sdk.Open(sdk.Config{
		Server: w.hush.URL, App: hushtest.App, Dir: t.TempDir(), Platform: platform, AnyBackgroundHandler: true,
		Token: func(context.Context) (string, error) { return token, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { app.Close() })
	handle := func(_ context.Context, m sdk.Message) sdk.FetchResult {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.handled[user] = append(w.handled[user], m.ID)
		return sdk.NewData
	}
	app.OnThroughMessageReceived(handle)
	if err := app.SetBackgroundMessageHandler(handle); err != nil {
		t.Fatal(err)
	}
	var wakes sync.WaitGroup
	t.Cleanup(wakes.Wait)
	provider := fmt.Sprintf("%064x", len(user)<<8|int(user[len(user)-1]))
	reg := sdk.Registration{ProviderToken: provider, BundleID: hushtest.BundleID, Environment: sdk.Production}
	if platform == sdk.IOS {
		err = w.hush.APNs.Register(apnstest.Token{Token: provider, Topic: hushtest.BundleID, Online: true, Deliver: func(n apnstest.Notification) {
			wakes.Go(func() { app.HandleRemoteNotification(context.Background(), n.Payload) })
		}})
	} else {
		reg = sdk.Registration{ProviderToken: provider, Package: hushtest.Package}
		err = w.hush.FCM.Register(fcmtest.Token{Token: provider, Package: hushtest.Package, Online: true, Deliver: func(m fcmtest.Message) {
			wakes.Go(func() { app.HandleRemoteMessage(context.Background(), m.Data) })
		}})
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := app.RegisterPush(t.Context(), reg); err != nil {
		t.Fatal(err)
	}
	if foreground {
		app.SetAppState(sdk.Foreground)
	}
}
