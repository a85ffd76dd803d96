package proxy_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/hushpush/hush/internal/proxy"
)

func TestARedirectIsAnAnswerWhateverItNames(t *testing.T) {
	t.Parallel()
	for _, location := range []string{"", "/elsewhere", "https://[::1/", "https://%zz/", "mailto:nobody"} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/" {
				t.Errorf("%q is followed to %s", location, r.URL.Path)
			}
			w.Header()["Location"] = []string{location}
			w.WriteHeader(http.StatusFound)
		}))
		t.Cleanup(srv.Close)
		c := &http.Client{}
		proxy.FollowNone(c)
		resp, err := c.Get(srv.URL + "/")
		if err != nil {
			t.Errorf("Location %q: %v; want the answer", location, err)
			continue
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusFound {
			t.Errorf("Location %q: status %d, want 302", location, resp.StatusCode)
		}
	}
}
