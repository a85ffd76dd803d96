// Package sdkapp is the smallest app with Hush's SDK in it, as it runs on a simulated phone: it registers when it is opened,
// has a session while it is in the foreground, and gives every push to one handler. "hush sim app" is this app as a process;
// package hushtest puts it on the phones of a test.
package sdkapp

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hushpush/hush/pushtest/phonetest/phoneline"
	"github.com/hushpush/hush/sdk"
)

// Config is what an app is installed with. The fields above Log are required.
type Config struct {
	Server  string                                // the Hush server's address
	App     string                                // the app's name there
	Dir     string                                // the app's own directory, kept from launch to launch
	Token   func(context.Context) (string, error) // gives a user token, which a real app asks its own backend for
	Handler sdk.Handler                           // gets each push once, in the foreground and in the background
	Log     func(text string)                     // is called with each error; nil discards them
	TLS     *tls.Config                           // as in sdk.Config
	Proxy   string                                // as in sdk.Config
}

// App is one run of an installed app: a process, or what stands for one.
type App struct {
	cfg Config

	mu       sync.Mutex
	launched phoneline.Event // guarded by mu
	hush     *sdk.Client     // guarded by mu; nil before the launch
}

// New checks cfg. The app calls nobody before its phone launches it.
func New(cfg Config) (*App, error) {
	if cfg.Server == "" || cfg.App == "" || cfg.Dir == "" || cfg.Token == nil || cfg.Handler == nil {
		return nil, errors.New("sdkapp: Server, App, Dir, Token and Handler are required; one of them is missing")
	}
	if cfg.Log == nil {
		cfg.Log = func(string) {}
	}
	return &App{cfg: cfg}, nil
}

// Handle handles an event of the phone, and returns the result that the phone wants.
func (a *App) Handle(ctx context.Context, e phoneline.Event) string {
	result, err := a.handle(ctx, e)
	if err != nil {
		a.cfg.Log(err.Error())
		return phoneline.Failed
	}
	return result
}

func (a *App) handle(ctx context.Context, e phoneline.Event) (result string, err error) {
	if e.Kind == phoneline.Launch {
		return phoneline.OK, a.launch(ctx, e)
	}
	client, launched := a.run()
	switch {
	case client == nil:
		return "", fmt.Errorf("sdkapp: a %s before the launch; want a phone that tells its app all events (hush sim world --app-events all)", e.Kind)
	case e.Kind == phoneline.Push && launched.Platform == string(sdk.IOS):
		return notified(ctx, client, e.Data)
	case e.Kind == phoneline.Push:
		return messaged(ctx, client, e.Data)
	case e.Kind == phoneline.State:
		client.SetAppState(sdk.AppState(e.State))
	case e.Kind == phoneline.Token:
		return phoneline.OK, register(ctx, client, launched, e.Token)
	case e.Kind == phoneline.DeletedMessages:
		return phoneline.OK, client.HandleDeletedMessages(ctx)
	}
	return phoneline.OK, nil
}

func (a *App) run() (*sdk.Client, phoneline.Event) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.hush, a.launched
}

// launch sets the SDK up. An app that the system starts for a push neither registers nor opens a session.
func (a *App) launch(ctx context.Context, e phoneline.Event) error {
	client, err := sdk.Open(sdk.Config{
		Server: a.cfg.Server, App: a.cfg.App, Dir: a.cfg.Dir, Token: a.cfg.Token, Platform: sdk.Platform(e.Platform),
		TLS: a.cfg.TLS, Proxy: a.cfg.Proxy,
		AnyBackgroundHandler: true, // every run sets the handler, also one that was started for a push
	})
	if err != nil {
		return err
	}
	a.mu.Lock()
	a.hush, a.launched = client, e
	a.mu.Unlock()
	client.OnThroughMessageReceived(a.cfg.Handler)
	if err := client.SetBackgroundMessageHandler(a.cfg.Handler); err != nil {
		return err
	}
	if e.State != phoneline.Foreground {
		return nil
	}
	if err := register(ctx, client, e, e.Token); err != nil {
		return err
	}
	client.SetAppState(sdk.Foreground)
	return nil
}

// registerWait is how long a launch waits for the registration; the SDK goes on trying by itself.
const registerWait = 10 * time.Second

func register(ctx context.Context, client *sdk.Client, launched phoneline.Event, token string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, registerWait, fmt.Errorf("sdkapp: no answer to a registration within %s", registerWait))
	defer cancel()
	r := sdk.Registration{ProviderToken: token, Package: launched.AppID}
	if launched.Platform == string(sdk.IOS) {
		r = sdk.Registration{ProviderToken: token, BundleID: launched.AppID, Environment: sdk.Environment(launched.Environment)}
	}
	return client.RegisterPush(ctx, r)
}

// notified gives a push that came by APNs to the SDK. A real app would give one that is not Hush's to its other push SDK.
func notified(ctx context.Context, client *sdk.Client, data json.RawMessage) (string, error) {
	ours, result, err := client.HandleRemoteNotification(ctx, data)
	if !ours {
		return phoneline.NoData, err
	}
	return string(result), err
}

// messaged is notified for FCM.
func messaged(ctx context.Context, client *sdk.Client, data json.RawMessage) (string, error) {
	var fields map[string]string
	if err := json.Unmarshal(data, &fields); err != nil {
		return "", fmt.Errorf("sdkapp: reading a message: %w", err)
	}
	ours, err := client.HandleRemoteMessage(ctx, fields)
	if !ours {
		return phoneline.NoData, err
	}
	return phoneline.NewData, err
}

// Close ends the run.
func (a *App) Close() error {
	client, _ := a.run()
	if client == nil {
		return nil
	}
	return client.Close()
}
