package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hushpush/hush/client"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

const aPush = "01960000-0000-7000-8000-000000000001"

// asked is a request that the server of a test got.
type asked struct {
	mu       sync.Mutex
	requests []seen // guarded by mu
}

type seen struct {
	method, path, query, body string
	header                    http.Header
}

func (a *asked) all() []seen {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]seen(nil), a.requests...)
}

// serve starts a server that records each request and calls answer to answer it; n counts from 1.
func serve(t *testing.T, answer func(w http.ResponseWriter, r *http.Request, n int)) (*client.Client, *asked) {
	t.Helper()
	a := &asked{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		a.mu.Lock()
		a.requests = append(a.requests, seen{r.Method, r.URL.EscapedPath(), r.URL.RawQuery, string(body), r.Header.Clone()})
		n := len(a.requests)
		a.mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set(protocol.HeaderAPI, protocol.APIVersion)
		answer(w, r, n)
	}))
	t.Cleanup(srv.Close)
	c, err := client.New(client.Config{Server: srv.URL, Key: "k-secret", RetryWait: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return c, a
}

func ctx(t *testing.T) context.Context {
	c, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return c
}

func problem(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	io.WriteString(w, body)
}

func TestIdsStayInTheirPlaceInThePath(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ user, path string }{
		{"alice", "/v1/apps/notes/users/alice/devices"},
		{"a/b", "/v1/apps/notes/users/a%2Fb/devices"},
		{"a b", "/v1/apps/notes/users/a%20b/devices"},
		{"a?b#c%", "/v1/apps/notes/users/a%3Fb%23c%25/devices"},
		{"🐟", "/v1/apps/notes/users/%F0%9F%90%9F/devices"},
	} {
		c, a := serve(t, func(w http.ResponseWriter, _ *http.Request, _ int) { io.WriteString(w, `{"devices":[],"cursor":""}`) })
		if _, err := c.Devices(ctx(t), "notes", test.user, client.Page{Limit: 7, Cursor: "x y"}); err != nil {
			t.Errorf("devices of %q: %v", test.user, err)
			continue
		}
		got := a.all()[0]
		if got.path != test.path || got.query != "cursor=x+y&limit=7" {
			t.Errorf("devices of %q asked %s?%s, want %s?cursor=x+y&limit=7", test.user, got.path, got.query, test.path)
		}
		if auth := got.header.Get("Authorization"); auth != "Bearer k-secret" {
			t.Errorf("Authorization %q, want the key as a bearer", auth)
		}
	}
}

func TestAnEmptyIdIsRefusedBeforeItNamesSomethingElse(t *testing.T) {
	t.Parallel()
	c, a := serve(t, func(w http.ResponseWriter, _ *http.Request, _ int) {})
	if err := c.DeleteResource(ctx(t), "notes", ""); err == nil {
		t.Error("delete of a resource without a name: no error")
	}
	if err := c.DeleteApp(ctx(t), ""); err == nil {
		t.Error("delete of an app without a name: no error")
	}
	if got := a.all(); len(got) != 0 {
		t.Errorf("the server was asked %d times, want none: %v", len(got), got)
	}
}

func TestARefusalCarriesStatusCodeAndFields(t *testing.T) {
	t.Parallel()
	c, a := serve(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
		problem(w, 422, `{"title":"Unprocessable","status":422,"code":"invalid","detail":"the push is not valid",
			"errors":[{"location":"body.ttl","code":"out_of_range","message":"is -1s; want 0s or more"}]}`)
	})
	_, err := c.Push(ctx(t), "notes", protocol.PushRequest{ResourceID: "both", TTL: "-1s"})
	var refused *client.Error
	if !errors.As(err, &refused) {
		t.Fatalf("error %v (%T), want *client.Error", err, err)
	}
	want := protocol.ProblemField{Location: "body.ttl", Code: push.CodeOutOfRange, Message: "is -1s; want 0s or more"}
	if refused.Status != 422 || refused.Code != "invalid" || len(refused.Fields) != 1 || refused.Fields[0] != want {
		t.Errorf("refusal %+v, want 422 invalid with %+v", refused, want)
	}
	if !client.HasCode(err, "invalid") || !strings.Contains(err.Error(), "body.ttl: is -1s; want 0s or more") {
		t.Errorf("error text %q, want the field, what is wrong and what would be right", err)
	}
	if n := len(a.all()); n != 1 {
		t.Errorf("asked %d times, want 1: a refusal is not repeated", n)
	}
}

