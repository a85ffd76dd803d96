package api_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hushpush/hush/internal/api"
	"github.com/hushpush/hush/internal/auth"
	"github.com/hushpush/hush/push"
)

// accepting accepts every push and stores none.
type accepting struct{ *memory }

func (accepting) Accept(_ context.Context, p push.Push, _ *push.Idempotency) (push.Accepted, error) {
	return push.Accepted{ID: p.ID, Deliveries: len(p.To.Users)}, nil
}

func (a accepting) AcceptBatch(ctx context.Context, pushes []push.Push) []push.AcceptResult {
	results := make([]push.AcceptResult, len(pushes))
	for i, p := range pushes {
		results[i].Accepted, results[i].Err = a.Accept(ctx, p, nil)
	}
	return results
}

// BenchmarkSend measures the API's own work on requests for pushes, without the store: from the parsed head to the answer.
func BenchmarkSend(b *testing.B) {
	users := make([]string, 1000)
	for i := range users {
		users[i] = fmt.Sprintf(`"user-%d"`, i)
	}
	const one = `{"to":{"users":["user-1"]},"resource_id":"both","payload":"{\"cursor\":1841}"}`
	for _, bench := range []struct{ name, path, body string }{
		{"one push", "/v1/apps/notes/pushes", one},
		{"1000 users", "/v1/apps/notes/pushes", strings.Replace(one, `"user-1"`, strings.Join(users, ","), 1)},
		{"batch of 500", "/v1/apps/notes/pushes/batch", `{"pushes":[` + strings.Repeat(one+",", 499) + one + `]}`},
	} {
		b.Run(bench.name, func(b *testing.B) {
			handler, key := sending(b)
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequest(http.MethodPost, bench.path, strings.NewReader(bench.body))
				r.Header.Set("Authorization", "Bearer "+key)
				r.Header.Set("Content-Type", "application/json")
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, r)
				if w.Code != http.StatusAccepted && w.Code != http.StatusOK {
					b.Fatalf("%d %s", w.Code, w.Body)
				}
			}
		})
	}
}

// sending returns an API with an app, and a key that may send for it.
func sending(b *testing.B) (http.Handler, string) {
	b.Helper()
	m := newMemory()
	who, err := auth.New(auth.Config{Store: m, RootKey: rootKey, WakeSecret: wakeSecret})
	if err != nil {
		b.Fatal(err)
	}
	a, err := api.New(api.Config{
		Store: m, Delivery: accepting{m}, Auth: who, Sessions: &sessions{}, Keys: m, Vitals: m,
		Checkers: map[push.Provider]api.CredentialChecker{push.APNs: checker(push.APNs), push.FCM: checker(push.FCM)},
	})
	if err != nil {
		b.Fatal(err)
	}
	id, secret, hash := auth.NewServerKey()
	_, _, _ = m.PutApp(b.Context(), "notes")
	_ = m.CreateServerKey(b.Context(), push.ServerKey{ID: id, App: "notes", Role: push.RoleSend, CreatedAt: time.Now()}, hash)
	_, _ = m.PutResource(b.Context(), push.Resource{App: "notes", ID: "both", FCM: &push.Strategy{}})
	return a, secret
}
