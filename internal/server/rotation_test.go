package server_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hushpush/hush/internal/config"
	"github.com/hushpush/hush/internal/server"
	"github.com/hushpush/hush/internal/store/pgtest"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// node is a server by hand, so that a test can stop it and start it again on the same data.
type node struct {
	t        *testing.T
	settings config.Config
	srv      *server.Server
}

func startNode(t *testing.T, settings config.Config) *node {
	t.Helper()
	srv, err := server.Start(t.Context(), server.Config{Settings: settings})
	if err != nil {
		t.Fatal(err)
	}
	n := &node{t: t, settings: settings, srv: srv}
	t.Cleanup(n.stop)
	return n
}

func (n *node) stop() {
	if err := n.srv.Shutdown(n.t.Context()); err != nil && n.t.Context().Err() == nil {
		n.t.Error(err)
	}
}

func (n *node) ask(key, method, path, body string, into any) (status int) {
	n.t.Helper()
	req, err := http.NewRequestWithContext(n.t.Context(), method, n.srv.URL()+path, strings.NewReader(body))
	if err != nil {
		n.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		n.t.Fatal(err)
	}
	defer resp.Body.Close()
	if into != nil {
		if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
			n.t.Fatal(err)
		}
	}
	return resp.StatusCode
}

func (n *node) root(method, path, body string, into any) (status int) {
	n.t.Helper()
	return n.ask(n.srv.RootKey().Reveal(), method, path, body, into)
}

func TestTheRootKeyBeforeIsGoodForAWhile(t *testing.T) {
	t.Parallel()
	n := startNode(t, config.Config{Data: t.TempDir()})
	first := n.srv.RootKey().Reveal()
	var second, third protocol.RootKey
	if status := n.ask(first, "POST", "/v1/root-key/rotate", `{"keep": "1h"}`, &second); status != 201 || second.Secret == first {
		t.Fatalf("rotating: %d %+v; want another key", status, second.KeyID)
	}
	good := func(when string, want map[string]int) {
		t.Helper()
		for key, status := range want {
			if got := n.ask(key, "GET", "/v1/apps", "", nil); got != status {
				t.Errorf("%s, key %.14s…: %d; want %d", when, key, got, status)
			}
		}
	}
	good("after a rotation", map[string]int{first: 200, second.Secret: 200})
	n.stop()
	n = startNode(t, n.settings)
	good("after a restart", map[string]int{first: 200, second.Secret: 200})
	if got := n.srv.RootKey().Reveal(); got != second.Secret {
		t.Error("after a restart root.key is not the new key")
	}
	n.ask(first, "POST", "/v1/root-key/rotate", `{"keep": "0s"}`, &third)
	good("after a rotation that keeps nothing", map[string]int{first: 401, second.Secret: 401, third.Secret: 200})
	eventually(t, "the old key's file is gone", func() bool {
		_, err := os.Stat(filepath.Join(n.settings.Data, "root.key.old"))
		return os.IsNotExist(err)
	})
	if status := n.root("POST", "/v1/root-key/rotate", `{"keep": "-1s"}`, nil); status != 422 {
		t.Errorf("keep -1s: %d; want 422", status)
	}
}

// fill stores signing keys, which a node has encrypted.
func (n *node) fill(keys int) {
	n.t.Helper()
	n.root("PUT", "/v1/apps/notes", `{}`, nil)
	for i := range keys {
		kid := "k" + strings.Repeat("x", i%40) + string(rune('a'+i%26))
		if status := n.root("PUT", "/v1/apps/notes/signing-keys/"+kid, `{"alg":"HS256","secret":"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="}`, nil); status > 201 {
			n.t.Fatalf("signing key %s: %d", kid, status)
		}
	}
}

func (n *node) token() string {
	n.t.Helper()
	var token protocol.UserToken
	if status := n.root("POST", "/v1/apps/notes/user-tokens", `{"user": "alice"}`, &token); status != 200 {
		n.t.Fatalf("user token: %d", status)
	}
	return token.Token
}

func (n *node) wantGood(token, when string) {
	n.t.Helper()
	body := `{"device_id": "d` + string(push.NewID()) + `", "platform": "android", "package": "c"}`
	if status := n.ask(token, "PUT", "/v1/device", body, nil); status != 200 {
		n.t.Errorf("a token of a key that was encrypted before, %s: %d; want 200", when, status)
	}
}

func TestASecretKeyIsRotatedWhileTheServerRuns(t *testing.T) {
	t.Parallel()
	for engine, database := range map[string]push.Secret{"sqlite": "", "postgres": push.Secret(pgtest.URL(t))} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			n := startNode(t, config.Config{Data: t.TempDir(), Database: database})
			path := filepath.Join(n.settings.Data, "secret.key")
			before := read(t, path)
			n.fill(150)
			token := n.token()
			var key protocol.SecretKey
			if status := n.root("POST", "/v1/secret-key/rotate", "", &key); status != 202 {
				t.Fatalf("rotating: %d", status)
			}
			n.wantGood(token, "during the rotation")
			eventually(t, "one key is left in the file, another one", func() bool {
				now := read(t, path)
				return !strings.Contains(now, strings.TrimSpace(before)) && len(strings.Fields(now)) == 1
			})
			if n.root("GET", "/v1/secret-key", "", &key); len(key.OldKeyIDs) != 0 {
				t.Errorf("when the rotation is done: %+v; want no old key", key)
			}
			n.wantGood(token, "after the rotation")
			n.stop()
			again := startNode(t, n.settings)
			again.wantGood(token, "after a restart with the new key alone")
			again.stop()
			write(t, path, before)
			if srv, err := server.Start(t.Context(), server.Config{Settings: n.settings}); err == nil || !strings.Contains(err.Error(), key.KeyID) {
				if err == nil {
					_ = srv.Shutdown(t.Context())
				}
				t.Errorf("with the old key alone: %v; want a refusal that names %s", err, key.KeyID)
			}
		})
	}
}

