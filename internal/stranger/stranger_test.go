package stranger

import (
	"net/http"
	"testing"
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
		if got := RedirectBase(resp, c.path); got != c.want {
			t.Errorf("RedirectBase(%q, %q) = %q; want %q", c.location, c.path, got, c.want)
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
		if got := Lacks([]byte(body), []string{"open", "id"}); (got != "") != lacking {
			t.Errorf("Lacks(%s) = %q; want something: %t", body, got, lacking)
		}
	}
}
