package api_test

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hushpush/hush/internal/api"
)

func TestWhatIsNoJSONIsToldApart(t *testing.T) {
	t.Parallel()
	both(t, testWhatIsNoJSONIsToldApart)
}

func testWhatIsNoJSONIsToldApart(t *testing.T, w *world) {
	t.Helper()
	w.notes()
	for name, body := range map[string]string{
		"empty":                   " ",
		"cut off":                 `{"to": {"users": ["a"`,
		"two values":              `{} {}`,
		"a comma too many":        `{"to": {},}`,
		"not UTF-8":               "{\"payload\": \"\xff\"}",
		"a surrogate in UTF-8":    "{\"payload\": \"\xed\xa0\x80\"}",
		"a lone high surrogate":   `{"payload": "\ud83d"}`,
		"a lone low surrogate":    `{"payload": "a\ude42b"}`,
		"surrogates in disorder":  `{"payload": "\ude42\ud83d"}`,
		"a lone one in a name":    `{"\ud800": 1}`,
		"a doubled name":          `{"payload": "1", "payload": "2"}`,
		"a doubled name, escaped": `{"payload": "1", "\u0070ayload": "2"}`,
		"a doubled name inside":   `{"x": [{"a": 1, "a": 1}]}`,
		"a bare control":          "{\"payload\": \"\x01\"}",
		"NaN":                     `{"x": NaN}`,
		"nested too deep":         strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_000),
		"lists too deep":          `{"to":` + strings.Repeat("[", 100_000),
		"a BOM":                   "\ufeff{}",
	} {
		a := w.root("POST", pushesPath, body)
		a.is(t, name, 400, "bad_json")
		if strings.Contains(a.body, "users") || len(a.body) > 400 {
			t.Errorf("%s: the answer shows the body: %.500s", name, a.body)
		}
	}
	if a := w.root("POST", pushesPath, `{"to": {"all": true}, "resource_id": "both", "payload": "\ud83d\ude42\u0000\uffff"}`); a.status != 202 {
		t.Errorf("a pair of surrogates, U+0000 and U+FFFF: %d %s; want 202", a.status, a.body)
	}
	deep := strings.Repeat(`{"a":`, 63) + "1" + strings.Repeat("}", 63)
	w.root("POST", pushesPath, deep).is(t, "63 levels", 422, "invalid", "body.a unknown_field", "body.to required", "body.resource_id required")
}

func TestCursorsThatNoAnswerGaveAreRefused(t *testing.T) {
	t.Parallel()
	everywhere(t, testCursorsThatNoAnswerGaveAreRefused)
}

func testCursorsThatNoAnswerGaveAreRefused(t *testing.T, w *world) {
	t.Helper()
	w.notes()
	cursors := []string{`["a\u0000"]`, "[\"a\x00\"]"}
	if w.memory == nil { // the store in memory accepts any cursor
		cursors = append(cursors, `{}`, `[1]`, `["a"`, "\xff")
	}
	for _, inside := range cursors {
		cursor := base64.RawURLEncoding.EncodeToString([]byte(inside))
		for _, list := range []string{"/v1/apps", "/v1/apps/notes/keys", "/v1/apps/notes/resources", "/v1/apps/notes/users/alice/devices"} {
			a := w.root("GET", list+"?cursor="+cursor, "")
			a.is(t, fmt.Sprintf("GET %s with a cursor of %q", list, inside), 422, "invalid", "query.cursor bad_value")
		}
	}
}

func TestWhatIsWrongWithTheTextOfABodyIsSaid(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.notes()
	for body, want := range map[string]string{
		"{\"payload\": \"\xff\"}":          "not UTF-8",
		"{\"payload\": \"\xed\xa0\x80\"}":  "not UTF-8, or has a lone surrogate",
		`{"payload": "\ud83d"}`:            "lone surrogate",
		`{"payload": "\ud83dUTF-8"}`:       "has a lone surrogate",
		`{"payload": "\ude42\ud83d"}`:      "lone surrogate",
		`{"\ud800": 1}`:                    "lone surrogate",
		`{"payload": "\x41"}`:              "wrong escape",
		`{"payload": "1", "payload": "2"}`: "same name twice",
		`{"payload": "1"`:                  "ends in the middle",
	} {
		if p := w.root("POST", pushesPath, body).problem(t); !strings.Contains(p.Detail, want) {
			t.Errorf("body %q: detail %q; want %q in it", body, p.Detail, want)
		}
	}
	if p := w.root("PUT", "/v1/apps/notes", `{"x": 1}`).problem(t); len(p.Errors) != 1 || p.Errors[0].Message != "is not known here; want no fields" {
		t.Errorf("a field of an app, which has none: %+v; want it told that there are no fields", p.Errors)
	}
}

