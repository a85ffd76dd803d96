package client_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hushpush/hush/client"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// operations has every operation of the client, by its method's name.
var operations = map[string]func(context.Context, *client.Client) error{
	"PutApp":    func(ctx context.Context, c *client.Client) error { _, _, err := c.PutApp(ctx, "notes"); return err },
	"App":       func(ctx context.Context, c *client.Client) error { _, err := c.App(ctx, "notes"); return err },
	"Apps":      func(ctx context.Context, c *client.Client) error { _, err := c.Apps(ctx, client.Page{}); return err },
	"DeleteApp": func(ctx context.Context, c *client.Client) error { return c.DeleteApp(ctx, "notes") },
	"CreateKey": func(ctx context.Context, c *client.Client) error {
		_, err := c.CreateKey(ctx, "notes", protocol.KeyRequest{Role: push.RoleSend})
		return err
	},
	"Keys": func(ctx context.Context, c *client.Client) error {
		_, err := c.Keys(ctx, "notes", client.Page{})
		return err
	},
	"DeleteKey": func(ctx context.Context, c *client.Client) error { return c.DeleteKey(ctx, "notes", "k") },
	"PutSigningKey": func(ctx context.Context, c *client.Client) error {
		_, _, err := c.PutSigningKey(ctx, "notes", "k1", protocol.SigningKeyRequest{})
		return err
	},
	"SigningKeys": func(ctx context.Context, c *client.Client) error {
		_, err := c.SigningKeys(ctx, "notes", client.Page{})
		return err
	},
	"SigningKey": func(ctx context.Context, c *client.Client) error {
		_, err := c.SigningKey(ctx, "notes", "k1")
		return err
	},
	"DeleteSigningKey": func(ctx context.Context, c *client.Client) error { return c.DeleteSigningKey(ctx, "notes", "k1") },
	"UserToken": func(ctx context.Context, c *client.Client) error {
		_, err := c.UserToken(ctx, "notes", "alice", time.Hour)
		return err
	},
	"PutAPNs": func(ctx context.Context, c *client.Client) error {
		_, _, err := c.PutAPNs(ctx, "notes", protocol.APNsProvider{})
		return err
	},
	"PutFCM": func(ctx context.Context, c *client.Client) error {
		_, _, err := c.PutFCM(ctx, "notes", protocol.FCMProvider{ServiceAccount: []byte(`{}`)})
		return err
	},
	"Providers": func(ctx context.Context, c *client.Client) error { _, err := c.Providers(ctx, "notes"); return err },
	"CheckProvider": func(ctx context.Context, c *client.Client) error {
		_, err := c.CheckProvider(ctx, "notes", push.APNs)
		return err
	},
	"RotateRootKey": func(ctx context.Context, c *client.Client) error {
		_, err := c.RotateRootKey(ctx, time.Hour)
		return err
	},
	"RotateSecretKey": func(ctx context.Context, c *client.Client) error { _, err := c.RotateSecretKey(ctx); return err },
	"SecretKey":       func(ctx context.Context, c *client.Client) error { _, err := c.SecretKey(ctx); return err },
	"ServerStatus": func(ctx context.Context, c *client.Client) error {
		_, err := c.ServerStatus(ctx, client.Page{})
		return err
	},
	"DeleteProvider": func(ctx context.Context, c *client.Client) error { return c.DeleteProvider(ctx, "notes", push.APNs) },
	"PutResource": func(ctx context.Context, c *client.Client) error {
		_, _, err := c.PutResource(ctx, "notes", "both", protocol.Resource{})
		return err
	},
	"Resource": func(ctx context.Context, c *client.Client) error {
		_, err := c.Resource(ctx, "notes", "both")
		return err
	},
	"Resources": func(ctx context.Context, c *client.Client) error {
		_, err := c.Resources(ctx, "notes", client.Page{})
		return err
	},
	"DeleteResource": func(ctx context.Context, c *client.Client) error { return c.DeleteResource(ctx, "notes", "both") },
	"Devices": func(ctx context.Context, c *client.Client) error {
		_, err := c.Devices(ctx, "notes", "alice", client.Page{})
		return err
	},
	"Device":       func(ctx context.Context, c *client.Client) error { _, err := c.Device(ctx, "notes", "d"); return err },
	"DeleteDevice": func(ctx context.Context, c *client.Client) error { return c.DeleteDevice(ctx, "notes", "d") },
	"DeviceInbox": func(ctx context.Context, c *client.Client) error {
		_, err := c.DeviceInbox(ctx, "notes", "d")
		return err
	},
	"PutTags": func(ctx context.Context, c *client.Client) error {
		_, err := c.PutTags(ctx, "notes", "alice", nil)
		return err
	},
	"ImportDevices": func(ctx context.Context, c *client.Client) error {
		_, err := c.ImportDevices(ctx, "notes", []protocol.ImportLine{{User: "alice"}})
		return err
	},
	"ImportStream": func(ctx context.Context, c *client.Client) error {
		return c.ImportStream(ctx, "notes", strings.NewReader("{}\n"), func(protocol.ImportResult) error { return nil })
	},
	"RegisterDevice": func(ctx context.Context, c *client.Client) error {
		_, err := c.RegisterDevice(ctx, "token", "", protocol.DeviceRequest{DeviceID: "d"})
		return err
	},
	"Push": func(ctx context.Context, c *client.Client) error {
		_, err := c.Push(ctx, "notes", protocol.PushRequest{})
		return err
	},
	"DryRun": func(ctx context.Context, c *client.Client) error {
		_, err := c.DryRun(ctx, "notes", protocol.PushRequest{})
		return err
	},
	"PushBatch": func(ctx context.Context, c *client.Client) error {
		_, err := c.PushBatch(ctx, "notes", make([]protocol.PushRequest, 1))
		return err
	},
	"ExplainDevice": func(ctx context.Context, c *client.Client) error {
		_, err := c.ExplainDevice(ctx, "notes", "d")
		return err
	},
	"Pushes": func(ctx context.Context, c *client.Client) error {
		_, err := c.Pushes(ctx, "notes", client.PushFilter{}, client.Page{})
		return err
	},
	"Status": func(ctx context.Context, c *client.Client) error {
		_, err := c.Status(ctx, "notes", aPush, client.Page{})
		return err
	},
	"Cancel": func(ctx context.Context, c *client.Client) error { _, err := c.Cancel(ctx, "notes", aPush); return err },
	"Follow": func(ctx context.Context, c *client.Client) error {
		return c.Follow(ctx, "notes", aPush, func(protocol.LiveEvent) error { return nil })
	},
	"Listen": func(ctx context.Context, c *client.Client) error {
		return c.Listen(ctx, "notes", client.EventFilter{}, func(protocol.AppEvent) error { return nil })
	},
}

