package apnstest_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/hushpush/hush/pushtest/apnstest"
)

func text(s string) *string { return &s }

func TestFaultsDoWhatTheySay(t *testing.T) {
	t.Parallel()
	w := setup(t, apnstest.Control())
	phone := &inbox{}
	w.register(apnstest.Token{Token: token(1), Online: true, Deliver: phone.deliver})
	fault := func(f apnstest.Fault) {
		t.Helper()
		if _, err := w.AddFault(f); err != nil {
			t.Fatal(err)
		}
	}
	last := func() apnstest.Request { all := w.Requests(); return all[len(all)-1] }

	fault(apnstest.Fault{Do: "answer", Status: 503, Reason: text("ServiceUnavailable"), RetryAfter: 10e9})
	a := w.send()
	a.mustBe(t, 503, "ServiceUnavailable", "answer")
	if a.Header.Get("retry-after") != "10" || last().Fault != "f1" || last().Outcome != "refused" {
		t.Errorf("answer: retry-after %q, ledger %+v", a.Header.Get("retry-after"), last())
	}
	fault(apnstest.Fault{Do: "answer", Status: 410})
	if a := w.send(); a.Status != 410 || a.Reason != "Unregistered" || a.Timestamp == 0 {
		t.Errorf("answer 410: got %+v, want the usual reason and a timestamp", a)
	}
	fault(apnstest.Fault{Do: "answer", Status: 500, Body: json.RawMessage(`"<html>"`)})
	if a := w.send(); a.Status != 500 || a.Body != "<html>" {
		t.Errorf("raw answer: got %+v", a)
	}
	fault(apnstest.Fault{Do: "answer", Status: 200})
	if w.send().mustBe(t, 200, "", "answer 200"); last().Outcome != "lost" {
		t.Errorf("answer 200: outcome %q, want lost: the sender believes that it was taken", last().Outcome)
	}
	if n := len(phone.all()); n != 0 {
		t.Fatalf("answers by faults delivered %d", n)
	}
	fault(apnstest.Fault{Do: "lose"})
	w.send().mustBe(t, 200, "", "lose")
	if n := len(phone.all()); n != 0 || last().Outcome != "lost" {
		t.Errorf("lose: %d delivered, outcome %q", n, last().Outcome)
	}
	fault(apnstest.Fault{Do: "twice"})
	w.send().mustBe(t, 200, "", "twice")
	if n := len(phone.all()); n != 2 {
		t.Errorf("twice: %d delivered", n)
	}
	if got := w.state(token(1)).Delivered; len(got) != 2 || got[0] != last().ID || got[1] != last().ID {
		t.Errorf("twice: the token's state has %q as delivered, want the one request twice", got)
	}
	fault(apnstest.Fault{Do: "throttle"})
	w.send().mustBe(t, 200, "", "throttle")
	if n := len(phone.all()); n != 2 || last().Outcome != "throttled" {
		t.Errorf("throttle: %d delivered, outcome %q", n, last().Outcome)
	}
	w.Advance(20 * time.Minute)
	if n := len(phone.all()); n != 3 || last().Outcome != "delivered" {
		t.Errorf("throttle, later: %d delivered, outcome %q", n, last().Outcome)
	}
	fault(apnstest.Fault{Do: "take_and_close"})
	if a, err := w.try(w.request(noRetry)); err == nil {
		t.Errorf("take_and_close: answered %+v", a)
	}
	if n := len(phone.all()); n != 4 || last().Outcome != "delivered" || last().Status != 0 {
		t.Errorf("take_and_close: %d delivered, ledger %+v", n, last())
	}
	fault(apnstest.Fault{Do: "close"})
	if a, err := w.try(w.request(noRetry)); err == nil {
		t.Errorf("close: answered %+v", a)
	}
	if n := len(phone.all()); n != 4 || last().Outcome != "refused" {
		t.Errorf("close: %d delivered, outcome %q", n, last().Outcome)
	}
	start := time.Now()
	fault(apnstest.Fault{Do: "delay", Wait: 50e6})
	w.send().mustBe(t, 200, "", "delay")
	if took := time.Since(start); took < 50*time.Millisecond {
		t.Errorf("delay: answered after %s", took)
	}
}

