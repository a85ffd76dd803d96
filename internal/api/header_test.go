package api_test

import (
	"testing"

	"github.com/hushpush/hush/protocol"
)

func TestEveryAnswerSaysThatItIsHushs(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for _, ask := range []struct {
		method, path string
		status       int
	}{
		{"PUT", "/v1/apps/notes", 201},
		{"GET", "/v1/apps/other", 404},
		{"GET", "/v1/nowhere", 404},
		{"GET", "/v1//apps", 404},
		{"PATCH", "/v1/apps/notes", 405},
		{"PUT", "/v1/apps/NOT_A_NAME", 422},
		{"GET", "/healthz", 200},
		{"DELETE", "/v1/apps/notes", 204},
	} {
		got := w.root(ask.method, ask.path, "")
		if v := got.header.Get(protocol.HeaderAPI); got.status != ask.status || v != protocol.APIVersion {
			t.Errorf("%s %s: %d with %s %q, want %d with %q", ask.method, ask.path, got.status, protocol.HeaderAPI, v, ask.status, protocol.APIVersion)
		}
	}
	if got := w.request("GET", "/v1/inbox", ""); got.status != 401 || got.header.Get(protocol.HeaderAPI) == "" {
		t.Errorf("without a credential: %d with headers %v, want 401 with %s", got.status, got.header, protocol.HeaderAPI)
	}
}
