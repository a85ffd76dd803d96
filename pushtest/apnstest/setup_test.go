package apnstest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hushpush/hush/pushtest/apnstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	topic = "com.example.notes"
	ping  = `{"aps":{"content-available":1},"n":1}`
)

// token makes a device token that ends in n.
func token(n int) string { return fmt.Sprintf("%064x", 0xff0000+n) }

// world is a simulator with one phone, and a sender by hand.
type world struct {
	*apnstest.Server
	t      testing.TB
	client *http.Client
	jwt    string
}

func setup(t testing.TB, opts ...apnstest.Option) *world {
	t.Helper()
	w := &world{Server: apnstest.New(t, append([]apnstest.Option{apnstest.Topics(topic)}, opts...)...), t: t}
	w.client = w.Client()
	t.Cleanup(w.client.CloseIdleConnections)
	w.jwt = w.sign(w.Key(), time.Now())
	w.register(apnstest.Token{Token: token(1), Topic: topic, Online: true})
	return w
}

func (w *world) sign(k apnstest.Key, at time.Time) string {
	w.t.Helper()
	jwt, err := k.SignToken(at)
	if err != nil {
		w.t.Fatal(err)
	}
	return jwt
}

func (w *world) register(tok apnstest.Token) {
	w.t.Helper()
	if err := w.Register(tok); err != nil {
		w.t.Fatal(err)
	}
}

// answer is what a sender sees.
type answer struct {
	Status    int
	Reason    string
	Timestamp int64
	Header    http.Header
	Body      string
}

// request returns a good request, but for what change makes of it.
func (w *world) request(change ...func(*http.Request)) *http.Request {
	w.t.Helper()
	req, err := http.NewRequest("POST", w.URL()+"/3/device/"+token(1), strings.NewReader(ping))
	if err != nil {
		w.t.Fatal(err)
	}
	for k, v := range map[string]string{"authorization": "bearer " + w.jwt, "apns-topic": topic, "apns-push-type": "background", "apns-priority": "5"} {
		req.Header.Set(k, v)
	}
	for _, c := range change {
		c(req)
	}
	return req
}

func (w *world) try(req *http.Request) (answer, error) {
	resp, err := w.client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	a := answer{Status: resp.StatusCode, Header: resp.Header, Body: string(body)}
	json.Unmarshal(body, &struct {
		Reason    *string
		Timestamp *int64
	}{&a.Reason, &a.Timestamp})
	return a, err
}

func (w *world) send(change ...func(*http.Request)) answer {
	w.t.Helper()
	a, err := w.try(w.request(change...))
	if err != nil {
		w.t.Fatalf("sending: %v", err)
	}
	return a
}

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func without(name string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Del(name) }
}

func to(token string) func(*http.Request) {
	return func(r *http.Request) { r.URL.Path = "/3/device/" + token }
}

func path(p string) func(*http.Request) {
	return func(r *http.Request) { r.URL.Path = p }
}

func body(b string) func(*http.Request) {
	return func(r *http.Request) {
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(b)), int64(len(b))
		r.GetBody = nil
	}
}

// mustBe checks status and reason.
func (a answer) mustBe(t testing.TB, status int, reason apnstest.Reason, what string) {
	t.Helper()
	if a.Status != status || a.Reason != string(reason) {
		t.Errorf("%s: got %d %q, want %d %q", what, a.Status, a.Reason, status, reason)
	}
}

// state returns what the control API says of a token.
func (w *world) state(tok string) apnstest.TokenState {
	w.t.Helper()
	st, found := w.State(tok)
	if !found {
		w.t.Fatalf("token %s is not known", tok)
	}
	return st
}

// outcome returns what became of the n-th request, counted from 1.
func (w *world) outcome(n int) string {
	w.t.Helper()
	all := w.Requests()
	if len(all) < n {
		w.t.Fatalf("%d requests, want %d", len(all), n)
	}
	return string(all[n-1].Outcome)
}

// call makes a call of the control API.
func (w *world) call(method, path, body string) (int, string) {
	w.t.Helper()
	req, _ := http.NewRequest(method, "http://"+w.ControlAddr()+path, bytes.NewReader([]byte(body)))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	defer http.DefaultClient.CloseIdleConnections()
	b, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b)
}
