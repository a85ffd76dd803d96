package stranger

import (
	"math"
	"net/http"
	"testing"
	"time"
)

func TestRedirectBaseIsTheServersAddress(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ location, path, want string }{
		{"https://push.example/v1/apps", "/v1/apps", "https://push.example"},
		{"https://push.example/hush/v1/apps", "/v1/apps", "https://push.example/hush"},
		{"https://me:hidden@portal.example/login?token=hidden", "/v1/apps", "https://portal.example"}, // elsewhere
		{"https://push.example/hush/v1/apps", "", "https://push.example"},
		{"/v1/apps", "/v1/apps", ""}, // nobody knows below what
		{"ftp://push.example/v1/apps", "/v1/apps", ""},
		{"", "/v1/apps", ""},
	} {
		resp := &http.Response{Header: http.Header{"Location": {c.location}}}
		if got := redirectBase(resp, c.path); got != c.want {
			t.Errorf("redirectBase(%q, %q) = %q; want %q", c.location, c.path, got, c.want)
		}
	}
}

func TestLacks(t *testing.T) {
	t.Parallel()
	for body, lacking := range map[string]bool{
		`{"open": 0, "id": "a"}`:  false,
		`{"open": 0, "id": ""}`:   true,
		`{"open": null, "id": 1}`: true,
		`{"open": 0}`:             true,
		`[]`:                      true,
		`<html>`:                  true,
	} {
		if got := lacks([]byte(body), []string{"open", "id"}); (got != "") != lacking {
			t.Errorf("lacks(%s) = %q; want something: %t", body, got, lacking)
		}
	}
}

func TestRetryAfterIsSecondsOfAnyNumber(t *testing.T) {
	t.Parallel()
	for asked, want := range map[string]time.Duration{
		"3": 3 * time.Second, "0": 0, "-1": 0, "": 0, "soon": 0, "Mon, 02 Jan 2006 15:04:05 GMT": 0,
		"9223372036": math.MaxInt32 * time.Second, // more than a time.Duration holds
	} {
		if got := retryAfter(http.Header{"Retry-After": {asked}}); got != want {
			t.Errorf("Retry-After: %s: %s, want %s", asked, got, want)
		}
	}
}
