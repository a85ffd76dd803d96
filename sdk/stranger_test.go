package sdk_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hushpush/hush/sdk"
)

// strangers answer every request alike, whatever it asks.
var strangers = map[string]http.HandlerFunc{
	"a login page":                   says(200, "text/html", "<html>Welcome to our Wi-Fi</html>"),
	"an empty object":                says(200, "application/json", `{}`),
	"an empty list":                  says(200, "application/json", `[]`),
	"somebody's health check":        says(200, "application/json", `{"status":"ok"}`),
	"an inbox without pushes' ids":   says(200, "application/json", `{"open":1,"deliveries":[{}],"receipts":[],"owner_generation":0}`),
	"no content":                     says(204, "", ""),
	"a proxy that wants credentials": says(407, "text/html", "credentials"),
	"a firewall's refusal":           says(403, "text/html", "forbidden"),
	"a refusal that looks like ours": says(401, "application/json", `{"code":"register_again"}`),
	"a page that looks like ours":    says(401, "text/html", `{"code":"register_again"}`),
	"a problem without a code":       says(401, "application/problem+json", `{"title":"Unauthorized"}`),
	"another's not found":            says(404, "text/plain", "404 page not found"),
	"a redirect":                     redirects(302),
	"a lasting redirect":             redirects(308),
	"a bad gateway":                  says(502, "text/html", "bad gateway"),
}

func says(status int, kind, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", time.Now().Add(-1000*time.Hour).UTC().Format(http.TimeFormat)) // its clock is not believed either
		if kind != "" {
			w.Header().Set("Content-Type", kind)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func redirects(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "https://me:hidden@portal.example"+r.URL.Path+"?token=hidden")
		w.WriteHeader(status)
	}
}

func TestNoStrangersAnswerIsBelieved(t *testing.T) {
	t.Parallel()
	for name, answer := range strangers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBackend(t)
			a := openApp(t, b, t.TempDir()).handle().registered()
			waits, handled := b.accept("alice", "waits", time.Hour), b.accept("alice", "handled", time.Hour)

			b.setStranger(answer)
			if _, err := a.notified(b.wake(handled)); err != nil {
				t.Errorf("a wake that carries all: %v; want it handled", err)
			}
			if err := a.HandleDeletedMessages(context.Background()); err == nil {
				t.Error("an inbox of a stranger: no error")
			}
			err := a.RegisterPush(context.Background(), sdk.Registration{ProviderToken: "ff01", BundleID: "com.example.notes", Environment: sdk.Production})
			var refused *sdk.Error
			switch {
			case !errors.As(err, &refused) || refused.Code != "":
				t.Errorf("a registration with a stranger: %v; want an *Error without a code", err)
			case strings.Contains(err.Error(), "hidden") || strings.Contains(err.Error(), "Welcome"):
				t.Errorf("the error repeats what a stranger wrote: %v", err)
			case strings.Contains(name, "redirect") && !strings.Contains(err.Error(), "https://portal.example,"):
				t.Errorf("got %v; want the address that the redirect leads to", err)
			}

			b.setStranger(nil)
			if _, err := a.notified(b.wake(waits)); err != nil {
				t.Errorf("a wake once the stranger has gone: %v; want the credential still good", err)
			}
			b.final(handled)
			b.final(waits)
			a.waitFor(t, "background:apns:handled", "background:apns:waits")
		})
	}
}

func TestALogoutIsNotToldToAStranger(t *testing.T) {
	t.Parallel()
	for name, answer := range strangers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBackend(t)
			a := openApp(t, b, t.TempDir()).handle().registered()
			b.setStranger(answer)
			if err := a.Logout(context.Background()); err != nil {
				t.Fatal(err)
			}
			b.setStranger(nil)
			b.wait("the server to know of the logout", func() bool {
				for _, d := range b.devices {
					if d.User != "" {
						return false
					}
				}
				return true
			})
		})
	}
}

func TestReceiptsStayUntilTheirOwnResultsCome(t *testing.T) {
	t.Parallel()
	for name, results := range map[string]string{
		"none":            `[]`,
		"another push's":  `[{"push_id":"01960000-0000-7000-8000-000000000001","status":"accepted"}]`,
		"one too many":    `[{"push_id":"ID","status":"accepted"},{"push_id":"ID","status":"accepted"},{"push_id":"ID","status":"gone"}]`,
		"without a state": `[{"push_id":"ID"},{"push_id":"ID"}]`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBackend(t)
			a := openApp(t, b, t.TempDir()).handle().registered()
			p := b.accept("alice", "1", time.Hour)
			b.setStranger(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(w, `{"open":0,"deliveries":[],"receipts":`+strings.ReplaceAll(results, "ID", p.PushID)+`}`)
			})
			if _, err := a.notified(b.wake(p)); err != nil {
				t.Error(err)
			}
			b.setStranger(nil)
			b.final(p)
		})
	}
}

func TestTheSDKFollowsNoRedirectAndForwardsNoCredential(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(elsewhere.Close)
	for _, own := range []*http.Client{nil, {}} { // the app's own client as well
		b := newBackend(t)
		a := openApp(t, b, t.TempDir(), func(c *sdk.Config) { c.HTTPClient = own }).handle().registered()
		b.setStranger(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL+r.URL.Path, http.StatusTemporaryRedirect)
		})
		connects := b.count("GET /v1/connect")
		a.SetAppState(sdk.Foreground)
		waitFor(t, "the session to be tried", func() bool { return b.count("GET /v1/connect") > connects })
		if err := a.registerAgain(); err == nil || !strings.Contains(err.Error(), elsewhere.URL) {
			t.Errorf("got %v; want the redirect's address", err)
		}
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("the redirect's server was asked %d times, want never", n)
	}
}

func (a *app) registerAgain() error {
	return a.RegisterPush(context.Background(), sdk.Registration{ProviderToken: "ff02", BundleID: "com.example.notes", Environment: sdk.Production})
}
