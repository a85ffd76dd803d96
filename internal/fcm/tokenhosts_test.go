package fcm_test

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hushpush/hush/internal/fcm"
	"github.com/hushpush/hush/push"
)

func TestATokenURIIsOnAHostThatTheOperatorKnows(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *fcm.Config) {
		c.URL, c.TokenHosts = "http://fcm.internal:2198", []string{"tokens.example.com", "[::1]:9443", "127.0.0.1:9080"}
	})
	good := w.sim.ServiceAccountJSON()
	for uri, allowed := range map[string]bool{
		"":                                    true, // Google's own
		"https://oauth2.googleapis.com/token": true,
		"https://OAuth2.googleapis.com:443/token":    true,
		"https://www.googleapis.com/oauth2/v4/token": true,
		"https://accounts.google.com/o/oauth2/token": true,
		"http://fcm.internal:2198/token":             true, // as fcm.url
		"https://tokens.example.com/token":           true,
		"https://[::1]:9443/token":                   true,
		"http://127.0.0.1:9080/token":                true,

		"http://oauth2.googleapis.com/token":       false,
		"https://oauth2.googleapis.com:8443/token": false,
		"https://oauth2.googleapis.com./token":     false,
		"https://evil.googleapis.com/token":        false,
		"https://oauth2.googleapis.com.evil.com/":  false,
		"https://oauth2.googleapis.com@evil.com/":  false,
		"https://fcm.internal:2198/token":          false, // another scheme
		"http://fcm.internal:2199/token":           false, // another port
		"http://fcm.internal/token":                false,
		"https://tokens.example.com:8443/token":    false,
		"http://tokens.example.com/token":          false,
		"https://127.0.0.1/token":                  false,
		"http://localhost:9080/token":              false,
		"http://127.0.0.1:22/":                     false,
		"http://169.254.169.254/latest":            false,
		"https://internal.example.com/":            false,
		"gopher://127.0.0.1:9080/":                 false,
		"//tokens.example.com/token":               false,
		"tokens.example.com":                       false,
	} {
		_, err := w.Check(t.Context(), credential(with(good, "token_uri", uri)))
		if allowed {
			if err != nil {
				t.Errorf("%q: got %v, want it taken", uri, err)
			}
			continue
		}
		var errs push.FieldErrors
		if !errors.As(err, &errs) || len(errs) != 1 || errs[0].Location != "service_account.token_uri" || errs[0].Code != push.CodeBadCredential {
			t.Errorf("%q: got %v, want it refused at service_account.token_uri", uri, err)
		}
	}
	_, err := w.Check(t.Context(), credential(with(good, "token_uri", "https://internal.example.com/")))
	for _, want := range []string{"oauth2.googleapis.com", "fcm.url", "fcm.token_hosts"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want what is allowed, %s among it", err, want)
		}
	}
}

// A database may have a credential from before the list, or the settings may have changed since.
func TestAStoredTokenURIOfAnotherHostIsNotAsked(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(inside.Close)
	w := setup(t, nil)
	w.creds.Put("notes", credential(with(w.sim.ServiceAccountJSON(), "token_uri", inside.URL+"/token")))
	_, e := w.send()
	if e == nil || e.Fault != push.FaultCredentials || !strings.Contains(e.Error(), "service_account.token_uri") {
		t.Errorf("got %v, want a refusal of our credentials that names the member", e)
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("the host was asked %d times, want none", n)
	}
	allowed := setup(t, func(c *fcm.Config) { c.TokenHosts = []string{inside.Listener.Addr().(*net.TCPAddr).String()} })
	allowed.creds.Put("notes", credential(with(allowed.sim.ServiceAccountJSON(), "token_uri", inside.URL+"/token")))
	allowed.send()
	if asked.Load() == 0 {
		t.Error("the host was not asked once the operator allowed it")
	}
}

func TestATokenEndpointsRedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(inside.Close)
	elsewhere := httptest.NewServer(http.RedirectHandler(inside.URL, http.StatusTemporaryRedirect))
	t.Cleanup(elsewhere.Close)
	w := setup(t, func(c *fcm.Config) { c.TokenURL = elsewhere.URL + "/token" })
	if _, e := w.send(); e == nil {
		t.Error("the wake was sent, want no access token")
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("the redirect's target was asked %d times, want none", n)
	}
}
