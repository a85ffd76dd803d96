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

	"github.com/hushpush/hush/internal/api"
	"github.com/hushpush/hush/internal/config"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

func importResults(t *testing.T, body io.Reader) []protocol.ImportResult {
	t.Helper()
	var out []protocol.ImportResult
	d := json.NewDecoder(body)
	for {
		var r protocol.ImportResult
		if err := d.Decode(&r); err == io.EOF {
			return out
		} else if err != nil {
			t.Fatalf("a line of the results: %v", err)
		}
		out = append(out, r)
	}
}

func TestAnImportAnswersEachLine(t *testing.T) {
	t.Parallel()
	both(t, testAnImportAnswersEachLine)
}

func testAnImportAnswersEachLine(t *testing.T, w *world) {
	t.Helper()
	w.notes()
	w.phone("notes", "alice", "taken")
	lines := []string{
		`{"device_id": "i1", "platform": "android", "package": "p", "provider_token": "tok", "user": "alice"}`,
		`{"device_id": "i2", "platform": "android", "user": ""}`,
		``,
		`{"device_id": "i1", "platform": "android", "user": "alice"}`,
		`{broken`,
		`{"device_id": "taken", "platform": "android", "user": "mallory"}`,
		`{"device_id": "i5", "platform": "android", "user": "a", "facts": {"x": "` + strings.Repeat("x", 64<<10) + `"}}`,
		`{"device_id": "i6", "platform": "android", "user": "bob", "extra": 1}`,
		`{"device_id": "i7", "platform": "android", "user": "bob/🙂"}`,
	}
	a := w.root("POST", "/v1/apps/notes/devices/import", strings.Join(lines, "\n"))
	if got := a.header.Get("Content-Type"); a.status != 200 || got != "application/x-ndjson" {
		t.Fatalf("the import: %d %s %s; want 200 and application/x-ndjson", a.status, got, a.body)
	}
	var got []string
	for _, r := range importResults(t, strings.NewReader(a.body)) {
		line := fmt.Sprintf("%d %d %s", r.Line, r.Status, r.DeviceID)
		if r.Problem != nil {
			line += " " + string(r.Problem.Code)
			for _, f := range r.Problem.Errors {
				line += " " + f.Location
			}
		}
		got = append(got, line)
	}
	want := []string{"1 201 i1", "2 422 i2 invalid body.user", "4 200 i1", "5 400  bad_json", "6 403 taken device_taken", "7 413  body_too_large",
		"8 422 i6 invalid body.extra", "9 201 i7"}
	if !slices.Equal(got, want) {
		t.Errorf("results %q; want %q", got, want)
	}
	// The owner's token alone is enough to get the credential, once.
	token := "Bearer " + w.token("notes", "alice")
	body := `{"device_id": "i1", "platform": "android"}`
	var d protocol.DeviceResponse
	if w.request("PUT", "/v1/device", body, "Authorization", token).into(t, &d); d.Credential == "" {
		t.Error("the imported device's first registration gives no credential; want one")
	}
	w.request("PUT", "/v1/device", body, "Authorization", token).is(t, "its second without the credential", 403, "device_taken")
}

func TestLinesOfOneDeviceAreImportedInOrder(t *testing.T) {
	t.Parallel()
	both(t, testLinesOfOneDeviceAreImportedInOrder)
}

func testLinesOfOneDeviceAreImportedInOrder(t *testing.T, w *world) {
	t.Helper()
	w.notes()
	var b strings.Builder
	const devices, times = 20, 10
	for i := range devices {
		for n := range times { // the last line decides what is known of the device
			fmt.Fprintf(&b, `{"device_id": "i%d", "platform": "android", "package": "p%d", "user": "u%d"}`+"\n", i, n, i)
		}
	}
	for d := range devices { // and a token belongs to the device that reported it last
		fmt.Fprintf(&b, `{"device_id": "t%d", "platform": "android", "package": "p", "provider_token": "the-one", "user": "u"}`+"\n", d)
	}
	a := w.root("POST", "/v1/apps/notes/devices/import", b.String())
	for i, r := range importResults(t, strings.NewReader(a.body)) {
		want := 200
		if i%times == 0 || i >= devices*times {
			want = 201
		}
		if r.Line != i+1 || r.Status != want {
			t.Errorf("result %d: line %d, status %d; want %d", i+1, r.Line, r.Status, want)
		}
	}
	for i := range devices {
		var d protocol.Device
		w.must(200, "GET", fmt.Sprintf("/v1/apps/notes/devices/i%d", i), "").into(t, &d)
		if want := fmt.Sprintf("p%d", times-1); d.Package != want {
			t.Errorf("device i%d has package %q; want %q, that of its last line", i, d.Package, want)
		}
		w.must(200, "GET", fmt.Sprintf("/v1/apps/notes/devices/t%d", i), "").into(t, &d)
		if want := i == devices-1; (d.Token == "ok") != want && w.memory == nil {
			t.Errorf("device t%d: token %q; want ok: %v", i, d.Token, want)
		}
	}
}

