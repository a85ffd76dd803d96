package auth_test

import (
	"context"
	"testing"

	"github.com/hushpush/hush/internal/auth"
	"github.com/hushpush/hush/internal/lifecycle"
	"github.com/hushpush/hush/push"
)

// noted is a store that reports when the use of a key is written.
type noted struct {
	*memory
	written chan struct{} // 1 place
}

func (n noted) KeysUsed(context.Context, []push.KeyUse) error {
	select {
	case n.written <- struct{}{}:
	default:
	}
	return nil
}

func TestAuthRunsAsEveryLoopDoes(t *testing.T) {
	lifecycle.ExerciseRun(t, func(t *testing.T) lifecycle.Loop {
		id, secret, hash := auth.NewServerKey()
		m := &memory{server: []storedKey{{push.ServerKey{ID: id, App: "notes", Role: push.RoleSend}, hash}}}
		n := noted{m, make(chan struct{}, 1)}
		a, err := auth.New(auth.Config{Store: n, RootKey: rootKey, WakeSecret: wakeSecret})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.ServerKey(t.Context(), secret); err != nil { // its use is to be written
			t.Fatal(err)
		}
		return lifecycle.Loop{Run: a.Run, Working: func() { <-n.written }}
	})
}