func TestEveryOperationIsInTheTable(t *testing.T) {
	t.Parallel()
	for m := range reflect.TypeFor[*client.Client]().Methods() {
		if operations[m.Name] == nil {
			t.Errorf("Client.%s is not tried against strangers; add it to operations", m.Name)
		}
	}
}

// strangers lists peers that answer every request in the same way.
var strangers = []struct {
	name, kind, body string
	status           int
}{
	{"a login page", "text/html; charset=utf-8", "<html>Welcome to our Wi-Fi</html>", 200},
	{"an empty object", "application/json", `{}`, 200},
	{"an empty object, made", "application/json", `{}`, 201},
	{"an empty object, accepted", "application/json", `{}`, 202},
	{"an empty list", "application/json", `[]`, 200},
	{"null", "application/json", `null`, 200},
	{"no JSON", "application/json", `welcome`, 200},
	{"somebody's health check", "application/json", `{"status":"ok"}`, 200},
	{"a text of JSON", "text/plain", `{"push_id":"` + aPush + `","app":"notes"}`, 200},
	{"lines of nothing", "application/x-ndjson", "{}\n", 200},
	{"nothing", "", "", 200},
	{"no content", "", "", 204},
	{"reset content", "", "", 205},
	{"not modified", "", "", 304},
}

