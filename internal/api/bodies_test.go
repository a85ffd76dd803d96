package api_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/hushpush/hush/internal/api"
	"github.com/hushpush/hush/protocol"
)

func TestEachRouteTakesNoMoreThanItNeeds(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.notes()
	token := "Bearer " + w.token("notes", "alice")
	device := w.phone("notes", "alice", "d1")
	for _, c := range []struct {
		method, path, body string // a valid body; spaces make it longer
		limit              int
		header             [2]string
	}{
		{"PUT", "/v1/device", `{"device_id": "d2", "platform": "android"}`, 64 << 10, [2]string{"Authorization", token}},
		{"DELETE", "/v1/device", ``, 64 << 10, [2]string{"Hush-Device", device}},
		{"POST", "/v1/receipts", `{"receipts": []}`, 256 << 10, [2]string{"Hush-Device", device}},
		{"PUT", "/v1/apps/notes/users/alice/tags", `{"tags": ["beta"]}`, 64 << 10, [2]string{"Authorization", "Bearer " + w.rootKey}},
		{"PUT", "/v1/apps/notes/providers/apns", `{"key": "k", "key_id": "k", "team_id": "t", "topics": ["x"]}`, 256 << 10, [2]string{"Authorization", "Bearer " + w.rootKey}},
		{"POST", pushesPath, `{"to": {"all": true}, "resource_id": "both"}`, 8 << 20, [2]string{"Authorization", "Bearer " + w.rootKey}},
	} {
		long := c.body + strings.Repeat(" ", c.limit+1-len(c.body))
		w.request(c.method, c.path, long, c.header[:]...).is(t, c.method+" "+c.path+", one byte too long", 413, "body_too_large")
		if c.body == "" {
			continue
		}
		if a := w.request(c.method, c.path, long[:c.limit], c.header[:]...); a.status >= 400 {
			t.Errorf("%s %s with %d bytes: %d %.300s; want success", c.method, c.path, c.limit, a.status, a.body)
		}
	}
}

func TestManySmallValuesAreRefusedBeforeTheyAreDecoded(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.notes()
	token := "Bearer " + w.token("notes", "alice")
	facts := func(f string) string { return `{"device_id": "d", "platform": "android", "facts": {"x": ` + f + `}}` }
	many := `[` + strings.Repeat("{},", 8_000) + `{}]`
	w.request("PUT", "/v1/device", facts(many), "Authorization", token).is(t, "facts of 24 KiB", 422, "invalid", "body.facts out_of_range")
	// The limit applies to the facts, not to their spelling.
	if a := w.request("PUT", "/v1/device", facts(`"`+strings.Repeat(`\u0061`, 8_000)+`"`), "Authorization", token); a.status != 200 {
		t.Errorf("8 KB of facts that escapes make 48: %d %s; want 200", a.status, a.body)
	}
	w.root("POST", pushesPath, `{"to": {"users": [`+strings.Repeat(`"",`, 1_000_000)+`""]}, "resource_id": "both"}`).
		is(t, "a million users", 422, "invalid", "body.to.users too_many")
	w.root("POST", pushesPath+"/batch", `{"pushes": [`+strings.Repeat(`1,`, 1_000_000)+`1]}`).
		is(t, "a million pushes", 422, "invalid", "body.pushes too_many")
	var names strings.Builder
	for i := range 200_000 {
		fmt.Fprintf(&names, `"%d":0,`, i)
	}
	w.root("POST", pushesPath, `{"x": {`+names.String()+`"": 0}}`).is(t, "200 000 names", 400, "bad_json")
}

// slowBody sends the head of a request and a piece of its body, and reads the head of the answer when it comes.
type slowBody struct {
	conn net.Conn
	path string
}

func (w *world) slowBody(method, path string, length, piece int, header string) slowBody {
	w.t.Helper()
	conn := dial(w.t, w)
	fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: x\r\n%s\r\nContent-Length: %d\r\n\r\n%s", method, path, header, length, strings.Repeat(" ", piece))
	return slowBody{conn, path}
}

