package auth_test

import (
	"errors"
	"testing"
	"time"

	"github.com/hushpush/hush/internal/auth"
	"github.com/hushpush/hush/push"
)

func TestServerKeysAreKnownByTheirHash(t *testing.T) {
	t.Parallel()
	a, m := setup(t)
	id, secret, hash := auth.NewServerKey()
	m.server = []storedKey{{push.ServerKey{ID: id, App: "notes", Role: push.RoleSend}, hash}}

	got, err := a.ServerKey(t.Context(), secret)
	if err != nil || got.ID != id || got.App != "notes" || got.Role != push.RoleSend {
		t.Errorf("ServerKey of a stored key: %+v, %v; want key %s of notes with role send", got, err, id)
	}
	root, err := a.ServerKey(t.Context(), rootKey)
	if err != nil || root.Role != push.RoleRoot || root.App != "" {
		t.Errorf("ServerKey of the root key: %+v, %v; want role root without an app", root, err)
	}
}

func TestWhatIsNoServerKeyIsUnauthenticated(t *testing.T) {
	t.Parallel()
	a, m := setup(t)
	m.signing = []push.SigningKey{hs256("notes", "k1", secretOfK1)}
	userToken := sign(t, "k1", secretOfK1, claims("notes", "alice", noon.Add(time.Hour)))
	if _, err := a.UserToken(t.Context(), userToken); err != nil {
		t.Fatalf("the user token of this test is not good: %v", err)
	}
	credential, hash := auth.NewCredential()
	m.devices = []push.Device{{App: "notes", ID: "d", User: "alice", CredentialHash: hash}}
	for name, bearer := range map[string]string{
		"nothing": "", "a guess": "hush_key_guess", "a user token": userToken, "a credential": credential,
		"the root key's hash": string(auth.Hash(rootKey)), "part of the root key": rootKey[:20],
	} {
		if _, err := a.ServerKey(t.Context(), bearer); !errors.Is(err, push.ErrUnauthenticated) {
			t.Errorf("ServerKey of %s: %v; want ErrUnauthenticated", name, err)
		}
	}
}

func TestACredentialThatIsUnknownOrVoidAsksToRegisterAgain(t *testing.T) {
	t.Parallel()
	a, m := setup(t)
	good, hash := auth.NewCredential()
	left, leftHash := auth.NewCredential()
	m.devices = []push.Device{
		{App: "notes", ID: "d1", User: "alice", CredentialHash: hash},
		{App: "notes", ID: "d2", CredentialHash: leftHash}, // unregistered
	}
	if d, err := a.DeviceByCredential(t.Context(), good); err != nil || d.ID != "d1" {
		t.Errorf("DeviceByCredential of a good one: device %q, %v; want d1", d.ID, err)
	}
	for name, credential := range map[string]string{"unknown": "hush_dev_x", "of an unregistered device": left, "root": rootKey} {
		if _, err := a.DeviceByCredential(t.Context(), credential); !errors.Is(err, push.ErrRegisterAgain) {
			t.Errorf("DeviceByCredential, %s: %v; want ErrRegisterAgain", name, err)
		}
	}
}

func TestSecretsAreNeverTheSame(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 100 {
		id, key, _ := auth.NewServerKey()
		credential, _ := auth.NewCredential()
		for _, s := range []string{id, key, credential} {
			if seen[s] {
				t.Fatalf("%q came twice", s)
			}
			seen[s] = true
		}
	}
}
