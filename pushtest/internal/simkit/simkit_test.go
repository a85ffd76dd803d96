package simkit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"go.uber.org/goleak"

	"github.com/hushpush/hush/internal/rest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type world struct {
	*httptest.Server
	clock  *Clock
	ledger *Ledger
	faults *Faults
	tokens *fakeTokens
}

type fakeToken struct {
	Token  string `json:"token" minLength:"1"`
	Online *bool  `json:"online,omitempty"`
}

type fakeTokens struct {
	mu sync.Mutex
	m  map[string]bool
}

func (f *fakeTokens) PutToken(t fakeToken) (string, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, old := f.m[t.Token]
	f.m[t.Token] = t.Online != nil && *t.Online
	return t.Token, !old, nil
}

func (f *fakeTokens) TokenState(t string) (TokenState, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	on, ok := f.m[t]
	return TokenState{Token: t, Online: on, Stored: []string{}, Delivered: []string{}}, ok
}
func (f *fakeTokens) RetireToken(t string, _ Empty) (bool, error) { _, ok := f.m[t]; return ok, nil }
func (f *fakeTokens) UninstallToken(t string) bool                { _, ok := f.m[t]; return ok }
func (f *fakeTokens) ForgetToken(t string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, ok := f.m[t]
	delete(f.m, t)
	return ok
}

func setup(t *testing.T) *world {
	t.Helper()
	w := &world{clock: &Clock{}, ledger: NewLedger(0), tokens: &fakeTokens{m: map[string]bool{}}}
	w.faults = NewFaults(w.clock, 1, "send", "oauth")
	c := NewControl("test")
	TokenRoutes(c, Tokens[fakeToken, Empty](w.tokens))
	CommonRoutes(c, w.clock, w.ledger, w.faults, func() { w.ledger.Reset(); w.faults.Reset(); w.clock.Reset() })
	w.Server = httptest.NewServer(c)
	t.Cleanup(w.Close)
	return w
}

func (w *world) call(t *testing.T, method, path, body string) (int, map[string]any) {
	t.Helper()
	req, err := http.NewRequest(method, w.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	res, err := w.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, _ := io.ReadAll(res.Body)
	var out map[string]any
	if len(b) > 0 {
		if err := json.Unmarshal(b, &out); err != nil {
			t.Fatalf("%s %s answered %d with no JSON: %s", method, path, res.StatusCode, b)
		}
	}
	if res.StatusCode >= 400 && res.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("%s %s: refused as %q; want problem+json", method, path, res.Header.Get("Content-Type"))
	}
	return res.StatusCode, out
}

