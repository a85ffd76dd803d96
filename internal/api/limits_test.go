package api_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hushpush/hush/internal/api"
	"github.com/hushpush/hush/internal/bucket"
	"github.com/hushpush/hush/internal/config"
)

func (w *world) register(token, device, credential string) answer {
	w.t.Helper()
	headers := []string{"Authorization", "Bearer " + token}
	if credential != "" {
		headers = append(headers, "Hush-Device", credential)
	}
	return w.request("PUT", "/v1/device", fmt.Sprintf(`{"device_id": %q, "platform": "android"}`, device), headers...)
}

// isLimited checks a 429 and its header fields.
func (a answer) isLimited(t *testing.T, what, policy string) {
	t.Helper()
	a.is(t, what, 429, "rate_limited")
	if a.header.Get("Retry-After") == "" || !strings.HasPrefix(a.header.Get("RateLimit"), `"`+policy+`";r=0;t=`) || !strings.HasPrefix(a.header.Get("RateLimit-Policy"), `"`+policy+`";q=`) {
		t.Errorf("%s: header %v; want Retry-After and the policy %s", what, a.header, policy)
	}
}

func TestAUserRegistersFewNewDevicesAtOnce(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *api.Config) { c.Limits.NewDevices = bucket.Rate{Burst: 3, Every: time.Hour} })
	w.notes()
	alice, bob := w.token("notes", "alice"), w.token("notes", "bob")
	first := w.phone("notes", "alice", "d1") // takes one token
	for range 10 {                           // renewals are free
		if a := w.register(alice, "d1", first); a.status != 200 {
			t.Fatalf("a renewal: %d %s; want 200", a.status, a.body)
		}
		w.register(alice, "d1", "").is(t, "a registered device without its credential", 403, "device_taken")
	}
	w.phone("notes", "bob", "b1")
	if a := w.register(alice, "d2", ""); a.status != 200 || !strings.HasPrefix(a.header.Get("RateLimit"), `"new-devices";r=1;t=3`) || a.header.Get("RateLimit-Policy") != `"new-devices";q=3;w=10800` {
		t.Errorf("the second device: %d, %v; want 200 and its fields", a.status, a.header)
	}
	if a := w.register(bob, "d1", first); a.status != 200 { // to bob: takes from his bucket
		t.Errorf("bob takes a device over: %d %s; want 200", a.status, a.body)
	}
	if a := w.register(alice, "d3", ""); a.status != 200 {
		t.Errorf("the third device: %d %s; want 200", a.status, a.body)
	}
	w.register(alice, "d4", "").isLimited(t, "the fourth device", "new-devices")
	w.register(alice, "d3", "").is(t, "a registered device without its credential", 403, "device_taken")
	if a := w.register(bob, "b2", ""); a.status != 200 {
		t.Errorf("another user meanwhile: %d %s; want 200", a.status, a.body)
	}
	// An import has registered this device already.
	w.root("POST", "/v1/apps/notes/devices/import", `{"device_id": "i1", "platform": "android", "user": "alice"}`)
	if a := w.register(alice, "i1", ""); a.status != 200 || !strings.Contains(a.body, "credential") {
		t.Errorf("an imported device's first registration: %d %s; want its credential", a.status, a.body)
	}
}

func TestManyRegistrationsAtOnceAreNoMore(t *testing.T) {
	t.Parallel()
	w := setupServer(t, config.Config{Limits: config.Limits{DevicesPerUser: 100}})
	w.notes()
	alice := w.token("notes", "alice")
	var mu sync.Mutex
	byStatus := map[int]int{}
	var all sync.WaitGroup
	for i := range 60 {
		all.Go(func() {
			a := w.register(alice, fmt.Sprintf("d%d", i), "")
			mu.Lock()
			defer mu.Unlock()
			byStatus[a.status]++
		})
	}
	all.Wait()
	if byStatus[200] < 30 || byStatus[200] > 31 || byStatus[200]+byStatus[429] != 60 {
		t.Errorf("60 new devices at once: %v; want 30 registered, as nothing else is set, and the others 429", byStatus)
	}
}

// strictFront answers 429 to every bad secret beyond the first few.
type strictFront struct {
	mu      sync.Mutex
	allowed int
	known   int
}

func (f *strictFront) Known(context.Context) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.known++
}

func (f *strictFront) Refused(string) (http.Header, time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.allowed--; f.allowed >= 0 {
		return nil, 0
	}
	return http.Header{"Ratelimit": {`"unauthenticated";r=0;t=2`}, "Ratelimit-Policy": {`"unauthenticated";q=1;w=1`}}, 1500 * time.Millisecond
}

func TestManyBadSecretsAreTooMany(t *testing.T) {
	t.Parallel()
	front := &strictFront{allowed: 4}
	w := setup(t, func(c *api.Config) { c.Front = front })
	w.notes()
	credential := w.phone("notes", "alice", "d1")
	bad := func(want int) {
		t.Helper()
		for name, a := range map[string]answer{
			"a key":           w.request("GET", "/v1/apps", "", "Authorization", "Bearer wrong"),
			"no key":          w.request("GET", "/v1/apps", ""),
			"a user token":    w.request("PUT", "/v1/device", `{}`, "Authorization", "Bearer wrong"),
			"a device secret": w.request("GET", "/v1/inbox", "", "Hush-Device", "wrong"),
		} {
			if a.status != want {
				t.Errorf("%s: %d %s; want %d", name, a.status, a.body, want)
			}
			if want == 429 {
				a.isLimited(t, name, "unauthenticated")
				if got := a.header.Get("Retry-After"); got != "2" {
					t.Errorf("%s: Retry-After %s; want 2, rounded up", name, got)
				}
			}
		}
	}
	bad(401)
	bad(429)
	known := front.known
	w.must(200, "GET", "/v1/apps", "")
	if a := w.request("GET", "/v1/inbox", "", "Hush-Device", credential); a.status != 200 {
		t.Errorf("a good secret from the same address: %d %s; want 200", a.status, a.body)
	}
	if front.known != known+2 {
		t.Errorf("%d good secrets were told; want 2", front.known-known)
	}
}

func TestKeysAndAppsHaveARateWhereItIsSet(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *api.Config) {
		c.Limits.Key, c.Limits.App = bucket.Rate{Burst: 2, Every: time.Hour}, bucket.Rate{Burst: 3, Every: time.Hour}
	})
	w.must(201, "PUT", "/v1/apps/notes", "{}")
	first := w.key("notes", "send")
	w.root("GET", "/v1/apps", "").isLimited(t, "root's third request", "key")
	ask := func(key string) answer {
		return w.request("GET", "/v1/apps/notes/pushes/01982d0e-1111-7000-8000-000000000000", "", "Authorization", "Bearer "+key)
	}
	for range 2 {
		ask(first).is(t, "within the key's rate", 404, "not_found")
	}
	ask(first).isLimited(t, "beyond the key's rate", "key")
}
