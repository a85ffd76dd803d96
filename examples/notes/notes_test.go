package notes

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
	"github.com/hushpush/hush/sdk"
)

// hush stands for the server: it takes pushes and gives tokens, and delivers nothing.
type hush struct {
	mu     sync.Mutex
	pushes []protocol.PushRequest // guarded by mu
}

func (h *hush) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer send-key" {
		http.Error(w, "{}", http.StatusUnauthorized)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	switch r.URL.Path {
	case "/v1/apps/notes/pushes":
		var p protocol.PushRequest
		if err := json.NewDecoder(r.Body).Decode(&p); err != nil {
			http.Error(w, "{}", http.StatusBadRequest)
			return
		}
		h.mu.Lock()
		h.pushes = append(h.pushes, p)
		h.mu.Unlock()
		w.WriteHeader(http.StatusAccepted)
		io.WriteString(w, `{"push_id":"01982d0e-1111-7000-8000-000000000000","deliveries":1,"warnings":[]}`)
	case "/v1/apps/notes/user-tokens":
		io.WriteString(w, `{"token":"a user token","expires_at":"2030-01-02T15:04:05Z"}`)
	default:
		http.NotFound(w, r)
	}
}

// setup starts a backend, and installs and logs in an app of alice.
func setup(t *testing.T) (*hush, *Backend, home) {
	t.Helper()
	h := &hush{}
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	b, err := StartBackend(BackendConfig{Server: server.URL, App: "notes", Key: "send-key"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	dir := t.TempDir()
	if err := Install(dir, Settings{Server: server.URL, App: "notes", Backend: b.URL(), User: "alice"}); err != nil {
		t.Fatal(err)
	}
	if err := home(dir).login(t.Context()); err != nil {
		t.Fatal(err)
	}
	return h, b, home(dir)
}

func message(id, payload string) sdk.Message {
	return sdk.Message{ID: id, Path: push.PathFCM, Extras: map[string]string{sdk.ExtraPayload: payload}}
}

func add(t *testing.T, b *Backend, user, text string) Note {
	t.Helper()
	n, _, err := b.Add(t.Context(), user, text, "both")
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestANoteIsToldToItsUsersPhonesByItsCursor(t *testing.T) {
	t.Parallel()
	h, b, _ := setup(t)
	add(t, b, "alice", "milk")
	want := protocol.PushRequest{To: protocol.Audience{Users: []string{"alice"}}, ResourceID: "both", Payload: `{"cursor":1}`}
	got := h.pushes[0]
	if len(h.pushes) != 1 || got.Payload != want.Payload || got.ResourceID != want.ResourceID || got.To.Users[0] != "alice" {
		t.Errorf("the backend sent %+v, want %+v", h.pushes, want)
	}
}

func TestAHandlerFetchesWhatChangedSinceItsCursor(t *testing.T) {
	t.Parallel()
	_, b, h := setup(t)
	add(t, b, "alice", "milk")
	add(t, b, "bob", "not alice's")
	add(t, b, "alice", "bread")
	for _, step := range []struct {
		payload string
		want    sdk.FetchResult
	}{
		{`{"cursor":1}`, sdk.NewData}, // fetches the later one, too
		{`{"cursor":3}`, sdk.NoData},  // which needs no fetch then
		{"by hand", sdk.NoData},
	} {
		if got := handle(t.Context(), h, BackgroundMessageHandler, message("p", step.payload)); got != step.want {
			t.Errorf("payload %s: %s, want %s", step.payload, got, step.want)
		}
	}
	have, err := h.notes()
	if err != nil || len(have.Notes) != 2 || have.Notes[1].Text != "bread" || have.Cursor != 3 {
		t.Errorf("the phone has %+v, error %v; want milk and bread up to 3", have, err)
	}
	records, err := Records(string(h))
	if err != nil || len(records) != 3 || records[0].Payload != `{"cursor":1}` || records[0].Callback != BackgroundMessageHandler {
		t.Errorf("the app's record is %+v, error %v; want one line a push", records, err)
	}
}

func TestTheBackgroundHandlerNeedsTheDirectoryAlone(t *testing.T) {
	_, b, h := setup(t)
	t.Setenv(DirEnv, string(h))
	n := add(t, b, "alice", "milk")
	if got := onBackground(t.Context(), message("p", `{"cursor":1}`)); got != sdk.NewData {
		t.Errorf("the handler returned %s, want new_data", got)
	}
	if have, _ := h.notes(); have.Cursor != n.ID {
		t.Errorf("the phone is at cursor %d, want %d", have.Cursor, n.ID)
	}
}

func TestAHandlerWhoseBackendIsGoneFails(t *testing.T) {
	t.Parallel()
	_, b, h := setup(t)
	b.Close()
	if got := handle(t.Context(), h, OnThroughMessageReceived, message("p", `{"cursor":1}`)); got != sdk.Failed {
		t.Errorf("the handler returned %s, want failed", got)
	}
}

func TestTheBackendGivesUserTokensToThoseLoggedIn(t *testing.T) {
	t.Parallel()
	_, _, h := setup(t)
	if token, err := userToken(t.Context(), h); err != nil || token != "a user token" {
		t.Errorf("the token is %q, error %v; want Hush's", token, err)
	}
	if err := h.write(sessionFile, "another"); err != nil {
		t.Fatal(err)
	}
	if _, err := userToken(t.Context(), h); err == nil {
		t.Error("a session that was never given got a token")
	}
	if err := h.login(t.Context()); err != nil {
		t.Errorf("a new login after the session was lost: %v", err)
	}
}

func TestWithoutADirectoryTheAppSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	if err := Run(context.Background(), "", nil, io.Discard); err == nil {
		t.Error("the app ran without a directory")
	}
}

func TestTheCommandSaysWhatIsMissing(t *testing.T) {
	t.Setenv("HUSH_KEY", "")
	t.Setenv(phoneEnv, "")
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"phone"}, "want app, backend, or none"},
		{[]string{"app", "--user", "alice"}, "hush sim world"},
		{[]string{"backend"}, "HUSH_KEY is empty"},
	} {
		if err := command(t.Context(), test.args); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("notes %q: %v, want %q", test.args, err, test.want)
		}
	}
}
