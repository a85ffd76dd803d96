package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hushpush/hush/internal/config"
	"github.com/hushpush/hush/protocol"
)

var recordExamples = flag.Bool("record-examples", false, "write examples/answers.json anew from a real server")

// TestTheExamplesWork sends the example of each operation to a real server, each to an app of its own, and expects success.
func TestTheExamplesWork(t *testing.T) {
	t.Parallel()
	nowhere := "https://127.0.0.1:1" // nothing listens there: a check of credentials reports it
	settings := config.Config{}
	settings.APNs.URL, settings.FCM.URL, settings.FCM.TokenURL = nowhere, nowhere, nowhere+"/token"
	w := setupServer(t, settings)
	recorded := map[string]map[string]any{}
	for i, p := range contractOf(t, w).operations() {
		if p.path == "/metrics" {
			continue // the answer is not Hush's own
		}
		f := prepareExample(t, w, fmt.Sprintf("notes-%d", i))
		id := p.op["operationId"].(string)
		recorded[id] = map[string]any{}
		if id == "putOwnDevice" {
			w.send("DELETE", p.path, "", f.secret("deviceCredential")...) // so that the device registers again
		}
		for _, body := range f.bodies(t, p) {
			a := f.ask(p, body)
			media, ok := p.media(a.status)
			if !ok || a.status >= 300 {
				t.Errorf("%s with its example %s: %d %s; want success", p, body, a.status, a.body)
				continue
			}
			contractOf(t, w).hold(t, p.method, p.path, a)
			if len(media) > 0 {
				recorded[id][fmt.Sprint(a.status)] = exampleOf(a)
			}
		}
	}
	if *recordExamples {
		writeExamples(t, recorded)
	}
}

