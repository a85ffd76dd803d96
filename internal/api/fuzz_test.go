package api_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/hushpush/hush/internal/api"
	"github.com/hushpush/hush/internal/auth"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// target returns an API without a socket, for fuzzing.
func target(f *testing.F) (*api.API, *memory) {
	f.Helper()
	m := newMemory()
	who, err := auth.New(auth.Config{Store: m, RootKey: rootKey, WakeSecret: wakeSecret})
	if err != nil {
		f.Fatal(err)
	}
	a, err := api.New(api.Config{
		Store: m, Delivery: m, Auth: who, Keys: m, Vitals: m, Sessions: &sessions{},
		Checkers: map[push.Provider]api.CredentialChecker{push.APNs: checker(push.APNs), push.FCM: checker(push.FCM)},
	})
	if err != nil {
		f.Fatal(err)
	}
	m.apps["notes"] = push.App{Name: "notes"}
	m.resources["notes/both"] = push.Resource{App: "notes", ID: "both", APNs: &push.Strategy{}}
	return a, m
}

// ask returns the answer and fails unless it is a success or a complete problem.
func ask(t *testing.T, a *api.API, method, path, body string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+rootKey)
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	if w.Code < 400 {
		return w
	}
	var p protocol.Problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Code == "" || p.Status != w.Code || w.Code >= http.StatusInternalServerError {
		t.Fatalf("%s %s %q: %d %s, %v; want a problem that is not the server's fault", method, path, body, w.Code, w.Body, err)
	}
	if p.Code == "invalid" && len(p.Errors) == 0 {
		t.Fatalf("%s %s %q: %s; want the fields at fault", method, path, body, w.Body)
	}
	return w
}

func FuzzPushBody(f *testing.F) {
	for _, seed := range []string{
		`{"to": {"users": ["alice"]}, "resource_id": "both", "payload": "1", "ttl": "24h", "collapse_key": "k"}`,
		`{"to": {"tags": {"any": ["x"]}}, "resource_id": "both", "deliver": "wake", "deliver_at": "2026-01-02T15:04:05Z"}`,
		`{"to": {"all": true, "devices": []}, "resource_id": 5, "x": [1e999, {"a": null}]}`,
		`{"payload": "\ud800"}`, "{\"payload\": \"\xff\"}", `{"a":1,"a":2}`, `[[[[`, `nul`, ``, `{"to":{"users":["\u0000"]}}`,
	} {
		f.Add(seed)
	}
	a, m := target(f)
	f.Fuzz(func(t *testing.T, body string) {
		w := ask(t, a, "POST", "/v1/apps/notes/pushes", body)
		var got protocol.PushAccepted
		if w.Code != http.StatusAccepted {
			return
		}
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		p := m.pushes[push.ID(got.PushID)]
		if !utf8.Valid(p.Payload) || len(p.Payload) > push.MaxPayloadBytes || p.ResourceID != "both" || !utf8.ValidString(body) {
			t.Errorf("%q was accepted as %+v", body, p)
		}
		for _, user := range p.To.Users {
			if err := push.CheckID(user); err != nil {
				t.Errorf("%q was accepted for the user %q, which %v", body, user, err)
			}
		}
	})
}

func FuzzResourceBody(f *testing.F) {
	for _, seed := range []string{
		`{"apns": {"ttl": "24h", "budget": {"wakes": 3, "per": "1h", "burst": 2}, "rewake": {"times": 2, "after": "30m"}}, "fcm": {"priority": "high"}}`,
		`{"apns": {"alert": {"title": "x"}}}`, `{"fcm": {"priority": 10}}`, `{"apns": null, "fcm": 1}`, `{"apns":{"budget":{"wakes":1e3}}}`,
	} {
		f.Add(seed)
	}
	a, m := target(f)
	f.Fuzz(func(t *testing.T, body string) {
		if w := ask(t, a, "PUT", "/v1/apps/notes/resources/r", body); w.Code >= 400 {
			return
		}
		if err := m.resources["notes/r"].Check(); err != nil {
			t.Errorf("%q was stored, but %v", body, err)
		}
		for _, loud := range []string{`"alert"`, `"sound"`, `"badge"`, `"title"`, `"notification"`} {
			if strings.Contains(body, loud) && !strings.Contains(body, `"collapse_key"`) {
				t.Errorf("%q was stored; want %s refused", body, loud)
			}
		}
	})
}

// FuzzBodies sends any body to every call that takes one. No call may fail, and whatever Go's decoder would repair must be
// refused.
func FuzzBodies(f *testing.F) {
	for i := range calls {
		f.Add(uint8(i), `{"device_id": "d", "platform": "ios", "receipts": [{}], "pushes": [1], "tags": ["x"], "user": "u", "facts": {"a": [1, 2]}}`)
	}
	a, _ := target(f)
	f.Fuzz(func(t *testing.T, which uint8, body string) {
		c := calls[int(which)%len(calls)]
		if strings.HasSuffix(c.path, "/events") || c.method == "DELETE" {
			return
		}
		w := ask(t, a, c.method, c.path, body)
		if c.body != "" && w.Code < 300 && !strings.HasSuffix(c.path, "/import") && body != "" && !utf8.ValidString(body) {
			t.Errorf("%s %s %q: %d; want what is not UTF-8 refused", c.method, c.path, body, w.Code)
		}
	})
}
