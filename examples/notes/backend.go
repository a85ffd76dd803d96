package notes

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hushpush/hush/client"
	"github.com/hushpush/hush/push"
)

// BackendConfig configures the backend.
type BackendConfig struct {
	Server string       // Hush; required
	App    string       // the app's name there; required
	Key    push.Secret  // a server key with role send; required
	Listen string       // "": a free port on loopback
	Logger *slog.Logger // nil discards
}

// Backend is the notes' own server. It keeps everything in memory.
//
//	POST /session              {"user": "alice"} → {"session": "…"}    the example asks for no password
//	GET  /session              → {"user": "alice"}
//	GET  /token                → {"token": "…"}                        a user token of Hush
//	GET  /notes?since=17       → {"cursor": 19, "notes": [{"id": 18, "text": "…"}, …]}
//	POST /users/{user}/notes   {"text": "…", "resource_id": "both"} → {"id": 18, "push_id": "…"}    adds a note and pushes
//
// All but the first and the last want the session as a bearer token.
type Backend struct {
	cfg    BackendConfig
	hush   *client.Client
	server *http.Server
	addr   string
	served chan struct{} // closed when the server's loop has ended

	mu       sync.Mutex
	cursor   int64             // guarded by mu; grows with every change of any note
	notes    map[string][]Note // guarded by mu; by user
	sessions map[string]string // guarded by mu; user by session
}

// StartBackend starts the backend. Close ends it.
func StartBackend(cfg BackendConfig) (*Backend, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Listen == "" {
		cfg.Listen = "127.0.0.1:0"
	}
	hush, err := client.New(client.Config{Server: cfg.Server, Key: cfg.Key})
	if err != nil {
		return nil, fmt.Errorf("notes: backend: %w", err)
	}
	ln, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("notes: backend: %w", err)
	}
	b := &Backend{
		cfg: cfg, hush: hush, addr: ln.Addr().String(), served: make(chan struct{}),
		notes: map[string][]Note{}, sessions: map[string]string{},
	}
	b.server = &http.Server{Handler: b.routes(), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		defer close(b.served)
		if err := b.server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			cfg.Logger.Error("the backend ended by itself", "error", err)
		}
	}()
	return b, nil
}

// URL returns the backend's address for the app.
func (b *Backend) URL() string { return "http://" + b.addr }

// Close ends the backend and waits for it.
func (b *Backend) Close() error {
	err := b.server.Close()
	<-b.served
	return err
}

func (b *Backend) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /session", b.login)
	mux.HandleFunc("GET /session", b.withUser(func(w http.ResponseWriter, _ *http.Request, user string) {
		answer(w, http.StatusOK, map[string]string{"user": user})
	}))
	mux.HandleFunc("GET /token", b.withUser(b.token))
	mux.HandleFunc("GET /notes", b.withUser(b.changed))
	mux.HandleFunc("POST /users/{user}/notes", b.addNote)
	return mux
}

func (b *Backend) login(w http.ResponseWriter, r *http.Request) {
	var body struct{ User string }
	if !read(w, r, &body) {
		return
	}
	if err := push.CheckID(body.User); err != nil {
		http.Error(w, "user "+err.Error(), http.StatusUnprocessableEntity)
		return
	}
	session := rand.Text()
	b.mu.Lock()
	b.sessions[session] = body.User
	b.mu.Unlock()
	answer(w, http.StatusOK, map[string]string{"session": session})
}

// withUser refuses a request without a session.
func (b *Backend) withUser(next func(http.ResponseWriter, *http.Request, string)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		session, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		b.mu.Lock()
		user, ok := b.sessions[session]
		b.mu.Unlock()
		if !ok {
			http.Error(w, "no session; log in with POST /session", http.StatusUnauthorized)
			return
		}
		next(w, r, user)
	}
}

// token asks Hush for a user token. A backend that signs user tokens itself registers its signing key with Hush instead.
func (b *Backend) token(w http.ResponseWriter, r *http.Request, user string) {
	t, err := b.hush.UserToken(r.Context(), b.cfg.App, user, time.Hour)
	if err != nil {
		b.failed(w, err)
		return
	}
	answer(w, http.StatusOK, map[string]string{"token": t.Token})
}

func (b *Backend) changed(w http.ResponseWriter, r *http.Request, user string) {
	since, err := strconv.ParseInt(r.URL.Query().Get("since"), 10, 64)
	if err != nil {
		http.Error(w, "since is not a number; want the cursor of an earlier answer, or 0", http.StatusUnprocessableEntity)
		return
	}
	answer(w, http.StatusOK, b.since(user, since))
}

// since returns the notes of a user that changed after a cursor.
func (b *Backend) since(user string, cursor int64) Notes {
	b.mu.Lock()
	defer b.mu.Unlock()
	news := Notes{Cursor: cursor, Notes: []Note{}}
	for _, n := range b.notes[user] {
		if n.ID > cursor {
			news.Cursor, news.Notes = n.ID, append(news.Notes, n)
		}
	}
	return news
}

func (b *Backend) addNote(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Text       string `json:"text"`
		ResourceID string `json:"resource_id"`
	}
	if !read(w, r, &body) {
		return
	}
	note, pushID, err := b.Add(r.Context(), r.PathValue("user"), body.Text, body.ResourceID)
	if err != nil {
		b.failed(w, err)
		return
	}
	answer(w, http.StatusCreated, map[string]any{"id": note.ID, "push_id": pushID})
}

func (b *Backend) failed(w http.ResponseWriter, err error) {
	b.cfg.Logger.Warn("Hush refused", "error", err)
	var refusal *client.Error
	if errors.As(err, &refusal) {
		http.Error(w, refusal.Error(), http.StatusUnprocessableEntity)
		return
	}
	http.Error(w, "Hush does not answer; the note is kept", http.StatusBadGateway)
}

// Add adds a note and pushes to its user's phones. The phones fetch what changed, so a push that comes late, twice, or together
// with others does no harm.
func (b *Backend) Add(ctx context.Context, user, text, resource string) (n Note, pushID string, err error) {
	b.mu.Lock()
	b.cursor++
	n = Note{ID: b.cursor, Text: text}
	b.notes[user] = append(b.notes[user], n)
	b.mu.Unlock()
	pushID, err = b.pushCursor(ctx, user, resource, n.ID)
	return n, pushID, err
}

const maxBody = 1 << 20

func read(w http.ResponseWriter, r *http.Request, v any) bool {
	if err := json.NewDecoder(io.LimitReader(r.Body, maxBody)).Decode(v); err != nil {
		http.Error(w, "the body cannot be read: "+err.Error(), http.StatusBadRequest)
		return false
	}
	return true
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // it fails only if the client is gone
}