func TestAHalfOpenConnectionNeverAnswersAgain(t *testing.T) {
	t.Parallel()
	w := setup(t, apnstest.Faulty(apnstest.Fault{Do: "half_open"}))
	phone := &inbox{}
	w.register(apnstest.Token{Token: token(1), Online: true, Deliver: phone.deliver})
	c := w.raw(nil)
	id, err := c.Request("/3/device/"+token(1), []byte("{}"), w.fields()...)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := w.WaitFor(ctx, func(rs []apnstest.Request) bool { return len(rs) == 1 }); err != nil {
		t.Fatal(err)
	}
	c.Framer.WritePing(false, [8]byte{1})
	c.Wait = 100 * time.Millisecond
	if a, err := c.Await(id); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the request got %+v, %v; want nothing on an open connection", a, err)
	}
	if n, last := len(phone.all()), w.Requests()[0]; n != 0 || last.Status != 0 || last.Outcome != "refused" || last.Fault != "f1" {
		t.Errorf("%d delivered, ledger %+v; want the request not taken", n, last)
	}
	w.stillServes()
}

// noRetry makes a request that net/http may not send again by itself.
func noRetry(r *http.Request) { r.GetBody = nil }

func TestAGoAwayByFaultLetsGoClientsSendAgain(t *testing.T) {
	t.Parallel()
	w, phone := setup(t), &inbox{}
	w.register(apnstest.Token{Token: token(1), Online: true, Deliver: phone.deliver})
	w.AddFault(apnstest.Fault{Do: "goaway", Reason: text("Shutdown")})
	w.send().mustBe(t, 200, "", "on another connection")
	all := w.Requests()
	if len(all) != 2 || all[0].Status != 0 || all[0].Connection == all[1].Connection {
		t.Errorf("the ledger has %+v; want one without an answer, then one on another connection", all)
	}
	if n := len(phone.all()); n != 1 {
		t.Errorf("%d delivered, want 1", n)
	}
}

func TestFaultsByTokenAndByTurn(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.register(apnstest.Token{Token: token(2), Topic: topic, Online: true})
	w.AddFault(apnstest.Fault{Match: apnstest.FaultMatch{Token: token(2)}, Do: "answer", Status: 500, Every: 2})
	for i, want := range []int{200, 500, 200, 500} {
		if got := w.send(to(token(2))).Status; got != want {
			t.Errorf("request %d to the token: %d, want %d", i+1, got, want)
		}
		w.send().mustBe(t, 200, "", "another token")
	}
}

func TestOptionsSetFaultsFromTheStart(t *testing.T) {
	t.Parallel()
	w := setup(t, apnstest.Answer(2, apnstest.TooManyRequests))
	w.send().mustBe(t, 429, "TooManyRequests", "first")
	w.send().mustBe(t, 429, "TooManyRequests", "second")
	w.send().mustBe(t, 200, "", "third")
	w = setup(t, apnstest.Drop(1))
	if _, err := w.try(w.request(noRetry)); err == nil {
		t.Error("the first request was answered")
	}
	w.send().mustBe(t, 200, "", "second")
}

func TestTheControlAPI(t *testing.T) {
	t.Parallel()
	w := setup(t, apnstest.Control())
	tok := token(7)
	for _, step := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"POST", "/_sim/tokens", `{"token":"` + tok + `","topic":"com.example.elsewhere","environment":"production","online":false}`, 201, `{"token":"` + tok + `"}`},
		{"POST", "/_sim/tokens", `{"token":"` + tok + `","topic":"` + topic + `"}`, 200, tok},
		{"GET", "/_sim/tokens/" + tok, "", 200, `"online":false,"retired_at":null,"stored":[],"delivered":[],"deleted_messages":0`},
		{"GET", "/_sim/tokens/" + token(8), "", 404, "not_found"},
		{"POST", "/_sim/tokens", `{"token":"xyz","topic":"a"}`, 422, "body.token"},
		{"POST", "/_sim/tokens", `{"token":"ff"}`, 422, "body.topic"},
		{"POST", "/_sim/tokens", `{"token":"ff","topic":"a","environment":"sandbox"}`, 422, "body.environment"},
		{"POST", "/_sim/tokens", `{"token":"ff","topic":"a","extra":1}`, 422, "body.extra"},
		{"GET", "/_sim/tokens/ff", "", 404, "not_found"},
		{"POST", "/_sim/tokens/" + tok + "/retire", `{"reason":"Dead"}`, 422, "body.reason"},
		{"POST", "/_sim/tokens/" + tok + "/retire", `{"at":"yesterday"}`, 422, "body.at"},
		{"GET", "/_sim/tokens/" + tok, "", 200, `"retired_at":null`},
		{"POST", "/_sim/tokens/" + tok + "/retire", `{"at":"2026-01-02T15:04:05.678Z"}`, 200, `"retired_at":"2026-01-02T15:04:05.678Z"`},
		{"POST", "/_sim/tokens/" + tok + "/uninstall", `{}`, 200, tok},
		{"POST", "/_sim/faults", `{"match":{"endpoint":"oauth"},"do":"close"}`, 422, "body.match.endpoint"},
		{"POST", "/_sim/clock", `{"advance":"1h"}`, 200, "now"},
		{"DELETE", "/_sim/tokens/" + tok, "", 204, ""},
		{"GET", "/_sim/openapi.json", "", 200, "/_sim/tokens/{token}/retire"},
		{"POST", "/_sim/reset", `{}`, 204, ""},
		{"GET", "/_sim/tokens/" + token(1), "", 404, "not_found"},
	} {
		status, got := w.call(step.method, step.path, step.body)
		if status != step.status || !strings.Contains(got, step.want) {
			t.Errorf("%s %s %s: got %d %s; want %d with %s", step.method, step.path, step.body, status, got, step.status, step.want)
		}
	}
	w.send().mustBe(t, 400, "BadDeviceToken", "after the reset, on a connection that stays")
	if _, got := w.call("GET", "/_sim/requests", ""); !strings.Contains(got, `"reason":"BadDeviceToken"`) || strings.Contains(got, w.jwt) {
		t.Errorf("requests: %s", got)
	}
}