// writeExamples writes one operation per line.
func writeExamples(t *testing.T, recorded map[string]map[string]any) {
	t.Helper()
	var lines []string
	for _, id := range slices.Sorted(maps.Keys(recorded)) {
		if len(recorded[id]) == 0 {
			continue
		}
		text, err := json.Marshal(recorded[id])
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, fmt.Sprintf("%q: %s", id, text))
	}
	text := regexp.MustCompile(`"notes-\d+"`).ReplaceAllString("{\n"+strings.Join(lines, ",\n")+"\n}\n", `"notes"`)
	if err := os.WriteFile("examples/answers.json", []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestEveryBodyHasAnExampleThatIsAsItsSchema checks requests and successful answers.
func TestEveryBodyHasAnExampleThatIsAsItsSchema(t *testing.T) {
	t.Parallel()
	c := contractOf(t, setup(t))
	for _, p := range c.operations() {
		if body, ok := p.op["requestBody"].(map[string]any); ok {
			c.examples(t, p, body["content"].(map[string]any), "requestBody")
		}
		for status, response := range p.op["responses"].(map[string]any) {
			if content, ok := response.(map[string]any)["content"].(map[string]any); ok && (status < "300" || content["application/problem+json"] == nil) {
				c.examples(t, p, content, "responses", status)
			}
		}
	}
}

// TestRefusalsHaveExamplesThatAreAsTheirSchema checks each code of each refusal.
func TestRefusalsHaveExamplesThatAreAsTheirSchema(t *testing.T) {
	t.Parallel()
	c := contractOf(t, setup(t))
	for _, p := range c.operations() {
		for status, response := range p.op["responses"].(map[string]any) {
			content, _ := response.(map[string]any)["content"].(map[string]any)
			problem, ok := content["application/problem+json"].(map[string]any)
			if !ok {
				continue
			}
			for code, example := range problem["examples"].(map[string]any) {
				text, _ := json.Marshal(example.(map[string]any)["value"])
				if err := c.validate(p.pointer("responses", status, "content", "application/problem+json", "schema"), string(text)); err != nil {
					t.Errorf("%s, %s %s: the example %s: %v", p, status, code, text, err)
				}
			}
		}
	}
}

func (c *contract) examples(t *testing.T, p promise, content map[string]any, at ...string) {
	t.Helper()
	for kind, media := range content {
		example, ok := media.(map[string]any)["example"]
		if !ok {
			t.Errorf("%s, %s: no example of %s; want one of the request as the route's example, then one of the answer by go test ./internal/api -run TestTheExamplesWork -record-examples", p, strings.Join(at, " "), kind)
			continue
		}
		text, _ := json.Marshal(example)
		if err := c.validate(p.pointer(append(at, "content", kind, "schema")...), string(text)); err != nil {
			t.Errorf("%s, %s: the example %s: %v", p, strings.Join(at, " "), text, err)
		}
	}
}

// exampleFixture is an app with everything that the examples name.
type exampleFixture struct {
	w                          *world
	app, key, push             string
	token, credential, wakeKey string
}

func prepareExample(t *testing.T, w *world, app string) exampleFixture {
	t.Helper()
	f := exampleFixture{w: w, app: app}
	c := contractOf(t, w)
	for _, call := range []struct{ method, path string }{
		{"PUT", "/v1/apps/{app}"}, {"PUT", "/v1/apps/{app}/resources/{resource_id}"}, {"PUT", "/v1/apps/{app}/signing-keys/{kid}"},
		{"PUT", "/v1/apps/{app}/providers/apns"}, {"PUT", "/v1/apps/{app}/providers/fcm"},
	} {
		p, _ := c.find(call.method, call.path)
		if a := f.ask(p, f.bodies(t, p)[0]); a.status != 201 {
			t.Fatalf("%s: %d %s; want 201", p, a.status, a.body)
		}
	}
	var key protocol.Key
	w.must(201, "POST", "/v1/apps/"+app+"/keys", `{"role": "send"}`).into(t, &key)
	f.key, f.token = key.KeyID, w.token(app, "alice")
	register, _ := c.find("PUT", "/v1/device")
	var device protocol.DeviceResponse
	f.ask(register, f.bodies(t, register)[0]).into(t, &device)
	f.credential, f.wakeKey = device.Credential, device.WakeKey.ID
	var push protocol.PushAccepted
	w.must(202, "POST", "/v1/apps/"+app+"/pushes", `{"to": {"users": ["alice"]}, "resource_id": "both", "payload": "42"}`).into(t, &push)
	f.push = push.PushID
	return f
}

// bodies returns the requests of an operation: its example, and others that lead to successful answers that the example does not.
func (f exampleFixture) bodies(t *testing.T, p promise) []string {
	t.Helper()
	request, ok := p.op["requestBody"].(map[string]any)
	if !ok {
		return []string{""}
	}
	var all []string
	for kind, media := range request["content"].(map[string]any) {
		example := media.(map[string]any)["example"]
		if example == nil {
			t.Fatalf("%s has no example of a request; want one as the route's example", p)
		}
		text, isText := example.(string)
		if !isText || kind == "application/json" {
			encoded, err := json.Marshal(example)
			if err != nil {
				t.Fatal(err)
			}
			text = string(encoded)
		}
		all = append(all, text)
	}
	switch p.op["operationId"] {
	case "createPush":
		all = append(all, strings.Replace(all[0], "{", `{"dry_run": true, `, 1))
	case "reportForeignWake":
		all = append(all, fmt.Sprintf(`{"k": %q, "s": "AAAA"}`, f.wakeKey))
	}
	return all
}

// ask makes a documented call, with the fixture's names in the path and the first of the operation's security schemes.
func (f exampleFixture) ask(p promise, body string) answer {
	f.w.t.Helper()
	path, headers := f.path(p), f.secrets(p)
	if parameters, _ := p.op["parameters"].([]any); slices.ContainsFunc(parameters, isLimit) {
		path += "?limit=1" // keeps the example of a page short
	}
	if media, ok := p.media(http.StatusOK); ok && media["text/event-stream"] != nil {
		return f.firstEvent(path, headers)
	}
	return f.w.send(p.method, path, body, headers...)
}

func (f exampleFixture) path(p promise) string {
	path := p.path
	for name, value := range map[string]string{
		"app": f.app, "key_id": f.key, "push_id": f.push, "kid": "k1", "resource_id": "both", "user": "alice", "device": "0b6f2ba8",
	} {
		path = strings.ReplaceAll(path, "{"+name+"}", value)
	}
	return path
}

func (f exampleFixture) secrets(p promise) (headers []string) {
	if ways, ok := p.op["security"].([]any); ok && len(ways) > 0 {
		for way := range maps.Keys(ways[0].(map[string]any)) {
			headers = append(headers, f.secret(way)...)
		}
	}
	return headers
}

func (f exampleFixture) secret(way string) []string {
	switch way {
	case "serverKey":
		return []string{"Authorization", "Bearer " + f.w.rootKey}
	case "userToken":
		return []string{"Authorization", "Bearer " + f.token}
	}
	return []string{"Hush-Device", f.credential}
}

// firstEvent returns the beginning of a stream of server-sent events.
func (f exampleFixture) firstEvent(path string, headers []string) answer {
	f.w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, "GET", f.w.url+path, nil)
	if err != nil {
		f.w.t.Fatal(err)
	}
	for pair := range slices.Chunk(headers, 2) {
		r.Header.Set(pair[0], pair[1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		f.w.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, lines := "", bufio.NewScanner(resp.Body)
	for lines.Scan() && lines.Text() != "" {
		text += lines.Text() + "\n"
	}
	return answer{resp.StatusCode, resp.Header, text + "\n"}
}

// exampleOf returns an answer as the document shows it.
func exampleOf(a answer) any {
	if strings.HasPrefix(a.header.Get("Content-Type"), "application/json") {
		return json.RawMessage(a.body)
	}
	return a.body
}

// isLimit reports whether a parameter of an operation is the size of a page.
func isLimit(parameter any) bool {
	p, _ := parameter.(map[string]any)
	return p["name"] == "limit"
}
