package auth_test

import (
	"testing"
	"time"

	"github.com/hushpush/hush/internal/auth"
	"github.com/hushpush/hush/push"
)

func TestThatADeviceWasHeardIsNotedOnceAnHour(t *testing.T) {
	t.Parallel()
	credential, hash := auth.NewCredential()
	m := &memory{devices: []push.Device{{App: "notes", ID: "d1", User: "alice", CredentialHash: hash}}}
	now := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	a, err := auth.New(auth.Config{Store: m, RootKey: rootKey, WakeSecret: wakeSecret, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		for range 10 {
			if _, err := a.DeviceByCredential(t.Context(), credential); err != nil {
				t.Fatal(err)
			}
		}
		now = now.Add(30 * time.Minute)
	}
	if len(m.heard) != 3 {
		t.Errorf("noted at %v; want once in each of 3 hours", m.heard)
	}
}
