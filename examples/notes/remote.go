package notes

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// The calls of the app to its own backend.

// remote is the app's HTTP client. A backend that does not answer costs a wake no more than its timeout.
var remote = &http.Client{Timeout: 10 * time.Second}

// maxAnswer bounds what the app reads of an answer.
const maxAnswer = 4 << 20

// errLoggedOut means that the backend does not, or no longer, know the session.
var errLoggedOut = errors.New("notes: the backend does not know this session")

// fetch returns the notes that changed since a cursor.
func fetch(ctx context.Context, h home, since int64) (n Notes, err error) {
	err = h.ask(ctx, http.MethodGet, "/notes?since="+strconv.FormatInt(since, 10), nil, &n)
	return n, err
}

// userToken returns a user token of Hush for this phone's user.
func userToken(ctx context.Context, h home) (string, error) {
	var t struct{ Token string }
	err := h.ask(ctx, http.MethodGet, "/token", nil, &t)
	return t.Token, err
}

// login makes a session, unless there is one that the backend still knows.
func (h home) login(ctx context.Context) error {
	if _, err := os.Stat(filepath.Join(string(h), sessionFile)); err == nil {
		var who struct{ User string }
		err := h.ask(ctx, http.MethodGet, "/session", nil, &who)
		if !errors.Is(err, errLoggedOut) {
			return err
		}
	}
	s, err := h.settings()
	if err != nil {
		return err
	}
	var answer struct{ Session string }
	if err := h.ask(ctx, http.MethodPost, "/session", map[string]string{"user": s.User}, &answer); err != nil {
		return err
	}
	return h.write(sessionFile, answer.Session)
}

func (h home) ask(ctx context.Context, method, path string, body, answer any) error {
	s, err := h.settings()
	if err != nil {
		return err
	}
	var session string
	if err := h.read(sessionFile, &session); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var b []byte
	if body != nil {
		if b, err = json.Marshal(body); err != nil {
			return fmt.Errorf("notes: asking the backend: %w", err)
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, s.Backend+path, bytes.NewReader(b))
	if err != nil {
		return fmt.Errorf("notes: asking the backend: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+session)
	resp, err := remote.Do(req)
	if err != nil {
		return fmt.Errorf("notes: asking the backend: %w", err)
	}
	defer resp.Body.Close()
	if b, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer)); err != nil {
		return fmt.Errorf("notes: asking the backend: %w", err)
	}
	switch {
	case resp.StatusCode == http.StatusUnauthorized:
		return errLoggedOut
	case resp.StatusCode/100 != 2:
		return fmt.Errorf("notes: the backend answers %s to %s %s", resp.Status, method, req.URL.Path)
	}
	if err := json.Unmarshal(b, answer); err != nil {
		return fmt.Errorf("notes: reading the backend's answer: %w", err)
	}
	return nil
}