func TestWrongControlRequestsAreRefusedByFieldAndChangeNothing(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for _, c := range []struct{ method, path, body, location string }{
		{"POST", "/_sim/faults", `{"do":"explode"}`, "body.do"},
		{"POST", "/_sim/faults", `{}`, "body.do"},
		{"POST", "/_sim/faults", `{"do":"answer"}`, "body.status"},
		{"POST", "/_sim/faults", `{"do":"answer","status":"503"}`, "body.status"},
		{"POST", "/_sim/faults", `{"do":"answer","status":99}`, "body.status"},
		{"POST", "/_sim/faults", `{"do":"answer","status":503.5}`, "body.status"},
		{"POST", "/_sim/faults", `{"do":"answer","status":503,"retry_after":10}`, "body.retry_after"},
		{"POST", "/_sim/faults", `{"do":"answer","status":503,"retry_after":"soon"}`, "body.retry_after"},
		{"POST", "/_sim/faults", `{"do":"answer","status":503,"x":1}`, "body.x"},
		{"POST", "/_sim/faults", `{"do":"close","match":{"endpoint":"nowhere"}}`, "body.match.endpoint"},
		{"POST", "/_sim/faults", `{"do":"close","match":{"tocken":"a"}}`, "body.match.tocken"},
		{"POST", "/_sim/faults", `{"do":"close","match":[]}`, "body.match"},
		{"POST", "/_sim/faults", `{"do":"close","status":503}`, "body.status"},
		{"POST", "/_sim/faults", `{"do":"close","count":-1}`, "body.count"},
		{"POST", "/_sim/faults", `{"do":"close","every":0}`, "body.every"},
		{"POST", "/_sim/faults", `{"do":"close","rate":1.5}`, "body.rate"},
		{"POST", "/_sim/faults", `{"do":"close","rate":0}`, "body.rate"},
		{"POST", "/_sim/faults", `{"do":"close","for":"0s"}`, "body.for"},
		{"POST", "/_sim/faults", `{"do":"close","for":"-1s"}`, "body.for"},
		{"POST", "/_sim/faults", `{"do":"close","rate":0.5,"every":2}`, "body.rate"},
		{"POST", "/_sim/faults", `{"do":"delay"}`, "body.wait"},
		{"POST", "/_sim/faults", `{"do":"delay","wait":"-3s"}`, "body.wait"},
		{"POST", "/_sim/faults", `{"do":"close","do":"delay"}`, "body"},
		{"POST", "/_sim/faults", `{"do":`, "body"},
		{"POST", "/_sim/faults", `[]`, "body"},
		{"POST", "/_sim/faults", strings.Repeat("[", 100_000), "body"},
		{"POST", "/_sim/clock", `{}`, "body.advance"},
		{"POST", "/_sim/clock", `{"advance":"-1h"}`, "body.advance"},
		{"POST", "/_sim/clock", `{"advance":3600}`, "body.advance"},
		{"POST", "/_sim/tokens", `{"token":""}`, "body.token"},
		{"POST", "/_sim/tokens", `{"token":"a","online":"yes"}`, "body.online"},
		{"POST", "/_sim/reset", `{"all":true}`, "body.all"},
		{"GET", "/_sim/requests?limit=0", "", "query.limit"},
		{"GET", "/_sim/requests?cursor=77", "", "query.cursor"},
		{"GET", "/_sim/requests?tokens=a", "", "query.tokens"},
	} {
		status, p := w.call(t, c.method, c.path, c.body)
		errs, _ := p["errors"].([]any)
		got, says := "", ""
		if len(errs) > 0 {
			got, _ = errs[0].(map[string]any)["location"].(string)
			says, _ = errs[0].(map[string]any)["message"].(string)
		}
		if says == "" || strings.HasSuffix(says, " ") {
			t.Errorf("%s %s %.60s: the message is %q, want a whole sentence", c.method, c.path, c.body, says)
		}
		if status != 422 || got != c.location {
			t.Errorf("%s %s %.60s: got %d at %q, want 422 at %q (%v)", c.method, c.path, c.body, status, got, c.location, p)
		}
	}
	if _, _, ok := w.faults.Match("send", "a"); ok || len(w.tokens.m) != 0 {
		t.Errorf("wrong requests left something behind: fault %v, tokens %v", ok, w.tokens.m)
	}
	if now := w.clock.Now(); time.Until(now) > time.Minute {
		t.Errorf("wrong requests moved the clock to %s", now)
	}
}

func TestUnknownPathsMethodsAndTokensAreRefused(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for _, c := range []struct {
		method, path string
		want         int
	}{
		{"GET", "/", 404}, {"GET", "/_sim/nothing", 404}, {"PUT", "/_sim/tokens", 405}, {"GET", "/_sim/faults", 405},
		{"GET", "/_sim/tokens/a", 404}, {"DELETE", "/_sim/tokens/a", 404}, {"POST", "/_sim/tokens/a/retire", 404},
		{"POST", "/_sim/tokens/a/uninstall", 404}, {"DELETE", "/_sim/faults/f1", 404},
	} {
		if got, p := w.call(t, c.method, c.path, ""); got != c.want {
			t.Errorf("%s %s: got %d %v, want %d", c.method, c.path, got, p, c.want)
		}
	}
}

func TestTokensMayHoldSlashesAndColons(t *testing.T) {
	t.Parallel()
	w := setup(t)
	if got, _ := w.call(t, "POST", "/_sim/tokens", `{"token":"a:b/c","online":true}`); got != 201 {
		t.Fatalf("first put: got %d, want 201", got)
	}
	if got, _ := w.call(t, "POST", "/_sim/tokens", `{"token":"a:b/c"}`); got != 200 {
		t.Errorf("second put: got %d, want 200", got)
	}
	got, s := w.call(t, "GET", "/_sim/tokens/a:b%2Fc", "")
	if got != 200 || s["token"] != "a:b/c" || s["retired_at"] != nil {
		t.Errorf("get: %d %v", got, s)
	}
	if got, _ := w.call(t, "DELETE", "/_sim/tokens/a:b%2Fc", ""); got != 204 {
		t.Errorf("delete: got %d, want 204", got)
	}
}