func TestAnImportIsAStreamBothWays(t *testing.T) {
	t.Parallel()
	both(t, testAnImportIsAStreamBothWays)
}

func testAnImportIsAStreamBothWays(t *testing.T, w *world) {
	t.Helper()
	w.notes()
	lines, feed := io.Pipe()
	r, err := http.NewRequest("POST", w.url+"/v1/apps/notes/devices/import", lines)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+w.rootKey)
	go fmt.Fprintln(feed, `{"device_id": "i1", "platform": "android", "user": "alice"}`) // ends when the line is read
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answers := bufio.NewReader(resp.Body)
	if line, err := answers.ReadString('\n'); err != nil || !strings.Contains(line, `"line":1`) {
		t.Fatalf("before the second line was sent: %q, %v; want the first's result", line, err)
	}
	fmt.Fprint(feed, `{"device_id": "i2", "platform": "android", "user": "alice"}`) // without an end of line
	feed.Close()
	if line, err := answers.ReadString('\n'); err != nil || !strings.Contains(line, `"line":2,"status":201`) {
		t.Errorf("the last line, without its end: %q, %v; want its result", line, err)
	}
}

func TestALineCutOffIsNotImported(t *testing.T) {
	t.Parallel()
	both(t, testALineCutOffIsNotImported)
}

func testALineCutOffIsNotImported(t *testing.T, w *world) {
	t.Helper()
	w.notes()
	conn := dial(t, w)
	line := `{"device_id": "i1", "platform": "android", "user": "alice"}`
	fmt.Fprintf(conn, "POST /v1/apps/notes/devices/import HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: 500\r\n\r\n%s", w.rootKey, line)
	conn.(interface{ CloseWrite() error }).CloseWrite()
	if _, err := io.ReadAll(conn); err != nil {
		t.Fatal(err)
	}
	w.root("GET", "/v1/apps/notes/devices/i1", "").is(t, "the device of a line cut off", 404, "not_found")
}

func TestABigImportIsAnsweredWhole(t *testing.T) {
	t.Parallel()
	both(t, testABigImportIsAnsweredWhole)
}

func testABigImportIsAnsweredWhole(t *testing.T, w *world) {
	t.Helper()
	w.notes()
	const devices = 2_000
	var b strings.Builder
	for i := range devices {
		fmt.Fprintf(&b, `{"device_id": "i%d", "platform": "android", "user": "u%d"}`+"\r\n", i, i)
	}
	a := w.root("POST", "/v1/apps/notes/devices/import", b.String())
	results := importResults(t, strings.NewReader(a.body))
	for i, r := range results {
		if r.Line != i+1 || r.Status != 201 {
			t.Fatalf("result %d: %+v; want line %d with 201", i, r, i+1)
		}
	}
	if len(results) != devices {
		t.Errorf("%d results; want %d", len(results), devices)
	}
}

// event is one server-sent event.
type event struct{ name, data string }

func readEvent(t *testing.T, r *bufio.Reader) event {
	t.Helper()
	var e event
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatalf("reading an event: %v", err)
		}
		line = strings.TrimSuffix(line, "\n")
		if line == "" && e.name != "" {
			return e
		}
		if name, ok := strings.CutPrefix(line, "event: "); ok {
			e.name = name
		}
		if data, ok := strings.CutPrefix(line, "data: "); ok {
			e.data = data
		}
	}
}

func (w *world) follow(id string) *bufio.Reader {
	w.t.Helper()
	r, err := http.NewRequest("GET", w.url+pushesPath+"/"+id+"/events", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+w.rootKey)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { resp.Body.Close() })
	if got := resp.Header.Get("Content-Type"); resp.StatusCode != 200 || got != "text/event-stream" {
		w.t.Fatalf("events: %d %s; want 200 text/event-stream", resp.StatusCode, got)
	}
	return bufio.NewReader(resp.Body)
}

