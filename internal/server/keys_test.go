package server_test

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hushpush/hush/internal/config"
	"github.com/hushpush/hush/internal/server"
	"github.com/hushpush/hush/internal/store/pgtest"
	"github.com/hushpush/hush/push"
)

// sealedData returns a data directory, and a database, with something encrypted in it.
func sealedData(t *testing.T, database push.Secret) (settings config.Config) {
	t.Helper()
	settings = config.Config{Data: t.TempDir(), Database: database}
	srv, err := server.Start(t.Context(), server.Config{Settings: settings})
	if err != nil {
		t.Fatal(err)
	}
	for _, put := range [][2]string{
		{"/v1/apps/notes", `{}`},
		{"/v1/apps/notes/signing-keys/k1", `{"alg":"HS256","secret":"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="}`},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, srv.URL()+put[0], strings.NewReader(put[1]))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+srv.RootKey().Reveal())
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusCreated {
			t.Fatalf("PUT %s: %s, want 201", put[0], resp.Status)
		}
	}
	if err := srv.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	return settings
}

func TestEncryptedRowsWithoutTheirKeyAreRefusedAndTheKeyIsNamed(t *testing.T) {
	t.Parallel()
	keyID := regexp.MustCompile(`secret key [0-9a-f]{12}\b`)
	other := sealedData(t, "")
	for engine, database := range map[string]push.Secret{"sqlite": "", "postgres": push.Secret(pgtest.URL(t))} {
		good := sealedData(t, database)
		path := filepath.Join(good.Data, "secret.key")
		key, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for name, spoil := range map[string]func() error{
			"missing":    func() error { return nil },
			"empty":      func() error { return os.WriteFile(path, nil, 0o600) },
			"no key":     func() error { return os.WriteFile(path, []byte("hunter2"), 0o600) },
			"unreadable": func() error { return os.Mkdir(path, 0o700) },
			"another":    func() error { return os.Symlink(filepath.Join(other.Data, "secret.key"), path) },
		} {
			if err := os.RemoveAll(path); err != nil {
				t.Fatal(err)
			}
			if err := spoil(); err != nil {
				t.Fatal(err)
			}
			srv, err := server.Start(t.Context(), server.Config{Settings: good})
			if err == nil {
				_ = srv.Shutdown(t.Context())
				t.Errorf("%s, key %s: it started", engine, name)
				continue
			}
			if !keyID.MatchString(err.Error()) {
				t.Errorf("%s, key %s: %v; want the id of the key that is wanted", engine, name, err)
			}
			if _, err := os.Stat(path); name == "missing" && err == nil {
				t.Errorf("%s: a missing key was made anew", engine)
			}
		}
		set := good
		set.SecretKeyEmpty = true
		if _, err := server.Start(t.Context(), server.Config{Settings: set}); err == nil || !keyID.MatchString(err.Error()) || !strings.Contains(err.Error(), "HUSH_SECRET_KEY is set, but empty; want") {
			t.Errorf("%s, HUSH_SECRET_KEY is empty: %v; want a refusal with the id of the key that is wanted", engine, err)
		}
		_ = os.RemoveAll(path)
		if err := os.WriteFile(path, key, 0o600); err != nil {
			t.Fatal(err)
		}
		srv, err := server.Start(t.Context(), server.Config{Settings: good})
		if err != nil {
			t.Fatalf("%s, with the right key again: %v", engine, err)
		}
		if err := srv.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}
}