func TestOnlyWhatMayBeRepeatedIsRepeated(t *testing.T) {
	t.Parallel()
	drop := func(w http.ResponseWriter) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			conn.Close()
		}
	}
	unavailable := func(w http.ResponseWriter) { problem(w, 503, `{"code":"unavailable"}`) }
	limited := func(w http.ResponseWriter) { problem(w, 429, `{"code":"rate_limited"}`) }
	full := func(w http.ResponseWriter) { problem(w, 503, `{"code":"backlog_full"}`) }
	tooBusy := func(w http.ResponseWriter) {
		w.Header().Set("Retry-After", "86400")
		unavailable(w)
	}
	get := func(c *client.Client) error { _, err := c.App(t.Context(), "notes"); return err }
	send := func(c *client.Client) error {
		_, err := c.Push(t.Context(), "notes", protocol.PushRequest{ResourceID: "r"})
		return err
	}
	createKey := func(c *client.Client) error {
		_, err := c.CreateKey(t.Context(), "notes", protocol.KeyRequest{Role: push.RoleSend})
		return err
	}
	for _, test := range []struct {
		name  string
		first func(http.ResponseWriter)
		call  func(*client.Client) error
		asked int
		ok    bool
	}{
		{"a read whose connection is lost", drop, get, 2, true},
		{"a read while the server is not available", unavailable, get, 2, true},
		{"a push whose connection is lost, under one idempotency key", drop, send, 2, true},
		{"a push while the server is not available", unavailable, send, 2, true},
		{"a new key whose connection is lost: it may be made", drop, createKey, 1, false},
		{"a new key while the server is not available: it may be made", unavailable, createKey, 1, false},
		{"a new key under a rate limit: nothing was done", limited, createKey, 2, true},
		{"a new key whose server has a full backlog: nothing was done", full, createKey, 2, true},
		{"a read that would have to wait a day", tooBusy, get, 1, false},
	} {
		c, a := serve(t, func(w http.ResponseWriter, r *http.Request, n int) {
			switch {
			case n == 1:
				test.first(w)
			case r.Method == http.MethodGet:
				io.WriteString(w, `{"app":"notes"}`)
			case strings.HasSuffix(r.URL.Path, "/pushes"):
				w.WriteHeader(202)
				io.WriteString(w, `{"push_id":"`+aPush+`"}`)
			default:
				w.WriteHeader(201)
				io.WriteString(w, `{"key_id":"k","secret":"s"}`)
			}
		})
		err := test.call(c)
		got := a.all()
		if len(got) != test.asked || (err == nil) != test.ok {
			t.Errorf("%s: asked %d times, error %v; want %d times, success %v", test.name, len(got), err, test.asked, test.ok)
		}
		for _, r := range got {
			if key := r.header.Get("Idempotency-Key"); strings.HasPrefix(test.name, "a push") && (key == "" || key != got[0].header.Get("Idempotency-Key")) {
				t.Errorf("%s: idempotency key %q, want the same non-empty one in every try", test.name, key)
			}
		}
	}
}

func TestTwoPushesHaveTwoIdempotencyKeysUnlessTold(t *testing.T) {
	t.Parallel()
	c, a := serve(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
		w.WriteHeader(202)
		io.WriteString(w, `{"push_id":"`+aPush+`"}`)
	})
	for range 2 {
		if _, err := c.Push(ctx(t), "notes", protocol.PushRequest{ResourceID: "r"}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Push(ctx(t), "notes", protocol.PushRequest{ResourceID: "r"}, client.IdempotencyKey("mine")); err != nil {
		t.Fatal(err)
	}
	got := a.all()
	first, second, told := got[0].header.Get("Idempotency-Key"), got[1].header.Get("Idempotency-Key"), got[2].header.Get("Idempotency-Key")
	if first == "" || first == second || told != "mine" {
		t.Errorf("idempotency keys %q, %q, %q; want two different ones and mine", first, second, told)
	}
}

func TestAPayloadArrivesAsItIsOrIsRefused(t *testing.T) {
	t.Parallel()
	c, a := serve(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
		w.WriteHeader(202)
		io.WriteString(w, `{"push_id":"`+aPush+`"}`)
	})
	payload := "a\x00b <&> \u2028 🐟"
	if _, err := c.Push(ctx(t), "notes", protocol.PushRequest{ResourceID: "r", Payload: payload}); err != nil {
		t.Fatal(err)
	}
	var got protocol.PushRequest
	if err := json.Unmarshal([]byte(a.all()[0].body), &got); err != nil || got.Payload != payload {
		t.Errorf("payload %q (%v), want %q", got.Payload, err, payload)
	}
	bad := protocol.PushRequest{ResourceID: "r", Payload: "a\xffb"}
	if _, err := c.Push(ctx(t), "notes", bad); err == nil || !strings.Contains(err.Error(), "UTF-8") {
		t.Errorf("a payload that is not UTF-8: error %v, want one that says so", err)
	}
	if _, err := c.PushBatch(ctx(t), "notes", []protocol.PushRequest{bad}); err == nil || !strings.Contains(err.Error(), "push 0") {
		t.Errorf("a batch with such a payload: error %v, want one that names push 0", err)
	}
}