func TestTheLiveTimelineTellsEachChangeUntilAllIsFinal(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *api.Config) { c.EventsWait = time.Minute })
	w.notes()
	w.phone("notes", "alice", "a1")
	var accepted protocol.PushAccepted
	w.must(202, "POST", pushesPath, `{"to": {"users": ["alice", "bob"]}, "resource_id": "both"}`).into(t, &accepted)
	stream := w.follow(accepted.PushID)
	states := func(n int) (got []string) {
		for range n {
			e := readEvent(t, stream)
			var d protocol.LiveEvent
			if err := json.Unmarshal([]byte(e.data), &d); err != nil || e.name != "delivery" {
				t.Fatalf("event %+v, %v; want a delivery", e, err)
			}
			got = append(got, d.DeviceID+" "+d.User+" "+string(d.State))
		}
		return got
	}
	if got, want := states(2), []string{"a1 alice waiting", " bob waiting"}; !slices.Equal(got, want) {
		t.Errorf("at first %q; want %q", got, want)
	}
	id := push.ID(accepted.PushID)
	eventually(t, "somebody watches the push", func() bool {
		w.memory.mu.Lock()
		defer w.memory.mu.Unlock()
		return len(w.memory.watchers[id]) == 1
	})
	w.memory.set(id, 0, push.Sent)
	if got, want := states(1), []string{"a1 alice sent"}; !slices.Equal(got, want) {
		t.Errorf("after a change %q; want %q", got, want)
	}
	w.memory.mu.Lock()
	if w.memory.pagesRead != 1 {
		t.Errorf("all deliveries were read %d times; want once, and then those that change", w.memory.pagesRead)
	}
	w.memory.mu.Unlock()
	w.memory.set(id, 0, push.Handled)
	w.memory.set(id, 1, push.Expired)
	last := states(2)
	slices.Sort(last)
	if want := []string{" bob expired", "a1 alice handled"}; !slices.Equal(last, want) {
		t.Errorf("at the end %q; want %q", last, want)
	}
	e := readEvent(t, stream)
	var p protocol.Push
	if err := json.Unmarshal([]byte(e.data), &p); err != nil || e.name != "final" || !p.Final || p.PushID != accepted.PushID || len(p.Deliveries) != 0 {
		t.Errorf("the last event: %+v, %v; want final, with the push and no deliveries", e, err)
	}
	if rest, err := io.ReadAll(stream); err != nil || len(rest) != 0 {
		t.Errorf("after final: %q, %v; want the end", rest, err)
	}
}

func TestAKeyFollowsOnlySoManyPushes(t *testing.T) {
	t.Parallel()
	w := setupServer(t, config.Config{Limits: config.Limits{StreamsPerKey: 2}})
	w.notes()
	var accepted protocol.PushAccepted
	w.must(202, "POST", pushesPath, `{"to": {"users": ["bob"]}, "resource_id": "both"}`).into(t, &accepted)
	w.follow(accepted.PushID)
	w.follow(accepted.PushID)
	path := pushesPath + "/" + accepted.PushID + "/events"
	refused := w.root("GET", path, "")
	if refused.is(t, "the third stream", 429, "rate_limited"); refused.header.Get("Retry-After") == "" || !strings.Contains(refused.body, "limits.streams_per_key") {
		t.Errorf("the refusal %v %s; want Retry-After, and the setting's name", refused.header, refused.body)
	}
	other := w.key("notes", "read")
	w.must(200, "DELETE", pushesPath+"/"+accepted.PushID, "") // ends the streams
	eventually(t, "there is room again", func() bool { return w.root("GET", path, "").status == 200 })
	if a := w.request("GET", path, "", "Authorization", "Bearer "+other); a.status != 200 {
		t.Errorf("another key's stream: %d %s; want 200", a.status, a.body)
	}
}

func TestAChangeThatNobodySignalsIsFoundAllTheSame(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *api.Config) { c.EventsWait = 20 * time.Millisecond; c.BodyWait = 2 * time.Second })
	w.notes()
	var accepted protocol.PushAccepted
	w.must(202, "POST", pushesPath, `{"to": {"users": ["bob"]}, "resource_id": "both"}`).into(t, &accepted)
	stream := w.follow(accepted.PushID)
	readEvent(t, stream)
	time.Sleep(2500 * time.Millisecond) // longer than a body may take, which does not limit an answer
	w.memory.mu.Lock()
	w.memory.watchers = map[push.ID][]chan struct{}{} // another node would not signal here
	w.memory.mu.Unlock()
	w.memory.set(push.ID(accepted.PushID), 0, push.Cancelled)
	if e := readEvent(t, stream); !strings.Contains(e.data, `"state":"cancelled"`) {
		t.Errorf("the next event: %+v; want the cancelled delivery", e)
	}
	if e := readEvent(t, stream); e.name != "final" {
		t.Errorf("the event after: %+v; want final", e)
	}
}

func TestTheLiveTimelineEndsWithItsClient(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.notes()
	var accepted protocol.PushAccepted
	w.must(202, "POST", pushesPath, `{"to": {"users": ["bob"]}, "resource_id": "both"}`).into(t, &accepted)
	conn := dial(t, w)
	fmt.Fprintf(conn, "GET %s/%s/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", pushesPath, accepted.PushID, w.rootKey)
	if _, err := bufio.NewReader(conn).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	conn.Close()
	eventually(t, "the stream is counted as ended", func() bool {
		return strings.Contains(w.request("GET", "/metrics", "").body, `route="/v1/apps/{app}/pushes/{push_id}/events",status="200"} 1`)
	})
}
