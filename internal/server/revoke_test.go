package server_test

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/lxzan/gws"

	"github.com/hushpush/hush/internal/store/pgtest"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/pushtest/hushtest"
)

// revocation is a server with an app, a socket, and streams that lean on different keys.
type revocation struct {
	t    *testing.T
	hush *hushtest.Server
	root string
	app  string
}

const (
	secretOfBackend = "0123456789abcdef0123456789abcdef"
	anotherSecret   = "fedcba9876543210fedcba9876543210"
)

func newRevocation(t *testing.T, options ...hushtest.Option) *revocation {
	t.Helper()
	r := &revocation{t: t, hush: hushtest.Start(t, options...), app: "revoked"}
	r.root = r.hush.RootKey
	r.makeApp()
	return r
}

func (r *revocation) makeApp() {
	r.t.Helper()
	r.must(201, http.MethodPut, "", `{}`)
	r.must(201, http.MethodPut, "/resources/both", `{"fcm": {"ttl": "24h"}}`)
}

// must asks with the root key, below the app's path.
func (r *revocation) must(want int, method, path, body string) string {
	r.t.Helper()
	status, answer := ask(r.t, r.hush, method, "/v1/apps/"+r.app+path, r.root, "", body)
	if status != want {
		r.t.Fatalf("%s %s: %d %s; want %d", method, path, status, answer, want)
	}
	return answer
}

func (r *revocation) signingKey(kid, secret string) (token string) {
	r.t.Helper()
	body, _ := json.Marshal(protocol.SigningKeyRequest{Alg: "HS256", Secret: b64(secret)})
	if status, answer := ask(r.t, r.hush, http.MethodPut, "/v1/apps/"+r.app+"/signing-keys/"+kid, r.root, "", string(body)); status > 201 {
		r.t.Fatalf("signing key: %d %s", status, answer)
	}
	unsigned := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"sub": "alice", "aud": r.app, "exp": time.Now().Add(time.Hour).Unix()})
	unsigned.Header["kid"] = kid
	token, err := unsigned.SignedString([]byte(secret))
	if err != nil {
		r.t.Fatal(err)
	}
	return token
}

func (r *revocation) serverKey(role string) (id, secret string) {
	r.t.Helper()
	var key protocol.Key
	r.decode(r.must(201, http.MethodPost, "/keys", fmt.Sprintf(`{"role": %q}`, role)), &key)
	return key.KeyID, key.Secret
}

func (r *revocation) decode(text string, into any) {
	r.t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		r.t.Fatal(err)
	}
}

// device registers a device of alice's and gives its credential.
func (r *revocation) device(id, token string) string {
	r.t.Helper()
	status, answer := putDevice(r.t, r.hush, token, "", fmt.Sprintf(`{"device_id": %q, "platform": "android", "package": "com.example"}`, id))
	var d protocol.DeviceResponse
	r.decode(answer, &d)
	if status != 200 || d.Credential == "" {
		r.t.Fatalf("registering: %d %s", status, answer)
	}
	return d.Credential
}

// socket is a device's session by hand.
type socket struct {
	gws.BuiltinEventHandler
	hello chan struct{}
	code  chan int
}

func (s *socket) OnMessage(_ *gws.Conn, m *gws.Message) { _ = m.Close(); s.hello <- struct{}{} }

func (s *socket) OnClose(_ *gws.Conn, err error) {
	var closed *gws.CloseError
	if errors.As(err, &closed) {
		s.code <- int(closed.Code)
		return
	}
	s.code <- 0
}

func (r *revocation) connect(token, credential string) *socket {
	r.t.Helper()
	s := &socket{hello: make(chan struct{}, 16), code: make(chan int, 1)}
	conn, _, err := gws.NewClient(s, &gws.ClientOption{
		Addr:          "ws" + strings.TrimPrefix(r.hush.URL, "http") + "/v1/connect",
		RequestHeader: http.Header{"Authorization": {"Bearer " + token}, protocol.HeaderDevice: {credential}},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); conn.ReadLoop() }()
	r.t.Cleanup(func() { _ = conn.NetConn().Close(); <-done })
	select {
	case <-s.hello:
	case <-time.After(30 * time.Second):
		r.t.Fatal("no hello within 30 s")
	}
	return s
}

func (s *socket) closes(t *testing.T, what string, want int) {
	t.Helper()
	select {
	case code := <-s.code:
		if code != want {
			t.Errorf("%s: the socket closed with %d; want %d", what, code, want)
		}
	case <-time.After(30 * time.Second):
		t.Errorf("%s: the socket is still open", what)
	}
}

func (s *socket) staysOpen(t *testing.T, what string) {
	t.Helper()
	select {
	case code := <-s.code:
		t.Errorf("%s: the socket closed with %d; want it to stay", what, code)
	default:
	}
}

// follow opens a live timeline that does not end by itself; the channel is closed when it has ended.
func (r *revocation) follow(key string) <-chan struct{} {
	r.t.Helper()
	var accepted protocol.PushAccepted
	r.decode(r.must(202, http.MethodPost, "/pushes", `{"to": {"users": ["nobody"]}, "resource_id": "both", "payload": "1"}`), &accepted)
	return r.stream(http.MethodGet, "/pushes/"+accepted.PushID+"/events", key, nil)
}

func (r *revocation) stream(method, path, key string, body io.Reader) <-chan struct{} {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.hush.URL+"/v1/apps/"+r.app+path, body)
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	if resp.StatusCode != 200 {
		r.t.Fatalf("%s: %s", path, resp.Status)
	}
	lines := bufio.NewReader(resp.Body)
	if _, err := lines.ReadString('\n'); err != nil {
		r.t.Fatalf("%s: nothing came: %v", path, err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _, _ = io.Copy(io.Discard, lines); _ = resp.Body.Close() }()
	return ended
}

