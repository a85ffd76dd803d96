package api_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hushpush/hush/internal/config"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// listener is a client that follows an app.
type listener struct {
	t      *testing.T
	events *bufio.Reader
}

// listen follows an app from now on; query is "" or begins with "?".
func (w *world) listen(app, query, key string) *listener {
	w.t.Helper()
	r, err := http.NewRequest("GET", w.url+"/v1/apps/"+app+"/events"+query, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+key)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { resp.Body.Close() })
	if got := resp.Header.Get("Content-Type"); resp.StatusCode != 200 || got != "text/event-stream" {
		w.t.Fatalf("events of %s: %d %s; want 200 text/event-stream", app, resp.StatusCode, got)
	}
	l := &listener{w.t, bufio.NewReader(resp.Body)}
	if first := l.next(); first.Event.Event != push.EventBegan {
		w.t.Fatalf("the first event: %+v; want began", first)
	}
	return l
}

func (l *listener) next() (e protocol.AppEvent) {
	l.t.Helper()
	heard := readEvent(l.t, l.events)
	if err := json.Unmarshal([]byte(heard.data), &e); err != nil {
		l.t.Fatalf("event %+v: %v", heard, err)
	}
	if want := string(e.Event.Event); heard.name != want && heard.name != "event" || e.At.IsZero() {
		l.t.Errorf("event %q with %s; want its name, or event, and a time", heard.name, heard.data)
	}
	return e
}

// until reads events up to one that is final for a delivery or has this name, and returns each as "event state device user".
func (l *listener) until(name push.EventName) (lines []string) {
	l.t.Helper()
	for {
		e := l.next()
		lines = append(lines, strings.Join([]string{string(e.Event.Event), string(e.State), e.DeviceID, e.User}, " "))
		if e.Event.Event == name {
			return lines
		}
	}
}

func TestAnAppIsFollowedLive(t *testing.T) {
	t.Parallel()
	w := setupServer(t, config.Config{})
	w.notes()
	w.must(201, "PUT", "/v1/apps/notes/resources/other", `{"fcm": {}}`)
	w.must(201, "PUT", "/v1/apps/mail", "{}")
	w.must(201, "PUT", "/v1/apps/mail/resources/both", `{"fcm": {}}`)
	w.phone("notes", "alice", "a/1")
	w.phone("notes", "bob", "b1")
	send := func(app, body string) string {
		t.Helper()
		var accepted protocol.PushAccepted
		w.must(202, "POST", "/v1/apps/"+app+"/pushes", body).into(t, &accepted)
		return accepted.PushID
	}
	read := w.key("notes", "read")
	all, alices := w.listen("notes", "", read), w.listen("notes", "?user=alice&user=carol", read)
	device, resource := w.listen("notes", "?device=a%2F1", read), w.listen("notes", "?resource=other", read)
	state := w.listen("notes", "?state=cancelled&state=handled&resource=both", read)

	send("mail", `{"to": {"users": ["alice"]}, "resource_id": "both"}`)
	keyed := send("notes", `{"to": {"users": ["bob"]}, "resource_id": "both", "collapse_key": "k"}`)
	send("notes", `{"to": {"users": ["bob"]}, "resource_id": "both", "collapse_key": "k"}`)
	others := send("notes", `{"to": {"devices": ["a/1"]}, "resource_id": "other"}`)
	last := send("notes", `{"to": {"users": ["alice"]}, "resource_id": "both"}`)
	w.must(200, "DELETE", pushesPath+"/"+last, "")

	heard := all.until("cancelled")
	for _, want := range []string{"accepted waiting  ", "waiting waiting b1 bob", "superseded superseded b1 bob", "waiting waiting a/1 alice", "cancelled cancelled a/1 alice"} {
		if !slices.Contains(heard, want) {
			t.Errorf("all of the app: %q; want %q too", heard, want)
		}
	}
	if n := strings.Count(strings.Join(heard, "\n"), "accepted"); n != 4 {
		t.Errorf("%d pushes accepted: %q; want 4, none of the other app", n, heard)
	}
	for what, l := range map[string]*listener{"by user": alices, "by device": device} {
		for _, line := range l.until("cancelled") {
			if !strings.HasSuffix(line, " a/1 alice") {
				t.Errorf("%s: %q; want nothing but alice's on a/1", what, line)
			}
		}
	}
	if e := resource.next(); string(e.PushID) != others || e.ResourceID != "other" || e.Event.Event != push.EventAccepted {
		t.Errorf("by resource, first: %+v; want the push under other accepted", e)
	}
	if e := state.next(); string(e.PushID) != last || e.State != push.Cancelled || e.ResourceID != "both" {
		t.Errorf("by state, first: %+v; want the cancelled push, with its resource", e)
	}
	superseded := w.listen("notes", "?state=superseded&resource=both", read)
	newest := send("notes", `{"to": {"users": ["bob"]}, "resource_id": "both", "collapse_key": "k"}`)
	if e := superseded.next(); string(e.PushID) == newest || string(e.PushID) == keyed || e.ResourceID != "both" {
		t.Errorf("a push that was superseded: %+v; want the one before the newest, with its resource", e)
	}
}