func TestBodiesHaveALimit(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.notes()
	fill := strings.Repeat(" ", 8<<20)
	body := `{"to": {"all": true}, "resource_id": "both"}`
	if a := w.root("POST", pushesPath, body+fill[len(body):]); a.status != 202 {
		t.Errorf("8 MiB: %d %.300s; want 202", a.status, a.body)
	}
	w.root("POST", pushesPath, body+fill).is(t, "more than 8 MiB", 413, "body_too_large")
	w.request("POST", pushesPath, body+fill).is(t, "more than 8 MiB, without a key", 401, "unauthenticated")
	if a := w.root("POST", pushesPath+"/batch", `{"pushes": [`+body+`]}`+fill+fill); a.status != 200 {
		t.Errorf("a batch of 16 MiB: %d %.300s; want 200", a.status, a.body)
	}
	// In chunks, without a Content-Length.
	r, err := http.NewRequest("POST", w.url+pushesPath, io.MultiReader(strings.NewReader(body), strings.NewReader(fill)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+w.rootKey)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 413 {
		t.Errorf("more than 8 MiB in chunks: %d; want 413", resp.StatusCode)
	}
}

// Many clients read no answer before they have sent the whole body.
func TestARefusedBodyIsAnsweredToClientsThatSendAllFirst(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.notes()
	body := strings.Repeat(" ", 20<<20)
	chunk := body[:1<<20]
	chunks := strings.Repeat(fmt.Sprintf("%x\r\n%s\r\n", len(chunk), chunk), 20) + "0\r\n\r\n"
	length := fmt.Sprintf("Content-Length: %d\r\n\r\n", len(body))
	for name, c := range map[string]struct {
		path, key, rest string
		status          int
	}{
		"too long":               {pushesPath, w.rootKey, length + body, 413},
		"too long in chunks":     {pushesPath, w.rootKey, "Transfer-Encoding: chunked\r\n\r\n" + chunks, 413},
		"with a wrong key":       {pushesPath + "/batch", "wrong", length + body, 401},
		"an import by no one":    {"/v1/apps/notes/devices/import", "wrong", length + body, 401},
		"asking before it sends": {pushesPath, w.rootKey, fmt.Sprintf("Expect: 100-continue\r\nContent-Length: %d\r\n\r\n", len(body)), 413},
		"far too long":           {pushesPath, w.rootKey, "Content-Length: 1000000000000\r\n\r\n", 413},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := dial(t, w)
			request := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n%s", c.path, c.key, c.rest)
			if _, err := io.WriteString(conn, request); err != nil {
				t.Fatalf("sending all of it: %v", err)
			}
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatalf("the answer: %v", err)
			}
			defer resp.Body.Close()
			if resp.StatusCode != c.status {
				t.Errorf("status %d; want %d", resp.StatusCode, c.status)
			}
		})
	}
}

func TestAMillionFaultsAreToldInFew(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.notes()
	var b strings.Builder
	b.WriteString(`{"x": 1`)
	for i := range 100_000 {
		fmt.Fprintf(&b, `,"f%d":1`, i)
	}
	b.WriteString(`}`)
	if p := w.root("POST", pushesPath, b.String()).problem(t); p.Code != "invalid" || len(p.Errors) != 100 {
		t.Errorf("100 000 unknown fields: %s with %d of them; want invalid and 100", p.Code, len(p.Errors))
	}
}

func TestPathsAreMatchedEscaped(t *testing.T) {
	t.Parallel()
	everywhere(t, testPathsAreMatchedEscaped)
}

