package stranger

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/hushpush/hush/protocol"
)

func TestAWrongSchemeIsTold(t *testing.T) {
	t.Parallel()
	handler := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	plain, encrypted := httptest.NewServer(handler), httptest.NewTLSServer(handler)
	t.Cleanup(func() { plain.Close(); encrypted.Close() })
	resp, err := http.Get(strings.Replace(encrypted.URL, "https://", "http://", 1))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body := make([]byte, 100)
	n, _ := resp.Body.Read(body)
	if !wantsTLS(resp.StatusCode, body[:n]) || wantsTLS(http.StatusOK, body[:n]) || wantsTLS(http.StatusBadRequest, []byte("no")) {
		t.Errorf("%s %q: not told from others", resp.Status, body[:n])
	}
	_, err = http.Get(strings.Replace(plain.URL, "http://", "https://", 1))
	if got := SchemeAdvice(err); got == nil || !strings.Contains(got.Error(), "want http://") {
		t.Errorf("TLS to a plain port: %v; want the scheme that it is to be", got)
	}
	if _, err := http.Get("http://127.0.0.1:1"); SchemeAdvice(err) != err {
		t.Errorf("another error has become %v", SchemeAdvice(err))
	}
}

func TestAPathInTheAddressIsToldWhereNothingIsBelowIt(t *testing.T) {
	t.Parallel()
	noPath, noApp := &protocol.Problem{Type: protocol.ProblemTypeNoPath}, &protocol.Problem{}
	for _, c := range []struct {
		asked   string
		status  int
		problem *protocol.Problem
		told    string
	}{
		{"/foo/v1/apps/a%2Fb", 404, noPath, "a path, /foo;"},
		{"/foo/v1/apps/a%2Fb", 404, nil, "a path, /foo;"}, // somebody else's answer
		{"/foo/v1/apps/a%2Fb", 404, noApp, ""},            // Hush is there
		{"/foo/v1/apps/a%2Fb", 502, nil, ""},
		{"/v1/apps/a%2Fb", 404, noPath, ""},
	} {
		u, err := url.Parse("http://h" + c.asked)
		if err != nil {
			t.Fatal(err)
		}
		got := pathAdvice(&http.Response{StatusCode: c.status, Request: &http.Request{URL: u}}, "/v1/apps/a%2Fb", c.problem)
		if (got == "") != (c.told == "") || !strings.Contains(got, c.told) {
			t.Errorf("%s, %d %+v: %q; want %q", c.asked, c.status, c.problem, got, c.told)
		}
	}
}
