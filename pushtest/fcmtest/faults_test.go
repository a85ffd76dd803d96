package fcmtest

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hushpush/hush/pushtest/internal/simkit"
)

func reason(s string) *string { return &s }

func (w *world) fault(f Fault) string {
	w.t.Helper()
	id, err := w.AddFault(f)
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

// try sends and allows that no answer comes.
func (w *world) try(client *http.Client) (*http.Response, error) {
	req, err := http.NewRequest("POST", w.SendURL(), strings.NewReader(`{"message":{"token":"a:1"}}`))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Authorization", w.bearer)
	req.GetBody = nil // the client must not send it again by itself
	return client.Do(req)
}

func TestInjectedAnswersLookLikeGoogles(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.phone("a:1", true)
	for _, c := range []struct {
		f      Fault
		status int
		grpc   string
		code   string
		retry  string
		raw    string
	}{
		{Fault{Status: 503, Reason: reason("UNAVAILABLE"), RetryAfter: simkit.Duration(10 * time.Second)}, 503, "UNAVAILABLE", "UNAVAILABLE", "10", ""},
		{Fault{Status: 503}, 503, "UNAVAILABLE", "UNAVAILABLE", "", ""},
		{Fault{Status: 404, Reason: reason("UNREGISTERED")}, 404, "NOT_FOUND", "UNREGISTERED", "", ""},
		{Fault{Status: 404, Reason: reason("")}, 404, "NOT_FOUND", "", "", ""},
		{Fault{Status: 403, Reason: reason("")}, 403, "PERMISSION_DENIED", "", "", ""},
		{Fault{Status: 429, Reason: reason("QUOTA_EXCEEDED"), RetryAfter: simkit.Duration(time.Millisecond)}, 429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED", "1", ""},
		{Fault{Status: 401, Reason: reason("THIRD_PARTY_AUTH_ERROR")}, 401, "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR", "", ""},
		{Fault{Status: 500}, 500, "INTERNAL", "INTERNAL", "", ""},
		{Fault{Status: 502}, 502, "", "", "", "<!DOCTYPE html>"},
		{Fault{Status: 200, Body: []byte(`"not \u0007 JSON"`)}, 200, "", "", "", "not \a JSON"},
		{Fault{Body: []byte(`{"name": 1}`)}, 200, "", "", "", `{"name": 1}`},
	} {
		c.f.Do = simkit.Answer
		id := w.fault(c.f)
		got := w.to("a:1", "")
		if got.status != c.status || got.grpc != c.grpc || got.code != c.code || got.header.Get("Retry-After") != c.retry || !strings.Contains(got.raw, c.raw) {
			t.Errorf("%+v: got %d %s %q Retry-After %q %s", c.f, got.status, got.grpc, got.code, got.header.Get("Retry-After"), got.raw)
		}
		if r := w.last(); r.Fault != id || r.Outcome == "delivered" || r.Status != c.status {
			t.Errorf("%+v: the ledger says %+v", c.f, r)
		}
	}
	if n := len(p.messages()); n != 0 {
		t.Errorf("the phone got %d messages, want 0", n)
	}
	if got := w.to("a:1", ""); got.status != 200 {
		t.Errorf("after all faults: %d", got.status)
	}
}

func TestFaultsOfTheLineOnBothTransports(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"HTTP/1.1", "HTTP/2"} {
		w := setup(t)
		p := w.phone("a:1", true)
		client := w.client
		if version == "HTTP/1.1" {
			client = http1Client(w.Server)
			t.Cleanup(client.CloseIdleConnections)
		}
		for _, c := range []struct {
			do    simkit.Do
			taken bool
		}{{simkit.Close, false}, {simkit.TakeAndClose, true}, {simkit.GoAway, false}} {
			client.CloseIdleConnections()
			id := w.fault(Fault{Do: c.do, Reason: map[bool]*string{true: reason("Shutdown")}[c.do == simkit.GoAway]})
			before := len(p.messages())
			if res, err := w.try(client); err == nil {
				res.Body.Close()
				t.Errorf("%s %s: answered %d, want a broken connection", version, c.do, res.StatusCode)
			}
			if taken := len(p.messages()) > before; taken != c.taken {
				t.Errorf("%s %s: taken %v, want %v", version, c.do, taken, c.taken)
			}
			found := false
			for _, r := range w.Requests() {
				found = found || r.Fault == id && r.Status == 0
			}
			if !found {
				t.Errorf("%s %s: not in the ledger", version, c.do)
			}
		}
		if res, err := w.try(client); err != nil || res.StatusCode != 200 {
			t.Errorf("%s afterwards: %v %v", version, res, err)
		} else {
			res.Body.Close()
		}
	}
}

func TestAHalfOpenConnectionIsLeftToTheClientsPatience(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"HTTP/1.1", "HTTP/2"} {
		w := setup(t)
		p := w.phone("a:1", true)
		client := w.client
		if version == "HTTP/1.1" {
			client = http1Client(w.Server)
			t.Cleanup(client.CloseIdleConnections)
		}
		w.fault(Fault{Do: HalfOpen})
		ctx, giveUp := context.WithCancel(t.Context())
		defer giveUp()
		req, _ := http.NewRequestWithContext(ctx, "POST", w.SendURL(), strings.NewReader(`{"message":{"token":"a:1"}}`))
		req.Header.Set("Authorization", w.bearer)
		answered := make(chan error, 1)
		go func() {
			res, err := client.Do(req)
			if err == nil {
				res.Body.Close()
			}
			answered <- err
		}()
		if err := w.WaitFor(ctx, func(rs []Request) bool { return len(rs) == 1 }); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-answered:
			t.Errorf("%s: the request ended with %v; want silence", version, err)
		case <-time.After(50 * time.Millisecond): // enough for an answer that is on its way
			giveUp()
			<-answered
		}
		if n := len(p.messages()); n != 0 || w.last().Outcome != simkit.Refused {
			t.Errorf("%s: %d delivered, outcome %q; want the request not taken", version, n, w.last().Outcome)
		}
	}
}

