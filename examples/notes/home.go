package notes

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hushpush/hush/push"
	"github.com/hushpush/hush/sdk"
)

// Settings are what the app is installed with.
type Settings struct {
	Server  string `json:"server"`  // Hush
	App     string `json:"app"`     // its name there
	Backend string `json:"backend"` // of the notes
	User    string `json:"user"`    // who is logged in on this phone; the example asks for no password
}

// Note is one note.
type Note struct {
	ID   int64  `json:"id"` // also the cursor right after it
	Text string `json:"text"`
}

// Notes is what a phone has of its user's notes.
type Notes struct {
	Cursor int64  `json:"cursor"` // the backend's, of the latest change that the phone has
	Notes  []Note `json:"notes"`
}

// Handled is a line of the app's own record: one handler that returned.
type Handled struct {
	PushID   string          `json:"push_id"`
	Callback string          `json:"callback"` // which handler ran
	Path     push.Path       `json:"path"`
	Payload  string          `json:"payload"`
	Result   sdk.FetchResult `json:"result"`
	PID      int             `json:"pid"`
}

// home is the app's directory.
type home string

// The files in it. The SDK has a directory of its own.
const (
	settingsFile = "settings.json"
	sessionFile  = "session" // the secret of the login at the backend
	notesFile    = "notes.json"
	handledFile  = "handled.jsonl"
	sdkDir       = "hush"
)

// Install makes the directory of a fresh installation.
func Install(dir string, s Settings) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("notes: installing: %w", err)
	}
	return home(dir).write(settingsFile, s)
}

// Records returns the handlers that returned in an installation, oldest first.
func Records(dir string) ([]Handled, error) {
	b, err := os.ReadFile(filepath.Join(dir, handledFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("notes: reading the record: %w", err)
	}
	var all []Handled
	for lines := bufio.NewScanner(bytes.NewReader(b)); lines.Scan(); {
		var h Handled
		if err := json.Unmarshal(lines.Bytes(), &h); err != nil {
			return all, fmt.Errorf("notes: line %d of the record: %w", len(all)+1, err)
		}
		all = append(all, h)
	}
	return all, nil
}

func (h home) settings() (s Settings, err error) {
	err = h.read(settingsFile, &s)
	return s, err
}

func (h home) notes() (n Notes, err error) {
	if err = h.read(notesFile, &n); errors.Is(err, fs.ErrNotExist) {
		return n, nil
	}
	return n, err
}

// add appends a line to the record, and returns when it is on disk.
func (h home) add(r Handled) error {
	line, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("notes: recording a push: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(string(h), handledFile), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("notes: recording a push: %w", err)
	}
	_, err = f.Write(append(line, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("notes: recording a push: %w", err)
	}
	return nil
}

func (h home) read(name string, v any) error {
	b, err := os.ReadFile(filepath.Join(string(h), name))
	if err != nil {
		return fmt.Errorf("notes: %w", err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("notes: reading %s: %w", name, err)
	}
	return nil
}

// write replaces a file whole or not at all: the process may be killed at any moment.
func (h home) write(name string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("notes: writing %s: %w", name, err)
	}
	f, err := os.CreateTemp(string(h), "."+name+"-*") // mode 0600
	if err != nil {
		return fmt.Errorf("notes: writing %s: %w", name, err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(b)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(string(h), name))
	}
	if err != nil {
		return fmt.Errorf("notes: writing %s: %w", name, err)
	}
	return nil
}
