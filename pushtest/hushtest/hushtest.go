// Package hushtest starts Hush for a test: a real server on a free loopback port with a fresh data directory, simulators of
// APNs and FCM that it sends to over real TLS, and an app "notes" with credentials, keys and the resources "ios-only",
// "fcm-only" and "both". Nothing leaves the machine.
//
//	hush := hushtest.Start(t)
//	hush.Phone(t, "alice", phonetest.IOS, nil)
//	id := hush.Send(t, "alice", "both", "42")
//	hush.WaitState(t, id, push.Handled)
//
// A phone, or a device of the test's own, comes first: a push to a user who has none waits for one. A test that fails prints
// the timelines of the pushes that it sent.
package hushtest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hushpush/hush/client"
	"github.com/hushpush/hush/internal/config"
	"github.com/hushpush/hush/internal/logged"
	"github.com/hushpush/hush/internal/server"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
	"github.com/hushpush/hush/pushtest/apnstest"
	"github.com/hushpush/hush/pushtest/fcmtest"
)

// What Start sets up.
const (
	App      = "notes"             // the app's name
	BundleID = "com.example.notes" // of its iOS app, which is its APNs topic
	Package  = "com.example.notes" // of its Android app
)

// Wait is how long the methods that wait for a condition wait for it before they fail the test.
const Wait = 30 * time.Second

// Server is Hush with its providers, for the length of a test.
type Server struct {
	*client.Client // with the root key

	URL     string // where clients find it
	RootKey string // may do everything
	Key     string // a server key of the app with role send
	APNs    *apnstest.Server
	FCM     *fcmtest.Server

	settings config.Config
	command  *command // nil: the server runs in this process
	logs     *logged.Buffer
	node     node

	mu   sync.Mutex // guards sent
	sent []string
}

// Option changes what Start sets up.
type Option func(*Server)

// AckWait sets how long a session has to acknowledge a push; default 5s.
func AckWait(d time.Duration) Option { return func(s *Server) { s.settings.Delivery.AckWait = d } }

// RetryWait sets how long a provider is left alone after a refusal that names no time. The defaults, 15 minutes for
// APNs and 10 seconds for FCM, are long for a test.
func RetryWait(d time.Duration) Option {
	return func(s *Server) {
		s.settings.APNs.RetryWait, s.settings.FCM.RetryWait, s.settings.FCM.QuotaWait = d, d, d
	}
}

// Backlog sets how much may be due and not worked off before pushes are refused; default any.
func Backlog(limit int) Option { return func(s *Server) { s.settings.Limits.Backlog = limit } }

// Keep sets how long a push is kept after its last delivery became final; default 7 days.
func Keep(d time.Duration) Option { return func(s *Server) { s.settings.Store.Keep = d } }

// Proxy takes the server's connections to its providers through a proxy: they are then asked for by Apple's and Google's own
// names, which the proxy has to lead to the simulators. start makes the proxy, given the simulators' host:port, and returns
// its URL.
func Proxy(start func(apns, fcm string) (url string)) Option {
	return func(s *Server) {
		_, apns, _ := strings.Cut(s.settings.APNs.URL, "://")
		_, fcm, _ := strings.Cut(s.settings.FCM.URL, "://")
		s.settings.Proxy = push.Secret(start(apns, fcm))
		s.settings.APNs.URL, s.settings.FCM.URL = "", ""
		s.settings.FCM.TokenURL = "https://oauth2.googleapis.com/token"
	}
}

// Database stores everything in PostgreSQL (postgres://…) instead of SQLite.
func Database(url string) Option {
	return func(s *Server) { s.settings.Database = push.Secret(url) }
}

