package auth_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hushpush/hush/internal/auth"
	"github.com/hushpush/hush/push"
)

func TestTheUseOfKeysIsNotedOnceAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		id, secret, hash := auth.NewServerKey()
		m := &memory{
			server:  []storedKey{{push.ServerKey{ID: id, App: "notes", Role: push.RoleSend}, hash}},
			signing: []push.SigningKey{hs256("notes", "k1", secretOfK1)},
		}
		a, err := auth.New(auth.Config{Store: m, RootKey: rootKey, WakeSecret: wakeSecret})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); a.Run(ctx) }()
		token := sign(t, "k1", secretOfK1, claims("notes", "alice", time.Now().Add(time.Hour)))
		use := func() {
			t.Helper()
			if _, err := a.ServerKey(t.Context(), secret); err != nil {
				t.Fatal(err)
			}
			if _, err := a.UserToken(t.Context(), token); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		use()
		use()
		if len(m.uses) != 2 || m.uses[0] != (push.KeyUse{App: "notes", ID: id, At: time.Now()}) && m.uses[1] != (push.KeyUse{App: "notes", ID: id, At: time.Now()}) {
			t.Errorf("after two uses of each key at once: %+v; want one of each", m.uses)
		}
		time.Sleep(time.Minute)
		use()
		if len(m.uses) != 4 {
			t.Errorf("after another minute: %d notes; want 4", len(m.uses))
		}
		_, _ = a.ServerKey(t.Context(), "hush_key_unknown")
		stop()
		<-done
		if len(m.uses) != 4 {
			t.Errorf("after a key that nobody knows: %d notes; want 4", len(m.uses))
		}
	})
}

func TestAKeyPastItsEndLetsNobodyIn(t *testing.T) {
	t.Parallel()
	a, m := setup(t)
	token := sign(t, "k1", secretOfK1, claims("notes", "alice", noon.Add(time.Hour)))
	for _, tt := range []struct {
		end  time.Time
		good bool
	}{{time.Time{}, true}, {noon.Add(time.Microsecond), true}, {noon, false}, {noon.Add(-time.Hour), false}} {
		facts := push.KeyFacts{ExpiresAt: tt.end}
		_, secret, hash := auth.NewServerKey()
		m.server = []storedKey{{push.ServerKey{ID: "s", App: "notes", Role: push.RoleSend, KeyFacts: facts}, hash}}
		key := hs256("notes", "k1", secretOfK1)
		key.KeyFacts = facts
		m.signing = []push.SigningKey{key}
		if _, err := a.ServerKey(t.Context(), secret); (err == nil) != tt.good {
			t.Errorf("a server key with the end %s at %s: %v; want good %v", tt.end, noon, err, tt.good)
		}
		if _, err := a.UserToken(t.Context(), token); (err == nil) != tt.good {
			t.Errorf("a token of a signing key with the end %s at %s: %v; want good %v", tt.end, noon, err, tt.good)
		}
	}
}
