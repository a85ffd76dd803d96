package sdk_test

import (
	"context"
	"testing"
	"time"

	"github.com/hushpush/hush/internal/lifecycle"
	"github.com/hushpush/hush/sdk"
)

// startedApp starts an app's client as a launch in the foreground does, with a push that waits for it.
type startedApp struct {
	*app
	b *backend
}

func (s startedApp) Start(ctx context.Context) error {
	err := s.RegisterPush(ctx, sdk.Registration{ProviderToken: "ff00", BundleID: "com.example.notes", Environment: sdk.Production})
	if err == nil {
		s.b.accept("alice", "1", time.Hour)
	}
	s.SetAppState(sdk.Foreground)
	return err
}

func (s startedApp) Stop() error { return s.Close() }

func TestAClientStartsAndStopsAsEveryServiceDoes(t *testing.T) {
	lifecycle.Exercise(t, func(t *testing.T) lifecycle.Service {
		b := newBackend(t)
		return startedApp{openApp(t, b, t.TempDir()).handle(), b}
	})
}
