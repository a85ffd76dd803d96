package fcmtest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func (w *world) ctl(method, path, body string) (int, map[string]any) {
	w.t.Helper()
	req, err := http.NewRequest(method, "http://"+w.ControlAddr()+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	res, err := w.client.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	b, _ := io.ReadAll(res.Body)
	var v map[string]any
	if len(b) > 0 && json.Unmarshal(b, &v) != nil {
		w.t.Fatalf("%s %s: %d %s", method, path, res.StatusCode, b)
	}
	return res.StatusCode, v
}

func TestTheControlAPIWorksAsDescribed(t *testing.T) {
	t.Parallel()
	w := setup(t, Control())
	const token = "abc:APA91b-x_y"
	body := `{"token":"` + token + `","package":"com.example.notes","project":"demo","online":false}`
	if status, v := w.ctl("POST", "/_sim/tokens", body); status != 201 || v["token"] != token {
		t.Fatalf("register: %d %v", status, v)
	}
	if status, _ := w.ctl("POST", "/_sim/tokens", body); status != 200 {
		t.Errorf("again: %d, want 200", status)
	}
	w.to(token, "")
	_, v := w.ctl("GET", "/_sim/tokens/"+token, "")
	if v["online"] != false || v["retired_at"] != nil || len(v["stored"].([]any)) != 1 || len(v["delivered"].([]any)) != 0 || v["deleted_messages"] != 0.0 {
		t.Errorf("off-line: %v", v)
	}
	w.ctl("POST", "/_sim/tokens", `{"token":"`+token+`","online":true}`)
	_, v = w.ctl("GET", "/_sim/tokens/"+token, "")
	if len(v["stored"].([]any)) != 0 || v["delivered"].([]any)[0] != "1" {
		t.Errorf("on-line: %v", v)
	}
	if status, v := w.ctl("POST", "/_sim/faults", `{"match":{"endpoint":"send","token":"`+token+`"},"do":"answer","status":503,"reason":"UNAVAILABLE","retry_after":"10s","count":1}`); status != 201 || v["id"] != "f1" {
		t.Errorf("fault: %d %v", status, v)
	}
	if got := w.to(token, ""); got.status != 503 || got.header.Get("Retry-After") != "10" {
		t.Errorf("faulty send: %d", got.status)
	}
	if status, v := w.ctl("POST", "/_sim/tokens/"+token+"/retire", `{}`); status != 200 || v["retired_at"] == nil {
		t.Errorf("retire: %d %v", status, v)
	}
	if got := w.to(token, ""); got.status != 404 || got.code != "UNREGISTERED" {
		t.Errorf("retired: %d %s", got.status, got.code)
	}
	_, v = w.ctl("GET", "/_sim/requests?token="+token, "")
	if n := len(v["requests"].([]any)); n != 3 || v["cursor"] != "" {
		t.Errorf("requests: %d, cursor %v", n, v["cursor"])
	}
	if status, _ := w.ctl("DELETE", "/_sim/tokens/"+token, ""); status != 204 {
		t.Errorf("delete: %d", status)
	}
	if got := w.to(token, ""); got.status != 400 {
		t.Errorf("forgotten: %d, want 400", got.status)
	}
	if status, _ := w.ctl("POST", "/_sim/tokens", `{"token":"c:1"}`); status != 201 {
		t.Errorf("token alone: %d", status)
	}
	w.ctl("POST", "/_sim/tokens/c:1/uninstall", "")
	if a, b := w.to("c:1", ""), w.to("c:1", ""); a.status != 200 || b.status != 404 {
		t.Errorf("uninstalled: %d then %d, want 200 then 404", a.status, b.status)
	}
	if status, v := w.ctl("POST", "/_sim/clock", `{"advance":"1h"}`); status != 200 || v["now"] == nil || time.Until(w.Now()) < 59*time.Minute {
		t.Errorf("clock: %d %v", status, v)
	}
	if status, _ := w.ctl("POST", "/_sim/reset", `{}`); status != 204 {
		t.Errorf("reset: %d", status)
	}
	if n := len(w.Requests()); n != 0 || time.Until(w.Now()) > time.Minute {
		t.Errorf("after reset: %d requests, now %s", n, w.Now())
	}
	if status, _ := w.ctl("GET", "/_sim/tokens/c:1", ""); status != 404 {
		t.Errorf("after reset the token is %d, want 404", status)
	}
	w.ctl("POST", "/_sim/tokens", `{"token":"c:1"}`)
	if got := w.to("c:1", ""); got.status != 200 {
		t.Errorf("after reset the access token gets %d, want 200", got.status)
	}
}

func TestASenderWithoutFilesGetsAllItNeedsFromTheControlAPI(t *testing.T) {
	t.Parallel()
	w := setup(t, Control())
	status, account := w.ctl("GET", "/_sim/service-account.json", "")
	if status != 200 || account["token_uri"] != w.TokenURL() || account["private_key"] == nil {
		t.Errorf("the service account: %d, token_uri %v; want %s", status, account["token_uri"], w.TokenURL())
	}
	rec := httptest.NewRecorder()
	w.ControlHandler().ServeHTTP(rec, httptest.NewRequest("GET", "/_sim/ca.pem", nil))
	if rec.Code != 200 || rec.Body.String() != string(w.CAPEM()) {
		t.Errorf("ca.pem: %d %q", rec.Code, rec.Body)
	}
	filed := setup(t, Control(), Files(t.TempDir()))
	if status, body := filed.ctl("GET", "/_sim/service-account.json", ""); status != 404 || body["private_key"] != nil {
		t.Errorf("an account that stands in a file: %d; want 404 and nothing of it", status)
	}
}

func TestWrongControlRequestsNameTheField(t *testing.T) {
	t.Parallel()
	w := setup(t, Control())
	for _, c := range []struct{ path, body, location string }{
		{"/_sim/tokens", `{}`, "body.token"},
		{"/_sim/tokens", `{"token":"a b"}`, "body.token"},
		{"/_sim/tokens", `{"token":"` + strings.Repeat("a", 4097) + `"}`, "body.token"},
		{"/_sim/tokens", `{"token":"a","topic":"com.example"}`, "body.topic"},
		{"/_sim/tokens", `{"token":"a","package":"notes"}`, "body.package"},
		{"/_sim/tokens", `{"token":"a","project":"No Project"}`, "body.project"},
		{"/_sim/faults", `{"do":"lose","match":{"endpoint":"oauth"}}`, "body.do"},
	} {
		status, v := w.ctl("POST", c.path, c.body)
		errs, _ := v["errors"].([]any)
		if status != 422 || len(errs) == 0 || errs[0].(map[string]any)["location"] != c.location {
			t.Errorf("%s %.60s: got %d %v, want 422 at %s", c.path, c.body, status, v, c.location)
		}
	}
	if _, known := w.State("a"); known {
		t.Error("a wrong request left a token behind")
	}
}