func (s slowBody) answer(t *testing.T) *http.Response {
	t.Helper()
	resp, err := http.ReadResponse(bufio.NewReader(s.conn), nil)
	if err != nil {
		t.Fatalf("%s: %v; want an answer", s.path, err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

func TestBodiesInFlightShareABudget(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *api.Config) { c.Bodies = 8 << 20 })
	w.notes()
	keys := make([]string, 5)
	for i := range keys {
		keys[i] = "Authorization: Bearer " + w.key("notes", "send")
	}
	inFlight := func() int64 { return w.api.BodiesInFlight() }
	// A caller's first body may exceed its share; a second one beside it may not.
	first := w.slowBody("POST", pushesPath, 3<<20, 3<<20-1, keys[0])
	eventually(t, "the first body is in flight", func() bool { return inFlight() >= 3<<20-1 })
	refused := w.slowBody("POST", pushesPath, 1<<20, 1<<20, keys[0]).answer(t)
	if refused.StatusCode != 429 || refused.Header.Get("Retry-After") == "" {
		t.Errorf("beyond the caller's share: %d, Retry-After %q; want 429 and a time", refused.StatusCode, refused.Header.Get("Retry-After"))
	}
	// Others are served meanwhile, until the budget is used up.
	for i, key := range keys[1:3] {
		w.slowBody("POST", pushesPath, 2<<20, 2<<20-1, key)
		eventually(t, "another caller's body is in flight", func() bool { return inFlight() >= int64(3+2*(i+1))<<20-3 })
	}
	refused = w.slowBody("POST", pushesPath, 2<<20, 2<<20, keys[3]).answer(t)
	if refused.StatusCode != 503 || refused.Header.Get("Retry-After") == "" {
		t.Errorf("beyond the budget: %d, Retry-After %q; want 503 and a time", refused.StatusCode, refused.Header.Get("Retry-After"))
	}
	var p protocol.Problem
	answer{body: readAll(t, refused.Body)}.into(t, &p)
	if p.Code != "unavailable" {
		t.Errorf("beyond the budget: code %q; want unavailable", p.Code)
	}
	// Answered requests make room.
	fmt.Fprint(first.conn, " ")
	if got := first.answer(t); got.StatusCode != 400 {
		t.Errorf("the first body, which is no JSON: %d; want 400", got.StatusCode)
	}
	eventually(t, "the first body is gone", func() bool { return inFlight() < 5<<20 })
	if a := w.request("POST", pushesPath, `{"to": {"all": true}, "resource_id": "both"}`+strings.Repeat(" ", 2<<20), "Authorization", strings.TrimPrefix(keys[3], "Authorization: ")); a.status != 202 {
		t.Errorf("once there is room: %d %s; want 202", a.status, a.body)
	}
}

func readAll(t *testing.T, r io.Reader) string {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestALengthThatIsOnlyToldCostsNothing(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.notes()
	for range 20 {
		w.slowBody("POST", pushesPath, 8<<20, 1, "Authorization: Bearer "+w.rootKey)
	}
	eventually(t, "all bodies have begun", func() bool { return w.api.BodiesInFlight() >= 20 })
	if got := w.api.BodiesInFlight(); got > 20*64<<10 {
		t.Errorf("20 bodies of a byte hold %d bytes; want little", got)
	}
}

func TestUsersTogetherHoldHalfOfTheBudget(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *api.Config) { c.Bodies = 256 << 10 })
	w.notes()
	send := func(user string, piece int) slowBody {
		return w.slowBody("PUT", "/v1/device", 50<<10, piece, "Authorization: Bearer "+w.token("notes", user))
	}
	for i, user := range []string{"alice", "bob"} {
		send(user, 50<<10-1)
		eventually(t, user+"'s body is in flight", func() bool { return w.api.BodiesInFlight() >= int64(i+1)*(50<<10-1) })
	}
	if got := send("alice", 50<<10).answer(t); got.StatusCode != 429 {
		t.Errorf("a second body of a user whose first is in flight: %d; want 429", got.StatusCode)
	}
	if got := send("carol", 50<<10).answer(t); got.StatusCode != 503 {
		t.Errorf("another user, when users hold half: %d; want 503", got.StatusCode)
	}
	w.must(202, "POST", pushesPath, `{"to": {"all": true}, "resource_id": "both"}`+strings.Repeat(" ", 100<<10))
}