func TestLostTwiceThrottledAndDelayed(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.phone("a:1", true)
	w.fault(Fault{Do: simkit.Lose})
	if got := w.to("a:1", ""); got.status != 200 || len(p.messages()) != 0 || w.last().Outcome != "lost" {
		t.Errorf("lose: %d, %d messages, %s", got.status, len(p.messages()), w.last().Outcome)
	}
	w.fault(Fault{Do: simkit.Lose})
	if got := w.send(`{"message":{"token":"nobody"}}`); got.status != 400 {
		t.Errorf("lose for an unknown token: %d, want 400", got.status)
	}
	w.fault(Fault{Do: simkit.Twice})
	w.to("a:1", "")
	if got := p.messages(); len(got) != 2 || got[0].ID != got[1].ID {
		t.Errorf("twice: %+v, want the same message twice", got)
	}
	if st, _ := w.State("a:1"); len(st.Delivered) != 2 || st.Delivered[0] != st.Delivered[1] {
		t.Errorf("twice: the token's state has %q as delivered, want the one request twice", st.Delivered)
	}
	w.fault(Fault{Do: simkit.Throttle})
	w.to("a:1", "")
	if len(p.messages()) != 2 || w.last().Outcome != "throttled" {
		t.Errorf("throttle: %d messages, %s", len(p.messages()), w.last().Outcome)
	}
	w.Advance(3 * time.Minute)
	if len(p.messages()) != 3 {
		t.Errorf("throttled, three minutes later: %d messages, want 3", len(p.messages()))
	}
	w.fault(Fault{Do: simkit.Delay, Wait: simkit.Duration(50 * time.Millisecond)})
	began := time.Now()
	if got := w.to("a:1", ""); got.status != 200 || time.Since(began) < 50*time.Millisecond {
		t.Errorf("delay: %d after %s", got.status, time.Since(began))
	}
}

func TestCloseEndsADelayedRequest(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.phone("a:1", true)
	w.fault(Fault{Do: simkit.Delay, Wait: simkit.Duration(5 * time.Minute)})
	done := make(chan error, 1)
	go func() {
		res, err := w.try(w.client)
		if err == nil {
			res.Body.Close()
		}
		done <- err
	}()
	if err := w.WaitFor(t.Context(), func(rs []Request) bool { return len(rs) == 1 }); err != nil {
		t.Fatal(err)
	}
	w.Close() // must not wait for the delay
	if err := <-done; err == nil {
		t.Error("the delayed request was answered by a simulator that is closed")
	}
	w.Close()
}

func TestFaultsFindTheirEndpointAndToken(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.phone("a:1", true)
	w.phone("b:1", true)
	w.fault(Fault{Match: FaultMatch{Token: "b:1"}, Do: simkit.Answer, Status: 503})
	w.fault(Fault{Match: FaultMatch{Endpoint: "oauth"}, Do: simkit.Answer, Status: 400, Reason: reason("invalid_grant")})
	if got := w.to("a:1", ""); got.status != 200 {
		t.Errorf("a:1 got %d, want 200", got.status)
	}
	if got := w.to("b:1", ""); got.status != 503 {
		t.Errorf("b:1 got %d, want 503", got.status)
	}
	if got := w.oauth(assertionForm(w.jwt().String())); got.status != 400 || got.Error != "invalid_grant" {
		t.Errorf("oauth got %+v, want 400 invalid_grant", got)
	}
	if got := w.oauth(assertionForm(w.jwt().String())); got.status != 200 {
		t.Errorf("oauth, again: %+v, want 200", got)
	}
	for status, want := range map[int]string{400: "invalid_request", 401: "invalid_client", 500: "server_error", 503: "temporarily_unavailable"} {
		w.fault(Fault{Match: FaultMatch{Endpoint: "oauth"}, Do: simkit.Answer, Status: status})
		if got := w.oauth(assertionForm(w.jwt().String())); got.status != status || got.Error != want {
			t.Errorf("oauth with a fault of %d without a reason: %+v, want %s", status, got, want)
		}
	}
	for _, f := range []Fault{
		{Match: FaultMatch{Endpoint: "oauth"}, Do: simkit.Lose},
		{Match: FaultMatch{Endpoint: "oauth", Token: "a:1"}, Do: simkit.Close},
		{Match: FaultMatch{Endpoint: "topics"}, Do: simkit.Close},
	} {
		if _, err := w.AddFault(f); err == nil {
			t.Errorf("%+v was accepted", f)
		}
	}
}
