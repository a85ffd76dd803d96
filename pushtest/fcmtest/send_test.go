package fcmtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestADataMessageReachesThePhone(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"snake_case":     `{"validate_only":false,"message":{"token":"a:1","data":{"k":"v","collapse_key":"x"},"android":{"collapse_key":"hush","priority":"high","ttl":"90.9s","direct_boot_ok":true}}}`,
		"lowerCamelCase": `{"validateOnly":false,"message":{"token":"a:1","data":{"k":"v","collapse_key":"x"},"android":{"collapseKey":"hush","priority":"HIGH","ttl":"90.9s","directBootOk":true}}}`,
		"android.data":   `{"message":{"token":"a:1","data":{"other":"1"},"android":{"data":{"k":"v","collapse_key":"x"},"collapse_key":"hush","priority":1,"ttl":"90s","direct_boot_ok":true}}}`,
	} {
		w := setup(t)
		p := w.phone("a:1", true)
		res := w.send(body)
		if res.status != 200 || !strings.HasPrefix(res.name, "projects/demo/messages/0:") {
			t.Fatalf("%s: got %d %s", name, res.status, res.raw)
		}
		if ct := res.header.Get("Content-Type"); ct != "application/json; charset=UTF-8" {
			t.Errorf("%s: content type %q", name, ct)
		}
		got := p.messages()
		if len(got) != 1 {
			t.Fatalf("%s: the phone got %d messages, want 1", name, len(got))
		}
		m := got[0]
		if m.Data["k"] != "v" || m.Data["collapse_key"] != "hush" || len(m.Data) != 2 || m.CollapseKey != "hush" || m.Priority != High ||
			m.TTL != 90*time.Second || m.Stored || !m.DirectBootOK || !strings.HasSuffix(res.name, m.ID) || time.Since(m.SentAt) > time.Minute {
			t.Errorf("%s: the phone got %+v", name, m)
		}
		if r := w.last(); r.Outcome != "delivered" || r.Token != "a:1" || r.ID != m.RequestID || r.Status != 200 || r.Endpoint != "send" {
			t.Errorf("%s: the ledger says %+v", name, r)
		}
	}
}

func TestDefaultsAreNormalPriorityAndFourWeeks(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.phone("a:1", true)
	w.send(`{"message":{"token":"a:1","android":null}}`)
	if m := p.messages(); len(m) != 1 || m[0].Priority != Normal || m[0].TTL != 28*24*time.Hour || m[0].CollapseKey != "" {
		t.Errorf("got %+v", m)
	}
}