func TestAServerThatDoesNotAnswerIsUnreachable(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.NotFoundHandler())
	srv.Close()
	c, err := client.New(client.Config{Server: srv.URL, Key: "k-secret", Tries: 2, RetryWait: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.App(ctx(t), "notes")
	if !errors.Is(err, client.ErrUnreachable) {
		t.Errorf("error %v, want ErrUnreachable", err)
	}
	if strings.Contains(fmt.Sprint(err), "k-secret") {
		t.Errorf("error %v carries the key", err)
	}
}

func TestABadConfigIsRefusedWithoutTheKey(t *testing.T) {
	t.Parallel()
	for _, cfg := range []client.Config{
		{}, {Server: "push.example.com"}, {Server: "ftp://push.example.com"}, {Server: "http://"}, {Server: "http://u:hidden@h"},
		{Server: "http://h?x=1"}, {Server: "http://h", Key: "hidden\n"}, {Server: "http://h", Tries: -1},
	} {
		_, err := client.New(cfg)
		if err == nil {
			t.Errorf("config %+v: no error", cfg)
		} else if strings.Contains(err.Error(), "hidden") {
			t.Errorf("error %v carries a secret", err)
		}
	}
}

func TestABatchHasAResultPerPush(t *testing.T) {
	t.Parallel()
	c, _ := serve(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
		io.WriteString(w, `{"results":[{"status":202,"push_id":"`+aPush+`","deliveries":1},{"status":422,"problem":{"status":422,"code":"invalid","errors":[{"location":"body.ttl","code":"bad_value","message":"no"}]}}]}`)
	})
	got, err := c.PushBatch(ctx(t), "notes", make([]protocol.PushRequest, 2))
	if err != nil || len(got) != 2 {
		t.Fatalf("results %v, error %v; want two", got, err)
	}
	if err := client.ItemError(got[0]); err != nil || got[0].PushID != aPush {
		t.Errorf("first result %+v, error %v; want it accepted", got[0], err)
	}
	if err := client.ItemError(got[1]); !client.HasCode(err, "invalid") {
		t.Errorf("second result's error %v, want invalid", err)
	}
}

func TestFollowGoesOnAfterACutAndEndsWhenFinal(t *testing.T) {
	t.Parallel()
	event := func(w http.ResponseWriter, state push.State) {
		fmt.Fprintf(w, ": beat\n\nevent: delivery\ndata: {\"device_id\":\"d1\",\ndata: \"state\":%q}\n\n", state)
	}
	c, a := serve(t, func(w http.ResponseWriter, _ *http.Request, n int) {
		w.Header().Set("Content-Type", "text/event-stream")
		if n == 1 {
			event(w, push.Waiting)
			return // cut before the push is final
		}
		event(w, push.Handled)
		io.WriteString(w, "event: final\ndata: {\"final\":true}\n\n")
	})
	var states []push.State
	err := c.Follow(ctx(t), "notes", "p1", func(d protocol.LiveEvent) error {
		states = append(states, d.State)
		return nil
	})
	if err != nil || fmt.Sprint(states) != "[waiting handled]" {
		t.Errorf("states %v, error %v; want waiting, then handled after the cut", states, err)
	}
	if got := a.all(); len(got) != 2 || got[0].path != "/v1/apps/notes/pushes/p1/events" {
		t.Errorf("asked %v, want the live timeline twice", got)
	}
}

func TestFollowEndsWithWhatItsReaderSays(t *testing.T) {
	t.Parallel()
	c, a := serve(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, "event: delivery\ndata: {\"device_id\":\"d1\"}\n\n")
	})
	enough := errors.New("enough")
	err := c.Follow(ctx(t), "notes", "p1", func(protocol.LiveEvent) error { return enough })
	if err != enough || len(a.all()) != 1 {
		t.Errorf("error %v after %d requests, want the reader's own after one", err, len(a.all()))
	}
	missing, _ := serve(t, func(w http.ResponseWriter, _ *http.Request, _ int) { problem(w, 404, `{"code":"not_found"}`) })
	if err := missing.Follow(ctx(t), "notes", "p1", nil); !client.HasCode(err, "not_found") {
		t.Errorf("an unknown push: error %v, want not_found", err)
	}
}

