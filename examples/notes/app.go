package notes

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/hushpush/hush/pushtest/phonetest/phoneline"
	"github.com/hushpush/hush/sdk"
)

// app is one run of the app.
type app struct {
	home     home
	platform sdk.Platform
	appID    string
	env      sdk.Environment
	hush     *sdk.Client // nil before launch
}

// handle handles an event of the phone, by the calls that a real app makes in the system's hooks.
func (a *app) handle(ctx context.Context, e phoneline.Event) string {
	var err error
	result := phoneline.OK
	switch {
	case e.Kind == phoneline.Launch:
		err = a.launch(ctx, e)
	case a.hush == nil:
		err = fmt.Errorf("notes: a %s before the launch", e.Kind)
	case e.Kind == phoneline.Push:
		result, err = a.push(ctx, e.Data)
	case e.Kind == phoneline.State:
		a.hush.SetAppState(sdk.AppState(e.State))
	case e.Kind == phoneline.Token:
		err = a.register(ctx, e.Token)
	case e.Kind == phoneline.DeletedMessages:
		err = a.hush.HandleDeletedMessages(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err) // to the device log
		return phoneline.Failed
	}
	return result
}

// launch sets Hush up before anything can arrive. An app with a UI logs in, registers (at every launch, because the token may
// be a new one) and opens its session. An app without one was started by the system for a push, and needs none of that.
func (a *app) launch(ctx context.Context, e phoneline.Event) error {
	s, err := a.home.settings()
	if err != nil {
		return err
	}
	a.platform, a.appID, a.env = sdk.Platform(e.Platform), e.AppID, sdk.Environment(e.Environment)
	a.hush, err = sdk.Open(sdk.Config{
		Server: s.Server, App: s.App, Platform: a.platform, Dir: filepath.Join(string(a.home), sdkDir),
		Token: func(ctx context.Context) (string, error) { return userToken(ctx, a.home) },
	})
	if err != nil {
		return err
	}
	a.hush.OnThroughMessageReceived(a.onThroughMessage)
	if err := a.hush.SetBackgroundMessageHandler(onBackground); err != nil {
		return err
	}
	if e.State != phoneline.Foreground {
		return nil
	}
	if err := a.home.login(ctx); err != nil {
		return err
	}
	if err := a.register(ctx, e.Token); err != nil {
		return err
	}
	a.hush.SetAppState(sdk.Foreground)
	return nil
}

// registerWait is how long a launch waits for the registration; the SDK goes on trying by itself.
const registerWait = 10 * time.Second

func (a *app) register(ctx context.Context, token string) error {
	ctx, cancel := context.WithTimeout(ctx, registerWait)
	defer cancel()
	r := sdk.Registration{ProviderToken: token, BundleID: a.appID, Environment: a.env}
	if a.platform == sdk.Android {
		r = sdk.Registration{ProviderToken: token, Package: a.appID}
	}
	return a.hush.RegisterPush(ctx, r)
}

// push gives a push to Hush by the platform's hook. A real app would give a push that is not Hush's to its other push SDK.
func (a *app) push(ctx context.Context, data json.RawMessage) (string, error) {
	if a.platform == sdk.IOS {
		ours, result, err := a.hush.HandleRemoteNotification(ctx, data)
		if !ours {
			return phoneline.NoData, err
		}
		return string(result), err
	}
	var fields map[string]string
	if err := json.Unmarshal(data, &fields); err != nil {
		return phoneline.Failed, fmt.Errorf("notes: reading a message: %w", err)
	}
	ours, err := a.hush.HandleRemoteMessage(ctx, fields)
	if !ours {
		return phoneline.NoData, err
	}
	return phoneline.NewData, err
}