// TestEveryRefusalHasItsBody is the table of FCM's refusals: what is wrong, and how Google says so.
func TestEveryRefusalHasItsBody(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.phone("a:1", true)
	w.phone("gone", true)
	if err := w.Register(Token{Token: "other", Project: "another-project", Online: true}); err != nil {
		t.Fatal(err)
	}
	if err := w.Retire("gone"); err != nil {
		t.Fatal(err)
	}
	msg := func(rest string) string { return `{"message":{"token":"a:1",` + rest + `}}` }
	android := func(rest string) string { return msg(`"android":{` + rest + `}`) }
	const shape = "" // no FcmError: refused before FCM proper
	big := strings.Repeat("x", 4096)
	for _, c := range []struct {
		name, body string
		status     int
		code       string
		field      string // of the first violation; "-" for no BadRequest, "" for one without a field
		message    string // part of it
	}{
		{"no body", ``, 400, shape, "", "Invalid JSON payload"},
		{"no JSON", `{"message":`, 400, shape, "", "Invalid JSON payload"},
		{"two values", `{}{}`, 400, shape, "", "Invalid JSON payload"},
		{"a list", `[]`, 400, shape, "", "Root element must be a message"},
		{"not UTF-8", "{\"message\":{\"token\":\"\xff\"}}", 400, shape, "", "UTF-8"},
		{"a doubled name", `{"message":{"token":"a:1","token":"a:1"}}`, 400, shape, "", "twice"},
		{"both spellings", android(`"collapse_key":"a","collapseKey":"b"`), 400, shape, "message.android", "twice"},
		{"megabyte of nesting", strings.Repeat(`[`, 200_000), 400, shape, "", "deep"},
		{"nested objects", strings.Repeat(`{"a":`, 1000) + "1" + strings.Repeat("}", 1000), 400, shape, "", "deep"},
		{"an unknown name", `{"message":{"token":"a:1"},"x":1}`, 400, shape, "", `Unknown name "x"`},
		{"an unknown name below", msg(`"x":1`), 400, shape, "message", `Unknown name "x" at 'message': Cannot find field.`},
		{"a legacy field", msg(`"to":"a"`), 400, shape, "message", `Unknown name "to"`},
		{"a number in data", msg(`"data":{"k":12}`), 400, shape, "message.data[0].value", "Invalid value at 'message.data[0].value' (TYPE_STRING), 12"},
		{"a second value in data", msg(`"data":{"k":"v","l":true}`), 400, shape, "message.data[1].value", "(TYPE_STRING), true"},
		{"null in data", msg(`"data":{"k":null}`), 400, shape, "message.data[0].value", "TYPE_STRING"},
		{"an object in data", msg(`"data":{"k":{}}`), 400, shape, "message.data[0].value", "TYPE_STRING"},
		{"data is text", msg(`"data":"k"`), 400, shape, "message.data", "Invalid value"},
		{"data is a list", msg(`"data":[]`), 400, shape, "message", "not repeating"},
		{"token is a number", `{"message":{"token":1}}`, 400, shape, "message.token", "TYPE_STRING"},
		{"message is text", `{"message":"hi"}`, 400, shape, "message", "google.firebase.fcm.v1.Message"},
		{"validate_only is text", `{"validate_only":"yes","message":{"token":"a:1"}}`, 400, shape, "validate_only", "TYPE_BOOL"},
		{"ttl is a number", android(`"ttl":90`), 400, shape, "message.android.ttl", "Duration"},
		{"ttl without unit", android(`"ttl":"90"`), 400, shape, "message.android.ttl", "Duration"},
		{"ttl in minutes", android(`"ttl":"5m"`), 400, shape, "message.android.ttl", "Duration"},
		{"ttl is empty", android(`"ttl":""`), 400, shape, "message.android.ttl", "Duration"},
		{"priority is urgent", android(`"priority":"urgent"`), 400, shape, "message.android.priority", "AndroidMessagePriority"},
		{"priority is 10", android(`"priority":10`), 400, shape, "message.android.priority", "AndroidMessagePriority"},
		{"two targets", msg(`"topic":"news"`), 400, shape, "message", "oneof"},

		{"no message", `{}`, 400, "INVALID_ARGUMENT", "message", "Recipient of the message is not set."},
		{"no target", `{"message":{"data":{"k":"v"}}}`, 400, "INVALID_ARGUMENT", "message", "Recipient of the message is not set."},
		{"an empty token", `{"message":{"token":""}}`, 400, "INVALID_ARGUMENT", "message", "Recipient of the message is not set."},
		{"a bad topic", `{"message":{"topic":"a b"}}`, 400, "INVALID_ARGUMENT", "message.topic", ""},
		{"ttl below 0", android(`"ttl":"-1s"`), 400, "INVALID_ARGUMENT", "message.android.ttl", ""},
		{"ttl just below 0", android(`"ttl":"-0.5s"`), 400, "INVALID_ARGUMENT", "message.android.ttl", ""},
		{"ttl over 4 weeks", android(`"ttl":"2419201s"`), 400, "INVALID_ARGUMENT", "message.android.ttl", ""},
		{"key from", msg(`"data":{"from":"a"}`), 400, "INVALID_ARGUMENT", "message.data", ""},
		{"key message_type", msg(`"data":{"message_type":"a"}`), 400, "INVALID_ARGUMENT", "message.data", ""},
		{"key google.", msg(`"data":{"google.x":"a"}`), 400, "INVALID_ARGUMENT", "message.data", ""},
		{"key gcm.notification.", android(`"data":{"gcm.notification.title":"a"}`), 400, "INVALID_ARGUMENT", "message.android.data", ""},
		{"a long label", msg(`"fcm_options":{"analytics_label":"` + strings.Repeat("a", 51) + `"}`), 400, "INVALID_ARGUMENT", "message.fcm_options.analytics_label", ""},
		{"too large", msg(`"data":{"k":"` + big + `"}`), 400, "INVALID_ARGUMENT", "-", "Android message is too big"},
		{"too large for a topic", `{"message":{"topic":"news","data":{"k":"` + big[:2048] + `"}}}`, 400, "INVALID_ARGUMENT", "-", "too big"},
		{"too large for Apple", msg(`"apns":{"payload":{"aps":{"content-available":1},"k":"` + big + `"}}`), 400, "INVALID_ARGUMENT", "-", "iOS message is too big"},
		{"an unknown token", `{"message":{"token":"nobody"}}`, 400, "INVALID_ARGUMENT", "-", "The registration token is not a valid FCM registration token"},
		{"another package", android(`"restricted_package_name":"com.example.other"`), 400, "INVALID_ARGUMENT", "message.android.restricted_package_name", ""},
		{"another project's token", `{"message":{"token":"other"}}`, 403, "SENDER_ID_MISMATCH", "-", "SenderId mismatch"},
		{"a retired token", `{"message":{"token":"gone"}}`, 404, "UNREGISTERED", "-", "Requested entity was not found."},
	} {
		got := w.send(c.body)
		field := "-"
		if len(got.fields) > 0 {
			field = got.fields[0].Field
		}
		if got.status != c.status || got.code != c.code || field != c.field || !strings.Contains(got.message, c.message) || got.grpc != statusText[c.status] {
			t.Errorf("%s: got %d %s %q field %q %q; want %d %s %q field %q %q\ninput %.200s", c.name,
				got.status, got.grpc, got.code, field, got.message, c.status, statusText[c.status], c.code, c.field, c.message, c.body)
		}
		if r := w.last(); r.Outcome != "refused" || r.Status != c.status {
			t.Errorf("%s: the ledger says %d %s", c.name, r.Status, r.Outcome)
		}
	}
}

