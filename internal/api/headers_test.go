package api_test

import "testing"

// Answers contain people's data and new secrets: no cache may keep one, and no browser may guess its type.
func TestEveryAnswerIsKeptOutOfCaches(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for _, ask := range []struct {
		method, path, body string
		header             []string
		status             int
	}{
		{"GET", "/healthz", "", nil, 200},
		{"GET", "/readyz", "", nil, 200},
		{"GET", "/metrics", "", nil, 200},
		{"GET", "/openapi.json", "", nil, 200},
		{"GET", "/docs", "", nil, 200},
		{"GET", "/docs/swagger-ui.css", "", nil, 200},
		{"GET", "/docs/page.js", "", []string{"Range", "bytes=9999999-"}, 416},
		{"GET", "/docs/nothing", "", nil, 404},
		{"GET", "/nothing", "", nil, 404},
		{"GET", "/v1//apps", "", nil, 404},
		{"PATCH", "/v1/apps", "", nil, 405},
		{"GET", "/v1/inbox", "", nil, 401},
		{"GET", "/v1/apps", "", nil, 200},
		{"PUT", "/v1/apps/fresh", "{}", nil, 201},
		{"PUT", "/v1/apps/fresh", "{", nil, 400},
		{"DELETE", "/v1/apps/fresh", "", nil, 204},
		{"HEAD", "/healthz", "", nil, 200},
	} {
		a := w.root(ask.method, ask.path, ask.body, ask.header...)
		if a.status != ask.status {
			t.Errorf("%s %s: status %d, want %d", ask.method, ask.path, a.status, ask.status)
		}
		for name, want := range map[string]string{"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"} {
			if got := a.header.Values(name); len(got) != 1 || got[0] != want {
				t.Errorf("%s %s: %s %q, want %s once", ask.method, ask.path, name, got, want)
			}
		}
	}
}