func TestFaultsTakeTheirTurns(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ fault, want string }{
		{`{"do":"close"}`, "x....."},
		{`{"do":"close","count":2}`, "xx...."},
		{`{"do":"close","count":0}`, "xxxxxx"},
		{`{"do":"close","every":3}`, "..x..x"},
		{`{"do":"close","every":3,"count":1}`, "..x..."},
		{`{"do":"close","rate":1}`, "xxxxxx"},
		{`{"do":"close","for":"1m"}`, "xxx..."}, // the clock moves after the third
		{`{"do":"close","match":{"token":"a"},"count":0}`, "x.x.x."},
		{`{"do":"close","match":{"endpoint":"oauth"},"count":0}`, "......"},
	} {
		w := setup(t)
		if got, p := w.call(t, "POST", "/_sim/faults", c.fault); got != 201 || p["id"] != "f1" {
			t.Fatalf("%s: got %d %v", c.fault, got, p)
		}
		got := ""
		for i := range 6 {
			if i == 3 {
				w.call(t, "POST", "/_sim/clock", `{"advance":"1m"}`)
			}
			_, _, ok := w.faults.Match("send", []string{"a", "b"}[i%2])
			got += map[bool]string{true: "x", false: "."}[ok]
		}
		if got != c.want {
			t.Errorf("%s: fell on %s, want %s", c.fault, got, c.want)
		}
		if status, _ := w.call(t, "DELETE", "/_sim/faults/f1", ""); status != 204 {
			t.Errorf("%s: delete answered %d, want 204", c.fault, status)
		}
	}
}

func TestRateIsTheSameForOneSeed(t *testing.T) {
	t.Parallel()
	run := func(seed uint64) (s string) {
		f := NewFaults(&Clock{}, seed, "send")
		if _, err := f.Add(Fault{Do: Close, Rate: 0.5}); err != nil {
			t.Fatal(err)
		}
		for range 64 {
			_, _, ok := f.Match("send", "")
			s += map[bool]string{true: "x", false: "."}[ok]
		}
		return s
	}
	if a, b := run(7), run(7); a != b {
		t.Errorf("one seed, two runs: %s and %s", a, b)
	}
	if a, b := run(7), run(8); a == b {
		t.Errorf("two seeds gave the same choices: %s", a)
	}
}

func TestLedgerPagesAndStaysBounded(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for i := range 250 {
		w.ledger.Add(Entry{Token: fmt.Sprint("t", i%2), Outcome: Delivered})
	}
	seen, cursor := 0, ""
	for {
		_, p := w.call(t, "GET", "/_sim/requests?token=t1&limit=50&cursor="+cursor, "")
		seen += len(p["requests"].([]any))
		if cursor = p["cursor"].(string); cursor == "" {
			break
		}
	}
	if seen != 125 {
		t.Errorf("pages of one token hold %d requests, want 125", seen)
	}
	l := NewLedger(10)
	for range 100 {
		l.Add(Entry{})
	}
	page, _, ok := l.Page("", "3", 100)
	if !ok || len(page) != 10 || page[0].ID != "91" {
		t.Errorf("after 100 requests in a ledger of 10: page from 3 has %d entries from %v", len(page), page)
	}
	l.Outcome("3", Lost, "") // forgotten
	l.Outcome("95", Replaced, "why")
	if e, ok := l.Get("95"); !ok || e.Outcome != Replaced || e.Reason != "why" {
		t.Errorf("outcome of 95: %+v", e)
	}
	big := NewLedger(0)
	for range 3000 {
		e := Entry{}
		e.SetBody(bytes.Repeat([]byte("x"), 60<<10))
		big.Add(e)
	}
	if big.bytes > ledgerBytes {
		t.Errorf("the ledger holds %d bytes, want at most %d", big.bytes, ledgerBytes)
	}
}