func TestAnImportHasAResultPerLine(t *testing.T) {
	t.Parallel()
	c, a := serve(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
		w.Header().Set("Content-Type", "application/x-ndjson")
		io.WriteString(w, "{\"line\":1,\"status\":201,\"device_id\":\"d1\"}\n{\"line\":2,\"status\":422,\"problem\":{\"code\":\"invalid\"}}\n")
	})
	got, err := c.ImportDevices(ctx(t), "notes", []protocol.ImportLine{{User: "alice"}, {User: "bob"}})
	if err != nil || len(got) != 2 || got[0].DeviceID != "d1" || got[1].Problem == nil {
		t.Errorf("results %+v, error %v; want d1, then a problem", got, err)
	}
	if r := a.all()[0]; r.header.Get("Content-Type") != "application/x-ndjson" || strings.Count(r.body, "\n") != 2 {
		t.Errorf("sent %q as %s, want two lines of NDJSON", r.body, r.header.Get("Content-Type"))
	}
}

func TestAnErrorSaysEachFaultOnce(t *testing.T) {
	t.Parallel()
	ttl := protocol.ProblemField{Location: "body.ttl", Code: "out_of_range", Message: "is -1s; want 0s or more"}
	to := protocol.ProblemField{Location: "body.to", Code: "required", Message: "is missing"}
	for _, test := range []struct {
		err  client.Error
		want string
	}{
		{client.Error{Status: 404, Code: "not_found", Detail: "there is no app"}, "404 not_found: there is no app"},
		{client.Error{Status: 422, Code: "invalid", Detail: "body.ttl is -1s; want 0s or more", Fields: []protocol.ProblemField{ttl}},
			"422 invalid: body.ttl: is -1s; want 0s or more (out_of_range)"},
		{client.Error{Status: 422, Code: "invalid", Detail: "body.ttl is -1s; want 0s or more; and 1 more", Fields: []protocol.ProblemField{ttl, to}},
			"422 invalid\n  body.ttl: is -1s; want 0s or more (out_of_range)\n  body.to: is missing (required)"},
		{client.Error{Status: 422, Code: "invalid", Detail: "the push is late", Fields: []protocol.ProblemField{ttl}}, // more than the field says
			"422 invalid: the push is late\n  body.ttl: is -1s; want 0s or more (out_of_range)"},
	} {
		if got := test.err.Error(); got != test.want {
			t.Errorf("got\n%s\nwant\n%s", got, test.want)
		}
	}
}

func TestADeviceIsRegisteredWithItsOwnSecretsAndOnce(t *testing.T) {
	t.Parallel()
	c, saw := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		if r.Header.Get("Authorization") != "Bearer user-token" || r.Header.Get(protocol.HeaderDevice) != "credential" {
			t.Errorf("sent %q and %q, want the user's token and the device's credential alone", r.Header["Authorization"], r.Header[protocol.HeaderDevice])
		}
		problem(w, 503, `{"code":"unavailable"}`)
	})
	_, err := c.RegisterDevice(ctx(t), "user-token", "credential", protocol.DeviceRequest{DeviceID: "d"})
	if !client.HasCode(err, "unavailable") || len(saw.all()) != 1 {
		t.Errorf("got %v after %d requests; want the refusal, and no second try, whose answer might have no credential", err, len(saw.all()))
	}
}

func TestAnImportStreamTellsOfEachLineInOrder(t *testing.T) {
	t.Parallel()
	answer := "{\"line\":1,\"status\":201,\"device_id\":\"d1\"}\n\n{\"line\":3,\"status\":422,\"problem\":{\"code\":\"invalid\"}}\n"
	c, _ := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/x-ndjson")
		io.WriteString(w, answer)
	})
	var lines []int
	each := func(r protocol.ImportResult) error {
		lines = append(lines, r.Line)
		if refused := client.LineError(r) != nil; refused != (r.Line == 3) {
			t.Errorf("line %d refused: %v", r.Line, refused)
		}
		return nil
	}
	if err := c.ImportStream(ctx(t), "notes", strings.NewReader("{}\n\n{}\n"), each); err != nil || !slices.Equal(lines, []int{1, 3}) {
		t.Errorf("lines %v, error %v; want 1 and 3: an empty line has a number and no result", lines, err)
	}
	enough := errors.New("enough")
	if err := c.ImportStream(ctx(t), "notes", strings.NewReader("{}"), func(protocol.ImportResult) error { return enough }); err != enough {
		t.Errorf("got %v, want each's own error", err)
	}
	answer = "{\"line\":2,\"status\":201,\"device_id\":\"d1\"}\n{\"line\":2,\"status\":201,\"device_id\":\"d1\"}\n"
	if err := c.ImportStream(ctx(t), "notes", strings.NewReader("{}"), func(protocol.ImportResult) error { return nil }); err == nil {
		t.Error("a line with two results: no error, want one")
	}
}
