package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hushpush/hush/internal/api"
	"github.com/hushpush/hush/internal/auth"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

const (
	rootKey    = "hush_root_for_the_tests_of_the_api"
	wakeSecret = "the wake secret for the tests of the api"
)

// world is an API on a real socket.
type world struct {
	t        *testing.T
	url      string
	rootKey  string
	memory   *memory // nil on a whole server, like sessions
	sessions *sessions
	api      *api.API
}

// sessions records which were ended.
type sessions struct {
	mu      sync.Mutex
	dropped []string
}

func (s *sessions) Drop(key push.DeviceKey, session string, code int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropped = append(s.dropped, fmt.Sprintf("%s/%s %q %d", key.App, key.Device, session, code))
}

func (s *sessions) DropApp(app string, code int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropped = append(s.dropped, fmt.Sprintf("%s %d", app, code))
}

func (s *sessions) all() []string {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.dropped)
}

// checker accepts every credential except those that say bad.
type checker push.Provider

func (c checker) Try(context.Context, string) (push.CredentialCheck, error) {
	return push.CredentialCheck{What: "It does not work.", Do: "Change it."}, nil
}

func (c checker) Check(_ context.Context, credential push.Credential) (push.CredentialInfo, error) {
	if credential.APNs != nil && credential.APNs.Key == "bad" {
		return push.CredentialInfo{}, push.FieldErrors{{Location: "key", Code: push.CodeBadCredential, Message: "is no P-256 key"}}
	}
	if credential.APNs != nil {
		return push.CredentialInfo{Kind: "token", KeyID: credential.APNs.KeyID, Topics: credential.APNs.Topics}, nil
	}
	var account struct{ ProjectID string }
	if err := json.Unmarshal(credential.FCM.ServiceAccount, &account); err != nil {
		return push.CredentialInfo{}, push.FieldErrors{{Location: "service_account", Code: push.CodeBadCredential, Message: "is no service account"}}
	}
	return push.CredentialInfo{Kind: "service_account"}, nil
}

func setup(t *testing.T, change ...func(*api.Config)) *world {
	t.Helper()
	m := newMemory()
	w := &world{t: t, rootKey: rootKey, memory: m, sessions: &sessions{}}
	who, err := auth.New(auth.Config{Store: m, RootKey: rootKey, WakeSecret: wakeSecret})
	if err != nil {
		t.Fatal(err)
	}
	c := api.Config{
		Store: m, Delivery: m, Auth: who, Sessions: w.sessions, Keys: m, Vitals: m,
		Checkers: map[push.Provider]api.CredentialChecker{push.APNs: checker(push.APNs), push.FCM: checker(push.FCM)},
	}
	for _, f := range change {
		f(&c)
	}
	if w.api, err = api.New(c); err != nil {
		t.Fatal(err)
	}
	w.serve()
	return w
}

func (w *world) serve() {
	w.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	server := api.NewHTTPServer(w.api, nil)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			w.t.Errorf("Serve: %v", err)
		}
	}()
	w.t.Cleanup(func() { server.Close(); <-done })
	w.url = "http://" + listener.Addr().String()
}

// answer is the answer to a request.
type answer struct {
	status int
	header http.Header
	body   string
}

// request makes a call and checks its answer against the document.
func (w *world) request(method, path, body string, headers ...string) answer {
	w.t.Helper()
	a := w.send(method, path, body, headers...)
	contractOf(w.t, w).hold(w.t, method, path, a)
	return a
}

// send makes a call.
func (w *world) send(method, path, body string, headers ...string) answer {
	w.t.Helper()
	r, err := http.NewRequest(method, w.url+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	if body == "" {
		r.Body, r.ContentLength = nil, 0
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatalf("%s %s: reading the answer: %v", method, path, err)
	}
	return answer{resp.StatusCode, resp.Header, string(b)}
}

// root makes a call with the root key.
func (w *world) root(method, path, body string, headers ...string) answer {
	w.t.Helper()
	return w.request(method, path, body, append([]string{"Authorization", "Bearer " + w.rootKey}, headers...)...)
}

// must makes a call with the root key and fails on any other status.
func (w *world) must(status int, method, path, body string) answer {
	w.t.Helper()
	a := w.root(method, path, body)
	if a.status != status {
		w.t.Fatalf("%s %s %s: %d %s; want %d", method, path, body, a.status, a.body, status)
	}
	return a
}

// into decodes the answer, which may have no unknown field.
func (a answer) into(t *testing.T, v any) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(a.body))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		t.Fatalf("the answer %s: %v", a.body, err)
	}
}

// problem decodes a problem and checks what all problems have in common.
func (a answer) problem(t *testing.T) protocol.Problem {
	t.Helper()
	var p protocol.Problem
	a.into(t, &p)
	if got := a.header.Get("Content-Type"); got != "application/problem+json" || p.Status != a.status || p.Title == "" {
		t.Errorf("the problem %s with type %q: want application/problem+json, a title and the status %d", a.body, got, a.status)
	}
	return p
}

// is checks status and code of a problem, and its faults as "location code".
func (a answer) is(t *testing.T, what string, status int, code string, fields ...string) {
	t.Helper()
	if a.status != status {
		t.Errorf("%s: %d %s; want %d %s", what, a.status, a.body, status, code)
		return
	}
	p := a.problem(t)
	var got []string
	for _, f := range p.Errors {
		got = append(got, f.Location+" "+string(f.Code))
		if f.Message == "" {
			t.Errorf("%s: %s has no message", what, f.Location)
		}
	}
	slices.Sort(got)
	slices.Sort(fields)
	if string(p.Code) != code || !slices.Equal(got, fields) {
		t.Errorf("%s: code %s, fields %q (%s); want %s, %q", what, p.Code, got, a.body, code, fields)
	}
}

// notes creates the app notes with the resource both, a send key, and a signing key for user tokens.
func (w *world) notes() (sendKey string) {
	w.t.Helper()
	w.must(201, "PUT", "/v1/apps/notes", "{}")
	w.must(201, "PUT", "/v1/apps/notes/resources/both", `{"apns": {"ttl": "24h"}, "fcm": {"ttl": "24h"}}`)
	return w.key("notes", "send")
}

func (w *world) key(app, role string) string {
	w.t.Helper()
	var key protocol.Key
	w.must(201, "POST", "/v1/apps/"+app+"/keys", fmt.Sprintf(`{"role": %q}`, role)).into(w.t, &key)
	return key.Secret
}

func (w *world) token(app, user string) string {
	w.t.Helper()
	var token protocol.UserToken
	w.must(200, "POST", "/v1/apps/"+app+"/user-tokens", fmt.Sprintf(`{"user": %q}`, user)).into(w.t, &token)
	return token.Token
}

// phone registers a device and returns its credential.
func (w *world) phone(app, user, id string) string {
	w.t.Helper()
	a := w.request("PUT", "/v1/device", fmt.Sprintf(`{"device_id": %q, "platform": "android", "package": "com.example"}`, id),
		"Authorization", "Bearer "+w.token(app, user))
	var d protocol.DeviceResponse
	if a.into(w.t, &d); a.status != 200 || d.Credential == "" {
		w.t.Fatalf("registering %s: %d %s; want a credential", id, a.status, a.body)
	}
	return d.Credential
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 30 s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// serveTLS also runs the server over TLS with HTTP/2, and returns its URL.
func (w *world) serveTLS(server *http.Server) string {
	w.t.Helper()
	s := httptest.NewUnstartedServer(server.Handler)
	s.Config, s.EnableHTTP2 = server, true
	s.StartTLS()
	w.t.Cleanup(s.Close)
	return s.URL
}