func TestTheLimitsThemselvesAreAllowed(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.phone("a:1", true)
	for name, body := range map[string]string{
		"4096 bytes":       `"data":{"k":"` + strings.Repeat("x", 4095) + `"}`,
		"4096 in UTF-8":    `"data":{"k":"` + strings.Repeat("é", 2047) + `x"}`,
		"ttl of 4 weeks":   `"android":{"ttl":"2419200s"}`,
		"ttl of a nano":    `"android":{"ttl":"3.000000001s"}`,
		"ttl 0":            `"android":{"ttl":"0s"}`,
		"U+0000":           `"data":{"k":"\u0000"}`,
		"own package":      `"android":{"restricted_package_name":"com.example.notes"}`,
		"apns and webpush": `"apns":{"headers":{"apns-priority":"5"},"payload":{"aps":{"content-available":1}}},"webpush":{"headers":{"TTL":"1"}}`,
		"a notification":   `"notification":{"title":"t"},"android":{"notification":{"channel_id":"c","sticky":true,"vibrate_timings":["1s"]}}`,
		"a long label":     `"fcmOptions":{"analyticsLabel":"` + strings.Repeat("a", 50) + `"}`,
		"key gcm":          `"data":{"gcm":"1","google":"2"}`,
	} {
		before := len(p.messages())
		if got := w.send(`{"message":{"token":"a:1",` + body + `}}`); got.status != 200 || len(p.messages()) != before+1 {
			t.Errorf("%s: got %d %s, want 200 and a message", name, got.status, got.raw)
		}
	}
}