func TestWhatFollowersOfAnAppAreRefused(t *testing.T) {
	t.Parallel()
	w := setupServer(t, config.Config{Limits: config.Limits{StreamsPerKey: 2}})
	w.notes()
	w.must(201, "PUT", "/v1/apps/mail", "{}")
	const path = "/v1/apps/notes/events"
	w.root("GET", path+"?state=lost", "").is(t, "a state that is none", 422, "invalid", "query.state bad_value")
	w.root("GET", path+"?"+strings.Repeat("user=u&", 101), "").is(t, "101 users", 422, "invalid", "query.user too_many")
	w.root("GET", "/v1/apps/none/events", "").is(t, "an unknown app", 404, "not_found")
	w.request("GET", path, "", "Authorization", "Bearer "+w.key("mail", "read")).is(t, "another app's key", 403, "forbidden")
	w.request("GET", path, "").is(t, "no key", 401, "unauthenticated")

	key := w.key("notes", "read")
	w.listen("notes", "?user=&state=", key) // empty values count as absent
	w.listen("notes", "", key)
	w.request("GET", path, "", "Authorization", "Bearer "+key).is(t, "a third stream of the key", 429, "rate_limited")
}

func TestTheEventsOfAnAppEndWithTheirKeyAndWithTheApp(t *testing.T) {
	t.Parallel()
	w := setupServer(t, config.Config{})
	w.notes()
	var key protocol.Key
	w.must(201, "POST", "/v1/apps/notes/keys", `{"role": "read"}`).into(t, &key)
	of, byRoot := w.listen("notes", "", key.Secret), w.listen("notes", "", w.rootKey)
	w.must(204, "DELETE", "/v1/apps/notes/keys/"+key.KeyID, "")
	if rest, err := io.ReadAll(of.events); err != nil || len(rest) != 0 {
		t.Errorf("after the key was deleted: %q, %v; want the end", rest, err)
	}
	w.must(204, "DELETE", "/v1/apps/notes", "")
	if rest, err := io.ReadAll(byRoot.events); err != nil || len(rest) != 0 {
		t.Errorf("after the app was deleted: %q, %v; want the end", rest, err)
	}
}

func TestAFollowerThatDoesNotReadIsToldHowManyEventsItMissed(t *testing.T) {
	t.Parallel()
	w := setupServer(t, config.Config{})
	w.notes()
	stuck, other := w.listen("notes", "", w.rootKey), w.listen("notes", "", w.rootKey)
	var users []string
	for i := range 10_000 {
		users = append(users, fmt.Sprintf(`"%s%d"`, strings.Repeat("u", 100), i))
	}
	body := `{"to": {"users": [` + strings.Join(users, ",") + `]}, "resource_id": "both", "deliver_at": "%s"}`
	const pushes = 15
	told := make(chan int)
	go func() { // the client that reads gets all events, or a note that some were left out
		n := 0
		for n < pushes*10_001 {
			e := other.next()
			if n++; e.Event.Event == push.EventMissed {
				n += e.Count - 1
			}
		}
		told <- n
	}()
	for range pushes {
		w.must(202, "POST", pushesPath, fmt.Sprintf(body, later()))
	}
	heard, missed := 0, 0
	for heard+missed < pushes*10_001 {
		if e := stuck.next(); e.Event.Event == push.EventMissed {
			missed += e.Count
		} else {
			heard++
		}
	}
	if missed == 0 || heard+missed != pushes*10_001 {
		t.Errorf("heard %d, missed %d; want %d in sum, and some missed", heard, missed, pushes*10_001)
	}
	if n := <-told; n != pushes*10_001 {
		t.Errorf("the one who reads heard of %d events; want %d", n, pushes*10_001)
	}
}

// later returns a time that does not come while a test runs.
func later() string { return time.Now().Add(time.Hour).UTC().Format(time.RFC3339) }