func TestASenderWithoutFilesGetsAllItNeedsFromTheControlAPI(t *testing.T) {
	t.Parallel()
	w := setup(t, apnstest.Control())
	if status, pem := w.call("GET", "/_sim/ca.pem", ""); status != 200 || pem != string(w.CAPEM()) {
		t.Errorf("ca.pem: %d %q", status, pem)
	}
	if status, p8 := w.call("GET", "/_sim/key.p8", ""); status != 200 || p8 != string(w.Key().PEM) {
		t.Errorf("key.p8: %d, not the key", status)
	}
	status, p12 := w.call("GET", "/_sim/client.p12", "")
	_, cert, err := pkcs12.Decode([]byte(p12), "")
	if status != 200 || err != nil || cert.Issuer.CommonName != "Hush simulator CA" {
		t.Errorf("client.p12: %d, %v", status, err)
	}
	if status, _ := w.call("POST", "/_sim/ca.pem", ""); status != 405 {
		t.Errorf("POST ca.pem: %d, want 405", status)
	}
	filed := setup(t, apnstest.Control(), apnstest.Files(t.TempDir()))
	if status, body := filed.call("GET", "/_sim/key.p8", ""); status != 404 || strings.Contains(body, "PRIVATE") {
		t.Errorf("a key that stands in a file: %d; want 404 and nothing of it", status)
	}
}

func TestATokenIsTheSameInEitherCase(t *testing.T) {
	t.Parallel()
	w := setup(t, apnstest.Control())
	lower, upper := token(3), strings.ToUpper(token(3))
	w.register(apnstest.Token{Token: lower, Topic: topic, Online: true})
	if status, got := w.call("POST", "/_sim/faults", `{"match":{"token":"`+upper+`"},"do":"answer","status":503}`); status != 201 {
		t.Fatalf("setting the fault: %d %s", status, got)
	}
	w.send(to(lower)).mustBe(t, 503, "ServiceUnavailable", "a fault for the token in upper case")
	w.send(to(upper)).mustBe(t, 200, "", "sent to in upper case")
	if _, got := w.call("GET", "/_sim/requests?token="+upper, ""); strings.Count(got, `"token":"`+lower+`"`) != 2 {
		t.Errorf("the ledger, asked in upper case: %s; want both requests", got)
	}
}

func TestTheLedgerOfTheControlAPIHasOneTokensRequests(t *testing.T) {
	t.Parallel()
	w := setup(t, apnstest.Control())
	w.send(to(strings.ToUpper(token(1))))
	w.send(to(token(2)))
	_, got := w.call("GET", "/_sim/requests?token="+token(1), "")
	var page struct{ Requests []apnstest.Request }
	if err := json.Unmarshal([]byte(got), &page); err != nil || len(page.Requests) != 1 {
		t.Fatalf("got %s, %v; want one request", got, err)
	}
	r := page.Requests[0]
	if r.Token != token(1) || r.Method != "POST" || r.Endpoint != "send" || r.Headers["apns-topic"] != topic || string(r.Body) != ping || r.Status != 200 {
		t.Errorf("got %+v", r)
	}
}