func TestARotationOfTheSecretKeyThatWasCutShortGoesOn(t *testing.T) {
	t.Parallel()
	n := startNode(t, config.Config{Data: t.TempDir()})
	other := startNode(t, config.Config{Data: t.TempDir()}) // makes another good key
	path := filepath.Join(n.settings.Data, "secret.key")
	before, made := read(t, path), read(t, filepath.Join(other.settings.Data, "secret.key"))
	n.fill(3)
	token := n.token()
	n.stop()
	write(t, path, made+before) // as a process leaves it that is killed when it has written the file
	n = startNode(t, n.settings)
	n.wantGood(token, "with both keys")
	eventually(t, "the old key is out of the file", func() bool { return read(t, path) == made })
	n.stop()
	n = startNode(t, n.settings)
	n.wantGood(token, "with the new key alone")
}

// Whoever sees no old key any more may take a copy of the file, and throw the old one away.
func TestARotationIsDoneWhenNoOldKeyIsNamed(t *testing.T) {
	t.Parallel()
	n := startNode(t, config.Config{Data: t.TempDir()})
	path := filepath.Join(n.settings.Data, "secret.key")
	n.fill(26)
	token := n.token()
	for range 9 { // more often than there may be keys in the file
		var key protocol.SecretKey
		if status := n.root("POST", "/v1/secret-key/rotate", "", &key); status != 202 {
			t.Fatalf("rotating: %d", status)
		}
		eventually(t, "no old key is named", func() bool {
			return len(key.OldKeyIDs) == 0 || n.root("GET", "/v1/secret-key", "", &key) == 200 && len(key.OldKeyIDs) == 0
		})
		if keys := len(strings.Fields(read(t, path))); keys != 1 {
			t.Errorf("when no old key is named, the file has %d keys; want 1", keys)
		}
		n.wantGood(token, "after a rotation")
	}
}

func TestOldKeysOfTheEnvironmentAreNamedWhileTheyAreNeeded(t *testing.T) {
	t.Parallel()
	n := startNode(t, config.Config{Data: t.TempDir()})
	other := startNode(t, config.Config{Data: t.TempDir()}) // makes another good key
	before, made := read(t, filepath.Join(n.settings.Data, "secret.key")), read(t, filepath.Join(other.settings.Data, "secret.key"))
	n.fill(3)
	token := n.token()
	n.stop()
	n.settings.SecretKey = push.Secret(made + before)
	n = startNode(t, n.settings)
	eventually(t, "no old key is named", func() bool {
		var key protocol.SecretKey
		return n.root("GET", "/v1/secret-key", "", &key) == 200 && len(key.OldKeyIDs) == 0
	})
	n.stop()
	n.settings.SecretKey = push.Secret(made)
	n = startNode(t, n.settings)
	n.wantGood(token, "with the new line alone")
}

// wakeKeyOf asks for the wake key of a wake that a device could not open.
func (n *node) wakeKeyOf(credential, wake string) push.WakeKey {
	n.t.Helper()
	req, err := http.NewRequestWithContext(n.t.Context(), "POST", n.srv.URL()+"/v1/foreign-wakes", strings.NewReader(wake))
	if err != nil {
		n.t.Fatal(err)
	}
	req.Header.Set(protocol.HeaderDevice, credential)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		n.t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer protocol.ForeignWakeAnswer
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		n.t.Fatalf("%s: %v", resp.Status, err)
	}
	key, err := answer.WakeKey.Parse()
	if err != nil {
		n.t.Fatal(err)
	}
	return key
}

// Providers hold wakes for weeks: the secret that wake keys are derived from is sealed anew, and stays the same.
func TestAWakeSealedBeforeARotationOpensAfter(t *testing.T) {
	t.Parallel()
	for engine, database := range map[string]push.Secret{"sqlite": "", "postgres": push.Secret(pgtest.URL(t))} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			n := startNode(t, config.Config{Data: t.TempDir(), Database: database})
			path := filepath.Join(n.settings.Data, "secret.key")
			first := strings.TrimSpace(read(t, path))
			n.fill(1)
			var device protocol.DeviceResponse
			n.ask(n.token(), "PUT", "/v1/device", `{"device_id": "d1", "platform": "android", "package": "c"}`, &device)
			key, err := device.WakeKey.Parse()
			if err != nil {
				t.Fatal(err)
			}
			text, err := protocol.SealWake(key, []byte(`{}`))
			if err != nil {
				t.Fatal(err)
			}
			var wake protocol.SealedWake
			if err := json.Unmarshal(text, &wake); err != nil {
				t.Fatal(err)
			}
			report, _ := json.Marshal(protocol.ForeignWake{K: wake.K, S: wake.S})
			opens := func(when string) {
				t.Helper()
				if _, err := wake.Open(n.wakeKeyOf(device.Credential, string(report))); err != nil {
					t.Errorf("with its device's key %s: %v", when, err)
				}
			}
			if status := n.root("POST", "/v1/secret-key/rotate", "", nil); status != 202 {
				t.Fatalf("rotating: %d", status)
			}
			opens("during the rotation")
			eventually(t, "the old key is out of the file", func() bool { return !strings.Contains(read(t, path), first) })
			opens("after the rotation")
			n.stop()
			n = startNode(t, n.settings)
			opens("after a restart with the new key alone")
		})
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