func TestUncertainBodiesAreSwitches(t *testing.T) {
	t.Parallel()
	big := `{"message":{"token":"a:1","data":{"k":"` + strings.Repeat("x", 4096) + `"}}}`
	for _, c := range []struct{ name, value, body, code, field, message string }{
		{"token.unknown", "older", `{"message":{"token":"b:1"}}`, "INVALID_ARGUMENT", "message.token", "Request contains an invalid argument."},
		{"size.body", "generic", big, "", "", "Request contains an invalid argument."},
		{"size.body", "large", big, "INVALID_ARGUMENT", "", "Message is too large. The maximum is 4K (4096 bytes)."},
		{"size.max", "2048", `{"message":{"token":"a:1","data":{"k":"` + strings.Repeat("x", 2048) + `"}}}`, "INVALID_ARGUMENT", "", "too big"},
		{"data.reserved", "errors", `{"message":{"token":"a:1","data":{"gcm":"1"}}}`, "INVALID_ARGUMENT", "message.data", ""},
	} {
		w := setup(t, Set(c.name, c.value))
		w.phone("a:1", true)
		got := w.send(c.body)
		field := ""
		if len(got.fields) > 0 {
			field = got.fields[0].Field
		}
		if got.status != 400 || got.code != c.code || field != c.field || !strings.Contains(got.message, c.message) {
			t.Errorf("%s=%s: got %d %q field %q %q; want 400 %q field %q %q", c.name, c.value, got.status, got.code, field, got.message, c.code, c.field, c.message)
		}
	}
}

func TestValidateOnlyChecksAllAndDeliversNothing(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.phone("a:1", true)
	got := w.send(`{"validate_only":true,"message":{"token":"a:1"}}`)
	if got.status != 200 || got.name != "projects/demo/messages/fake_message_id" {
		t.Errorf("got %d %s", got.status, got.raw)
	}
	if got := w.send(`{"validateOnly":true,"message":{"token":"b:1"}}`); got.status != 400 {
		t.Errorf("an unknown token: got %d, want 400", got.status)
	}
	if n := len(p.messages()); n != 0 {
		t.Errorf("the phone got %d messages", n)
	}
}

func TestOtherProjectsAndPathsAreNoDeadTokens(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.phone("a:1", true)
	body := `{"message":{"token":"a:1"}}`
	for path, want := range map[string]int{
		"/v1/projects/demo/messages:send":                     200,
		"/v1/projects/demo/messages%3Asend":                   200,
		"/v1/projects/" + w.project.number + "/messages:send": 200,
		"/v1/projects/demo/messages:send?alt=json&key=none":   200,
		"/v1/projects/other/messages:send":                    404,
		"/v1/projects/demo/messages":                          404,
		"/v1/projects//messages:send":                         404,
		"/fcm/send":                                           404,
		"/":                                                   404,
	} {
		got := w.post(w.client, w.URL()+path, w.bearer, body)
		if got.status != want || got.code != "" {
			t.Errorf("%s: got %d with FcmError %q, want %d without", path, got.status, got.code, want)
		}
	}
	res, err := w.client.Get(w.SendURL())
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 404 {
		t.Errorf("GET: %d, want 404", res.StatusCode)
	}
	w403 := setup(t, Set("project.unknown", "403"))
	if got := w403.post(w403.client, w403.URL()+"/v1/projects/x/messages:send", w403.bearer, body); got.status != 403 || got.code != "" {
		t.Errorf("switched: got %d %q, want 403", got.status, got.code)
	}
}

func TestAnAccountWithoutPermissionIsNoDeadToken(t *testing.T) {
	t.Parallel()
	w := setup(t, Set("project.permission", "denied"))
	w.phone("a:1", true)
	if got := w.send(`{"message":{"token":"a:1"}}`); got.status != 403 || got.code != "" || !strings.Contains(got.raw, "PERMISSION_DENIED") {
		t.Errorf("got %d %s; want 403 PERMISSION_DENIED without an FcmError", got.status, got.raw)
	}
}

