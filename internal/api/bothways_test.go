package api_test

import (
	"net/http"
	"regexp"
	"testing"
)

// A client cannot tell which path its request took, except by the time.
func TestTheQuickWayAnswersAsTheLongOne(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.must(http.StatusCreated, http.MethodPut, "/v1/apps/notes", "")
	w.must(http.StatusCreated, http.MethodPut, "/v1/apps/notes/resources/both", `{"apns":{}}`)
	own := regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}`) // a push's id
	for _, c := range []struct{ quick, long string }{
		{`{"to":{"users":["alice"]},"resource_id":"both"}`, `{"to":{"users":["alice"]},"resource_id":"\u0062oth"}`},
		{`{"to":{"users":["alice"]},"resource_id":"both","dry_run":true}`, `{"to":{"users":["alice"]},"resource_id":"\u0062oth","dry_run":true}`},
		{`{"to":{"users":[""]},"resource_id":"<none>","ttl":"soon"}`, `{"to":{"users":[""]},"resource_id":"\u003cnone>","ttl":"soon"}`},
		{`{"to":{"users":["alice"]},"resource_id":"none"}`, `{"to":{"users":["alice"]},"resource_id":"\u006eone"}`},
	} {
		for _, way := range []struct{ path, before, after string }{{"", "", ""}, {"/batch", `{"pushes":[`, `]}`}} {
			path := "/v1/apps/notes/pushes" + way.path
			quick := w.root(http.MethodPost, path, way.before+c.quick+way.after)
			long := w.root(http.MethodPost, path, way.before+c.long+way.after)
			if got, want := own.ReplaceAllString(quick.body, "…"), own.ReplaceAllString(long.body, "…"); got != want || quick.status != long.status {
				t.Errorf("%s: %d %s, want %d %s", c.quick, quick.status, got, long.status, want)
			}
			for name := range long.header {
				if name != "Date" && quick.header.Get(name) != long.header.Get(name) {
					t.Errorf("%s: %s is %q, want %q", c.quick, name, quick.header.Get(name), long.header.Get(name))
				}
			}
		}
	}
}