// Start starts it. Everything ends with the test.
func Start(t testing.TB, opts ...Option) *Server {
	t.Helper()
	dir := t.TempDir()
	s := &Server{APNs: apnstest.New(t, apnstest.Topics(BundleID)), FCM: fcmtest.New(t), logs: &logged.Buffer{}}
	s.settings = config.Config{Data: filepath.Join(dir, "data"), Listen: address()}
	s.settings.APNs.URL, s.settings.APNs.CA = s.APNs.URL(), writeFile(t, dir, "apns-ca.pem", s.APNs.CAPEM())
	s.settings.FCM.URL, s.settings.FCM.CA = s.FCM.URL(), writeFile(t, dir, "fcm-ca.pem", s.FCM.CAPEM())
	for _, o := range opts {
		o(s)
	}
	s.start(t)
	t.Cleanup(func() { s.stop(t) })
	s.setUp(t)
	return s
}

func writeFile(t testing.TB, dir, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// node is a running server, in this process or in its own.
type node interface {
	url() string
	rootKey() push.Secret
	stop(ctx context.Context) error
}

type inProcess struct{ *server.Server }

func (n inProcess) url() string                    { return n.URL() }
func (n inProcess) rootKey() push.Secret           { return n.RootKey() }
func (n inProcess) stop(ctx context.Context) error { return n.Shutdown(ctx) }

// address is one that is still free after a restart: systems give the ports above (from 32768 on) to whoever asks for any.
func address() string { return fmt.Sprintf("127.0.0.1:%d", 20_000+rand.IntN(12_000)) }

// start starts the server. While the address is in use, a first start takes another one; a restart tries again, because a
// child that some test is just forking may still have the former listener open.
func (s *Server) start(t testing.TB) {
	t.Helper()
	err := s.startOnce(t.Context())
	for end := time.Now().Add(Wait); errors.Is(err, syscall.EADDRINUSE) && time.Now().Before(end); {
		if s.URL == "" {
			s.settings.Listen = address()
		}
		time.Sleep(20 * time.Millisecond)
		err = s.startOnce(t.Context())
	}
	if err != nil {
		t.Fatalf("hushtest: start: %v", err)
	}
	s.URL, s.RootKey = s.node.url(), s.node.rootKey().Reveal()
	if s.Client, err = client.New(client.Config{Server: s.URL, Key: push.Secret(s.RootKey)}); err != nil {
		t.Fatal(err)
	}
}

func (s *Server) startOnce(ctx context.Context) (err error) {
	if s.command != nil {
		s.node, err = s.command.start(ctx, s.settings, s.logs)
		return err
	}
	srv, err := server.Start(ctx, server.Config{
		Settings: s.settings, Logger: slog.New(slog.NewTextHandler(s.logs, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	s.node = inProcess{srv}
	return err
}

func (s *Server) stop(t testing.TB) {
	if t.Failed() {
		s.printTimelines(t)
		t.Logf("the server's log:\n%s", s.logs)
	}
	ctx, cancel := context.WithTimeoutCause(context.Background(), Wait, errors.New("hushtest: the server did not end"))
	defer cancel()
	if err := s.node.stop(ctx); err != nil {
		t.Errorf("hushtest: stop: %v", err)
	}
}

// Restart stops the server as SIGTERM does, and starts it again on the same data and address.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), Wait, errors.New("hushtest: the server did not end"))
	defer cancel()
	if err := s.node.stop(ctx); err != nil {
		t.Fatalf("hushtest: stop: %v", err)
	}
	s.start(t)
}

// Logs returns what the server has logged so far.
func (s *Server) Logs() string { return s.logs.String() }

func (s *Server) setUp(t testing.TB) {
	t.Helper()
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("hushtest: set up: %v", err)
		}
	}
	_, _, err := s.PutApp(ctx, App)
	must(err)
	key, err := s.CreateKey(ctx, App, protocol.KeyRequest{Role: push.RoleSend, Name: "test"})
	must(err)
	s.Key = key.Secret
	_, _, err = s.PutAPNs(ctx, App, protocol.APNsProvider{
		Key: string(s.APNs.Key().PEM), KeyID: s.APNs.Key().ID, TeamID: s.APNs.Key().Team, Topics: []string{BundleID},
	})
	must(err)
	_, _, err = s.PutFCM(ctx, App, protocol.FCMProvider{ServiceAccount: s.FCM.ServiceAccountJSON()})
	must(err)
	for id, r := range map[string]protocol.Resource{
		"ios-only": {APNs: &protocol.Strategy{}},
		"fcm-only": {FCM: &protocol.Strategy{}},
		"both":     {APNs: &protocol.Strategy{}, FCM: &protocol.Strategy{}},
	} {
		_, _, err = s.PutResource(ctx, App, id, r)
		must(err)
	}
}

// Send sends a push to a user and returns its id once it is accepted.
func (s *Server) Send(t testing.TB, user, resource, payload string) string {
	t.Helper()
	return s.SendPush(t, protocol.PushRequest{To: protocol.Audience{Users: []string{user}}, ResourceID: resource, Payload: payload})
}

// SendPush sends any push and returns its id once it is accepted.
func (s *Server) SendPush(t testing.TB, p protocol.PushRequest) string {
	t.Helper()
	accepted, err := s.Push(t.Context(), App, p)
	if err != nil {
		t.Fatalf("hushtest: send: %v", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent = append(s.sent, accepted.PushID)
	return accepted.PushID
}

// Timeline returns where a push stands on each device, the first thousand.
func (s *Server) Timeline(t testing.TB, id string) protocol.Push {
	t.Helper()
	p, err := s.Status(t.Context(), App, id, client.Page{Limit: 1000})
	if err != nil {
		t.Fatalf("hushtest: timeline of %s: %v", id, err)
	}
	return p
}

// WaitFor waits until a push is as wanted, and returns it. It fails the test if that takes longer than Wait.
func (s *Server) WaitFor(t testing.TB, id, what string, wanted func(protocol.Push) bool) protocol.Push {
	t.Helper()
	for deadline := time.Now().Add(Wait); ; {
		p := s.Timeline(t, id)
		if wanted(p) {
			return p
		}
		if time.Now().After(deadline) {
			t.Fatalf("hushtest: push %s did not come to be %s within %s; it is:\n%s", id, what, Wait, Draw(p))
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// WaitState waits until a push is in the state on every device, of which there is one at least.
func (s *Server) WaitState(t testing.TB, id string, state push.State) protocol.Push {
	t.Helper()
	return s.WaitFor(t, id, string(state)+" everywhere", func(p protocol.Push) bool {
		for _, d := range p.Deliveries {
			if d.State != state {
				return false
			}
		}
		return len(p.Deliveries) > 0
	})
}

// WaitReason waits until a push is in the state, for the reason, on every device.
func (s *Server) WaitReason(t testing.TB, id string, state push.State, why push.Reason) protocol.Push {
	t.Helper()
	return s.WaitFor(t, id, string(state)+" for "+string(why), func(p protocol.Push) bool {
		for _, d := range p.Deliveries {
			if d.State != state || d.Reason != why {
				return false
			}
		}
		return len(p.Deliveries) > 0
	})
}

// Token returns a token of a user of the app, good for an hour.
func (s *Server) Token(t testing.TB, user string) string {
	t.Helper()
	token, err := s.UserToken(t.Context(), App, user, time.Hour)
	if err != nil {
		t.Fatalf("hushtest: user token: %v", err)
	}
	return token.Token
}

func (s *Server) printTimelines(t testing.TB) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range s.sent[:min(len(s.sent), 20)] {
		p, err := s.Status(context.Background(), App, id, client.Page{Limit: 100})
		if err != nil {
			t.Logf("timeline of %s: %v", id, err)
			continue
		}
		t.Logf("timeline:\n%s", Draw(p))
	}
}

// DevicesOf returns what is registered of a user, the first thousand.
func (s *Server) DevicesOf(t testing.TB, user string) []protocol.Device {
	t.Helper()
	d, err := s.Devices(t.Context(), App, user, client.Page{Limit: 1000})
	if err != nil {
		t.Fatalf("hushtest: devices of %q: %v", user, err)
	}
	return d.Devices
}