func TestEveryBodyLeavesTheLedgerReadable(t *testing.T) {
	t.Parallel()
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for body, asJSON := range map[string]bool{
		`{"aps":{}}`: true, `"[[\"{"`: true, `[{"a":"}]\\"}]`: true, deep(100): true, deep(101): false, deep(8192): false,
		"": false, "hello": false, "{\"a\":\"\xff\"}": false, `{"a":1`: false,
	} {
		var e Entry
		e.SetBody([]byte(body))
		if (e.Body != nil) != asJSON || asJSON && string(e.Body) != body || !asJSON && string(e.BodyBase64) != body {
			t.Errorf("%.20q of %d bytes: kept as JSON %.20q and bytes %.20q; want JSON: %v", body, len(body), e.Body, e.BodyBase64, asJSON)
		}
		if out, err := json.Marshal(e); err != nil || !utf8.Valid(out) {
			t.Errorf("%.20q of %d bytes: the ledger shows %.60q, %v; want UTF-8", body, len(body), out, err)
		}
	}
}

func TestOpenAPIDescribesEveryRoute(t *testing.T) {
	t.Parallel()
	w := setup(t)
	_, doc := w.call(t, "GET", "/_sim/openapi.json", "")
	paths := doc["paths"].(map[string]any)
	for _, p := range []string{"/_sim/tokens", "/_sim/tokens/{token}", "/_sim/tokens/{token}/retire", "/_sim/tokens/{token}/uninstall",
		"/_sim/requests", "/_sim/faults", "/_sim/faults/{id}", "/_sim/clock", "/_sim/reset"} {
		if paths[p] == nil {
			t.Errorf("openapi.json lacks %s", p)
		}
	}
	b, _ := json.Marshal(paths["/_sim/faults"])
	for _, want := range []string{"take_and_close", "retry_after", "required"} {
		if !strings.Contains(string(b), want) {
			t.Errorf("/_sim/faults does not mention %q: %s", want, b)
		}
	}
}

func TestAPortInUseIsSaidInWords(t *testing.T) {
	t.Parallel()
	ln, err := Listen("127.0.0.1:0", "listen")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, err = Listen(ln.Addr().String(), "listen")
	if err == nil || !strings.Contains(err.Error(), "another simulator") || !strings.Contains(err.Error(), "--listen") {
		t.Errorf("second listener: %v", err)
	}
}

func TestAgendaRunsWhatIsDueBeforeAdvanceReturns(t *testing.T) {
	t.Parallel()
	clock := &Clock{}
	due := clock.Now().Add(time.Hour)
	var mu sync.Mutex
	ran := false
	a := NewAgenda(clock, func(now time.Time) time.Time {
		mu.Lock()
		defer mu.Unlock()
		if now.Before(due) {
			return due
		}
		ran = true
		return time.Time{}
	})
	defer a.Close()
	clock.Advance(59 * time.Minute)
	mu.Lock()
	if ran {
		t.Error("ran a minute early")
	}
	mu.Unlock()
	clock.Advance(time.Minute)
	mu.Lock()
	defer mu.Unlock()
	if !ran {
		t.Error("Advance returned before what is due had run")
	}
}

func FuzzControlBodies(f *testing.F) {
	f.Add(`{"match":{"endpoint":"send","token":"ff"},"do":"answer","status":503,"reason":"X","retry_after":"10s","count":1}`)
	f.Add(`{"do":"delay","wait":"3s"}`)
	f.Add("[[[[[[")
	clock := &Clock{}
	faults := NewFaults(clock, 1, "send")
	c := NewControl("test")
	CommonRoutes(c, clock, NewLedger(0), faults, func() {})
	f.Fuzz(func(t *testing.T, body string) {
		w := httptest.NewRecorder()
		c.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/_sim/faults", strings.NewReader(body)))
		var p rest.Problem
		switch {
		case w.Code == http.StatusCreated:
			faults.Match("send", "")
			faults.DeleteAll()
		case w.Code != 422 || json.Unmarshal(w.Body.Bytes(), &p) != nil || len(p.Errors) == 0:
			t.Fatalf("%q: refused with %d %s; want a 422 that names a field", body, w.Code, w.Body)
		}
	})
}
