package hushtest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/hushpush/hush/pushtest/phonetest"
	"github.com/hushpush/hush/pushtest/phonetest/phoneline"
	"github.com/hushpush/hush/pushtest/sdkapp"
	"github.com/hushpush/hush/sdk"
)

// Phone returns a new phone of a user. Its app has the SDK in it, was opened once, so that it is registered, and is in the
// background; handler gets what comes, nil answers new data to everything. The phone's methods move it on, such as
// SetState(ctx, phonetest.Foreground), with which the app opens its session. A test that fails prints what the phone saw.
func (s *Server) Phone(t testing.TB, user string, platform phonetest.Platform, handler sdk.Handler) *phonetest.Phone {
	t.Helper()
	if handler == nil {
		handler = func(context.Context, sdk.Message) sdk.FetchResult { return sdk.NewData }
	}
	app := &installed{config: sdkapp.Config{
		Server: s.URL, App: App, Dir: t.TempDir(), Handler: handler,
		Token: func(ctx context.Context) (string, error) {
			token, err := s.UserToken(ctx, App, user, time.Hour)
			return token.Token, err
		},
	}}
	fleet := phonetest.New(phonetest.Config{APNs: phonetest.APNs(s.APNs), FCM: phonetest.FCM(s.FCM)})
	t.Cleanup(func() {
		fleet.Close()
		app.end(t)
	})
	id := BundleID
	if platform == phonetest.Android {
		id = Package
	}
	phone, err := fleet.Add(t.Context(), phonetest.Spec{
		Platform: platform, App: phonetest.InProcess(app.launch), AppID: id, State: phonetest.Background,
	})
	if err != nil {
		t.Fatalf("hushtest: a phone of %q: %v", user, err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(phone.History())
		}
	})
	return phone
}

// installed is an app on one phone, through all its launches.
type installed struct {
	config sdkapp.Config

	mu   sync.Mutex
	runs []*sdkapp.App // guarded by mu
}

// launch begins a run of the app.
func (i *installed) launch(_ string, log func(string)) phonetest.Program {
	cfg := i.config
	cfg.Log = log
	run, err := sdkapp.New(cfg)
	if err != nil {
		return broken{err, log}
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.runs = append(i.runs, run)
	return run
}

// end ends what the phone's system could not: connections of a run without a process.
func (i *installed) end(t testing.TB) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, run := range i.runs {
		if err := run.Close(); err != nil {
			t.Errorf("hushtest: an app's end: %v", err)
		}
	}
}

// broken is an app that cannot start.
type broken struct {
	err error
	log func(string)
}

func (b broken) Handle(context.Context, phoneline.Event) string {
	b.log(b.err.Error())
	return phoneline.Failed
}
