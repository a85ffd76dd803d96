package auth_test

import (
	"context"
	"testing"

	"github.com/hushpush/hush/internal/auth"
	"github.com/hushpush/hush/internal/lifecycle"
	"github.com/hushpush/hush/push"
)

func TestAuthStartsAndStopsAsEveryServiceDoes(t *testing.T) {
	lifecycle.Exercise(t, func(t *testing.T) lifecycle.Service {
		id, secret, hash := auth.NewServerKey()
		m := &memory{server: []storedKey{{push.ServerKey{ID: id, App: "notes", Role: push.RoleSend}, hash}}}
		a, err := auth.New(auth.Config{Store: m, RootKey: rootKey, WakeSecret: wakeSecret})
		if err != nil {
			t.Fatal(err)
		}
		return lifecycle.Running(func(ctx context.Context) {
			_, _ = a.ServerKey(context.Background(), secret) // its use is to be written
			a.Run(ctx)
		})
	})
}