func TestNoStrangersAnswerLooksLikeSuccess(t *testing.T) {
	t.Parallel()
	for _, s := range strangers {
		var asked atomic.Int64
		c := stranger(t, func(w http.ResponseWriter, r *http.Request) {
			asked.Add(1)
			if s.kind != "" {
				w.Header().Set("Content-Type", s.kind)
			}
			w.WriteHeader(s.status)
			if s.body != "" {
				io.WriteString(w, s.body)
			}
		})
		for name, ask := range operations {
			asked.Store(0)
			if err := ask(ctx(t), c); err == nil {
				t.Errorf("%s, answered by %s (%d): success", name, s.name, s.status)
			} else if strings.Contains(err.Error(), "Welcome") {
				t.Errorf("%s: the error repeats a stranger's page: %v", name, err)
			}
			if n := asked.Load(); n != 1 {
				t.Errorf("%s, answered by %s: asked %d times, want once", name, s.name, n)
			}
		}
	}
}

func stranger(t *testing.T, answer http.HandlerFunc) *client.Client {
	t.Helper()
	srv := httptest.NewServer(answer)
	t.Cleanup(srv.Close)
	c, err := client.New(client.Config{Server: srv.URL, Key: "k-secret", RetryWait: time.Millisecond,
		OnAnswer: func(answer []byte) { t.Errorf("a stranger's answer is handed on: %q", answer) }})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestNoRedirectIsFollowed(t *testing.T) {
	t.Parallel()
	var elsewhere atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	t.Cleanup(other.Close)
	for _, status := range []int{300, 301, 302, 303, 307, 308} {
		c := stranger(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", other.URL+"/prefix"+r.URL.EscapedPath()+"?token=hidden")
			w.WriteHeader(status)
		})
		for name, ask := range operations {
			err := ask(ctx(t), c)
			var e *client.Error
			if !errors.As(err, &e) || e.Status != status || e.Redirect != other.URL+"/prefix" {
				t.Errorf("%s, redirected by %d: %v; want the status, and the address before the request's own path", name, status, err)
			} else if s := err.Error(); !strings.Contains(s, other.URL) || strings.Contains(s, "hidden") {
				t.Errorf("%s, redirected by %d: %q; want the address to use, and nothing more of the Location", name, status, s)
			}
		}
	}
	if n := elsewhere.Load(); n != 0 {
		t.Errorf("the other server was asked %d times, want never", n)
	}
}

func TestARedirectNamesAnAddressThatCanBeUsed(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ location, want string }{
		{"https://push.example.com/v1/apps/notes", "https://push.example.com"},
		{"https://me:hidden@push.example.com:8443/v1/apps/notes", "https://push.example.com:8443"},
		{"//push.example.com/v1/apps/notes", "http://push.example.com"},
		{"https://portal.example/login?next=hidden", "https://portal.example"},
		{"", ""},
		{"javascript:alert(1)", ""},
		{"https://", ""},
		{"https://[::1/v1/apps/notes", ""},
		{"https://%zz/hidden", ""},
	} {
		c := stranger(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Location"] = []string{test.location}
			w.WriteHeader(http.StatusMovedPermanently)
		})
		err := c.DeleteApp(ctx(t), "notes")
		var e *client.Error
		if !errors.As(err, &e) || e.Status != http.StatusMovedPermanently || e.Redirect != test.want || strings.Contains(err.Error(), "hidden") {
			t.Errorf("Location %q: %v; want the address %q", test.location, err, test.want)
		}
	}
}

func TestAStrangersRefusalSaysWhatCame(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		status           int
		kind, body, want string
	}{
		{http.StatusForbidden, "text/html", "<html>blocked</html>", "text/html"},
		{http.StatusNotFound, "", "", "no content type"},
		{http.StatusNotModified, "", "", "no content type"},
		{http.StatusUnauthorized, "application/json", `{"code": "unauthenticated"}`, "application/json"},
		{http.StatusConflict, "application/problem+json", `{"status": 409}`, "application/problem+json without a code"},
	} {
		c := stranger(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = nil
			if test.kind != "" {
				w.Header().Set("Content-Type", test.kind)
			}
			w.WriteHeader(test.status)
			_, _ = io.WriteString(w, test.body)
		})
		err := c.DeleteApp(ctx(t), "notes")
		var e *client.Error
		if !errors.As(err, &e) || e.Status != test.status || e.Code != "" || !strings.Contains(err.Error(), "not an answer of Hush: it came with "+test.want) {
			t.Errorf("%d with %q: %v; want that it is not Hush's, with %s", test.status, test.kind, err, test.want)
		}
	}
}