// importing makes an import whose lines go on coming until the server reads no more.
func (r *revocation) importing(key string) <-chan struct{} {
	r.t.Helper()
	body, lines := io.Pipe()
	r.t.Cleanup(func() { _ = lines.Close() })
	go func() {
		for err := error(nil); err == nil; time.Sleep(20 * time.Millisecond) {
			_, err = io.WriteString(lines, `{"user": "carol", "device_id": "imported", "platform": "android", "package": "com.example"}`+"\n")
		}
	}()
	return r.stream(http.MethodPost, "/devices/import", key, body)
}

func ends(t *testing.T, what string, ended <-chan struct{}) {
	t.Helper()
	select {
	case <-ended:
	case <-time.After(30 * time.Second):
		t.Errorf("%s: the stream has not ended", what)
	}
}

func staysOpen(t *testing.T, what string, ended <-chan struct{}) {
	t.Helper()
	select {
	case <-ended:
		t.Errorf("%s: the stream ended; want it to stay", what)
	default:
	}
}

func onBothEngines(t *testing.T, test func(t *testing.T, options ...hushtest.Option)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { t.Parallel(); test(t) })
	t.Run("postgres", func(t *testing.T) { t.Parallel(); test(t, hushtest.Database(pgtest.URL(t))) })
}

func TestASigningKeyThatIsDeletedOrReplacedEndsItsSockets(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, options ...hushtest.Option) {
		r := newRevocation(t, options...)
		first, second := r.signingKey("k1", secretOfBackend), r.signingKey("k2", secretOfBackend)
		d1, d2 := r.device("d1", first), r.device("d2", second)
		s1, s2 := r.connect(first, d1), r.connect(second, d2)
		r.signingKey("k2", secretOfBackend) // the same again
		r.must(204, http.MethodDelete, "/signing-keys/k1", "")
		s1.closes(t, "its key deleted", protocol.CloseTokenExpired)
		s2.staysOpen(t, "its key stored again")
		s1 = r.connect(second, d1) // the device itself is as good as before
		r.signingKey("k2", anotherSecret)
		s1.closes(t, "its key replaced", protocol.CloseTokenExpired)
		s2.closes(t, "its key replaced", protocol.CloseTokenExpired)
	})
}

func TestAServerKeyThatIsDeletedEndsItsStreams(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, options ...hushtest.Option) {
		r := newRevocation(t, options...)
		id, key := r.serverKey("admin")
		_, other := r.serverKey("read")
		live, imports, stays := r.follow(key), r.importing(key), r.follow(other)
		r.must(204, http.MethodDelete, "/keys/"+id, "")
		ends(t, "the live timeline", live)
		ends(t, "the import", imports)
		staysOpen(t, "another key's live timeline", stays)
		if status, _ := ask(t, r.hush, http.MethodGet, "/v1/apps/"+r.app+"/resources", key, "", ""); status != 401 {
			t.Errorf("the deleted key: %d; want 401", status)
		}
	})
}

func TestADeviceThatIsDeletedLosesItsSocket(t *testing.T) {
	t.Parallel()
	r := newRevocation(t)
	token := r.signingKey("k1", secretOfBackend)
	credential := r.device("d1", token)
	s := r.connect(token, credential)
	r.must(204, http.MethodDelete, "/devices/d1", "")
	s.closes(t, "its device deleted", protocol.CloseOwnerChanged)
}

func TestAKeyAtItsEndEndsWhatLeansOnIt(t *testing.T) {
	t.Parallel()
	r := newRevocation(t)
	end := time.Now().Add(3 * time.Second).UTC().Format(time.RFC3339Nano)
	var key protocol.Key
	r.decode(r.must(201, http.MethodPost, "/keys", fmt.Sprintf(`{"role": "read", "expires_at": %q}`, end)), &key)
	ends(t, "a key at its end", r.follow(key.Secret))
}

func TestADeletedAppsSecretsAreVoidAtOnceAndForGood(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, options ...hushtest.Option) {
		r := newRevocation(t, options...)
		token := r.signingKey("k1", secretOfBackend)
		credential := r.device("d1", token)
		_, key := r.serverKey("admin")
		s, live, imports, roots := r.connect(token, credential), r.follow(key), r.importing(key), r.follow(r.root)
		r.must(204, http.MethodDelete, "", "")
		s.closes(t, "its app deleted", protocol.CloseOwnerChanged)
		ends(t, "the live timeline", live)
		ends(t, "the import", imports)
		ends(t, "the live timeline that root opened", roots)
		void := func(when string) {
			t.Helper()
			for what, got := range map[string]func() (int, string){
				"the server key": func() (int, string) {
					return ask(t, r.hush, http.MethodGet, "/v1/apps/"+r.app+"/resources", key, "", "")
				},
				"the user token": func() (int, string) {
					return putDevice(t, r.hush, token, "", `{"device_id": "d2", "platform": "android", "package": "c"}`)
				},
				"the credential":     func() (int, string) { return ask(t, r.hush, http.MethodGet, "/v1/inbox", "", credential, "") },
				"both, for a socket": func() (int, string) { return ask(t, r.hush, http.MethodGet, "/v1/connect", token, credential, "") },
			} {
				if status, answer := got(); status != 401 {
					t.Errorf("%s, %s: %d %s; want 401", what, when, status, answer)
				}
			}
		}
		void("after the deletion")
		eventually(t, "an audit record of the refused socket", func() bool {
			return strings.Contains(r.hush.Logs(), "what=connect outcome=refused status=401")
		})
		r.makeApp()
		void("after an app of the same name was made")
	})
}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