func TestTopicsAreAcceptedAndReachNobody(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for _, target := range []string{`"topic":"news"`, `"topic":"/topics/news"`, `"condition":"'a' in topics"`} {
		if got := w.send(`{"message":{` + target + `}}`); got.status != 200 {
			t.Errorf("%s: got %d %s", target, got.status, got.raw)
		}
		if got := w.last(); got.Outcome != "discarded" {
			t.Errorf("%s: outcome %s, want discarded", target, got.Outcome)
		}
	}
}

func TestBothTransportsServe(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.phone("a:1", true)
	one := http1Client(w.Server)
	t.Cleanup(one.CloseIdleConnections)
	for want, client := range map[int]*http.Client{1: one, 2: w.client} {
		for range 3 {
			if got := w.post(client, w.SendURL(), w.bearer, `{"message":{"token":"a:1"}}`); got.status != 200 || got.proto != want {
				t.Errorf("HTTP/%d: got %d over HTTP/%d", want, got.status, got.proto)
			}
		}
		if got := w.post(client, w.SendURL(), w.bearer, strings.Repeat(" ", 262145)); got.status != 400 || got.code != "" {
			t.Errorf("HTTP/%d: a body over the limit got %d %q, want 400 without FcmError", want, got.status, got.code)
		}
	}
	if n := len(p.messages()); n != 6 {
		t.Errorf("the phone got %d messages, want 6", n)
	}
	res, err := http.Post("http://"+w.Addr()+"/", "text/plain", strings.NewReader("x"))
	if err == nil {
		res.Body.Close()
		if res.StatusCode < 400 {
			t.Errorf("plain text on the TLS port: %d", res.StatusCode)
		}
	}
	_, err = http.Post(w.URL()+"/", "text/plain", nil)
	if err == nil {
		t.Error("a client without the CA was served")
	}
}

func TestRulesSayAllThatIsAsked(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := Rules().WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	var rows []map[string]any
	if err := json.Unmarshal(b.Bytes(), &rows); err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, r := range rows {
		for _, key := range []string{"rule", "source", "certain", "switch", "default"} {
			if _, has := r[key].(string); !has {
				t.Errorf("a rule lacks %q: %v", key, r)
			}
		}
		name := fmt.Sprint(r["name"])
		if r["rule"] == "" || r["source"] == "" || r["certain"] == "" || names[name] {
			t.Errorf("a rule says too little, or its name is taken: %v", r)
		}
		names[name] = true
		if r["certain"] == "uncertain" && r["switch"] == "" {
			t.Errorf("an uncertain rule without a switch: %v", r)
		}
	}
	b.Reset()
	if err := Rules().WriteText(&b); err != nil || !strings.Contains(b.String(), "--set storage.max=100") {
		t.Errorf("as text (%v): %s", err, b.String())
	}
}

func TestEverySeedStarts(t *testing.T) {
	t.Parallel()
	for seed := range uint64(8) {
		w := setup(t, Seed(seed))
		p := w.phone("a:1", true)
		if got := w.to("a:1", ""); got.status != 200 || len(p.messages()) != 1 {
			t.Errorf("seed %d: got %d %s", seed, got.status, got.raw)
		}
	}
}

func TestTheBoundsOfARequestAreSwitches(t *testing.T) {
	t.Parallel()
	w := setup(t, Set("transport.headers", "4096"), Set("body.limit", "8192"))
	w.phone("a:1", true)
	if got := w.send(`{"message":{"token":"a:1"}}` + strings.Repeat(" ", 8192)); got.status != 400 || got.code != "" {
		t.Errorf("a body over body.limit: %d %s, want 400 without an FcmError", got.status, got.raw)
	}
	req, err := http.NewRequest("POST", w.SendURL(), strings.NewReader(`{"message":{"token":"a:1"}}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", w.bearer)
	req.Header.Set("X-Long", strings.Repeat("x", 4096))
	if res, err := w.client.Do(req); err == nil { // the client has been told the limit, and keeps to it
		res.Body.Close()
		t.Errorf("headers over transport.headers: %d, want the client not to send them", res.StatusCode)
	}
	if got := w.to("a:1", ""); got.status != 200 {
		t.Errorf("a good request afterwards: %d %s", got.status, got.raw)
	}
}