func testPathsAreMatchedEscaped(t *testing.T, w *world) {
	t.Helper()
	w.notes()
	for path, user := range map[string]string{
		"a%2Fb": "a/b", "%F0%9F%99%82": "🙂", "a%20b.c": "a b.c", "%2e%2e%2fx": "../x", "a%25b": "a%b", "%3F%23": "?#", "...": "...", "%2F": "/", "%2f%2f": "//",
	} {
		w.must(200, "PUT", "/v1/apps/notes/users/"+path+"/tags", `{"tags": ["beta"]}`)
		if w.memory != nil && len(w.memory.tags["notes/"+user]) != 1 {
			t.Errorf("PUT …/users/%s/tags: user %q has tags %q; want beta", path, user, w.memory.tags["notes/"+user])
		}
	}
	w.phone("notes", "a/b", "x/../y 🙂")
	w.must(200, "GET", "/v1/apps/notes/devices/x%2F..%2Fy%20%F0%9F%99%82", "")
	w.phone("notes", "/", "/")
	if a := w.must(200, "GET", "/v1/apps/notes/devices/%2F", ""); !strings.Contains(a.body, `"device_id":"/"`) {
		t.Errorf("GET …/devices/%%2F: %s; want the device /", a.body)
	}
	if a := w.must(200, "GET", "/v1/apps/notes/users/%2f/devices", ""); !strings.Contains(a.body, `"device_id":"/"`) {
		t.Errorf("GET …/users/%%2f/devices: %s; want the device /", a.body)
	}
	for _, path := range []string{"%2E", "%2E%2E", "%2e.", "%00", "%FF", strings.Repeat("a", 129), "."} {
		a := rawPath(t, w, "/v1/apps/notes/users/"+path+"/devices")
		if a.status != 422 || !strings.Contains(a.body, `"location":"path.user","code":"bad_id"`) {
			t.Errorf("GET …/users/%s/devices: %d %s; want 422 bad_id at path.user", path, a.status, a.body)
		}
	}
	for _, path := range []string{"/v1/apps/notes/users//devices", "/v1/apps//", "/v2", "/v1/apps/notes/", "/", "/v1/apps/notes/pushes/a/b/c"} {
		rawPath(t, w, path).is(t, path, 404, "not_found")
	}
	a := w.root("PATCH", "/v1/apps/notes", "{}")
	a.is(t, "PATCH of an app", 405, "method_not_allowed")
	if got := a.header.Get("Allow"); !strings.Contains(got, "PUT") || !strings.Contains(got, "DELETE") {
		t.Errorf("Allow is %q; want PUT and DELETE in it", got)
	}
}

// rawPath sends a GET with the root key and the path exactly as written.
func rawPath(t *testing.T, w *world, path string) answer {
	t.Helper()
	conn := dial(t, w)
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nConnection: close\r\n\r\n", path, w.rootKey)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("GET %s: %v", path, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("GET %s: %v", path, err)
	}
	return answer{resp.StatusCode, resp.Header, string(b)}
}

func dial(t *testing.T, w *world) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn
}

func TestARequestCutOffLeavesNothing(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.notes()
	conn := dial(t, w)
	body := `{"to": {"all": true}, "resource_id": "both"}`
	fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s", pushesPath, w.rootKey, len(body)+5, body)
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if answered, err := io.ReadAll(conn); err != nil || len(answered) != 0 {
		t.Errorf("a body cut off is answered %q, %v; want a closed connection", answered, err)
	}
	if len(w.memory.pushes) != 0 {
		t.Errorf("%d pushes were accepted; want none", len(w.memory.pushes))
	}
	if a := w.request("GET", "/metrics", ""); !strings.Contains(a.body, `hush_http_bodies_lost_total{reason="cut off"} 1`) {
		t.Errorf("the metrics do not count it: %s", a.body)
	}
}

func TestASlowBodyEndsTheConnection(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *api.Config) { c.BodyWait = 2 * time.Second })
	w.notes()
	for name, key := range map[string]string{"a good key": w.rootKey, "no good key": "nonsense"} {
		conn := dial(t, w)
		fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: 100\r\n\r\n{", pushesPath, key)
		if _, err := io.ReadAll(conn); err != nil {
			t.Errorf("%s, a body that never comes: %v; want a closed connection", name, err)
		}
	}
	conn := dial(t, w)
	fmt.Fprintf(conn, "POST /v1/apps/notes/devices/import HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: 100\r\n\r\n{", w.rootKey)
	if _, err := io.ReadAll(conn); err != nil {
		t.Errorf("an import that stalls: %v; want a closed connection", err)
	}
}

func TestAConnectionIsUsedAgainAfterASlowPause(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *api.Config) { c.BodyWait = 2 * time.Second })
	w.notes()
	conn := dial(t, w)
	r := bufio.NewReader(conn)
	for i := range 2 {
		if i > 0 {
			time.Sleep(2500 * time.Millisecond) // longer than a body may take: the deadline must be gone
		}
		fmt.Fprintf(conn, "PUT /v1/apps/notes HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: 2\r\n\r\n{}", w.rootKey)
		resp, err := http.ReadResponse(r, nil)
		if err != nil || resp.StatusCode != 200 {
			t.Fatalf("request %d: %v, %v; want 200", i+1, resp, err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
}

func TestAnUnexpectedErrorShowsNothing(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.notes()
	w.memory.mu.Lock()
	w.memory.fail = fmt.Errorf("the secret of the store")
	w.memory.mu.Unlock()
	a := w.root("POST", pushesPath, `{"to": {"all": true}, "resource_id": "both"}`)
	a.is(t, "a store that fails", 500, "internal")
	if strings.Contains(a.body, "secret") {
		t.Errorf("the answer shows the error: %s", a.body)
	}
}
