package server_test

import (
	"bytes"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hushpush/hush/internal/config"
	"github.com/hushpush/hush/internal/server"
)

// modes returns the modes of the regular files below a directory, by name.
func modes(t *testing.T, dir string) map[string]fs.FileMode {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]fs.FileMode{}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		all[e.Name()] = info.Mode().Perm()
	}
	return all
}

func TestDatabaseAndKeyFilesAreForTheirOwnerOnly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	// One run with new files, one with those that an earlier version left open.
	for run := range 2 {
		var log bytes.Buffer
		srv, err := server.Start(t.Context(), server.Config{Settings: config.Config{Data: dir}, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		running := modes(t, dir)
		if err := srv.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"hush.db", "hush.db-wal", "hush.db-shm", "lock", "root.key", "secret.key"} {
			if mode, ok := running[name]; !ok || mode != 0o600 {
				t.Errorf("run %d: %s has mode %04o (there: %v), want 0600", run, name, mode, ok)
			}
		}
		if said := strings.Contains(log.String(), "was open to others"); said != (run == 1) {
			t.Errorf("run %d: the log says what was closed: %v\n%s", run, said, &log)
		}
		for _, name := range []string{"hush.db", "lock"} {
			if err := os.Chmod(filepath.Join(dir, name), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestADataDirectoryOfOursIsForItsOwnerOnly(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	srv, err := server.Start(t.Context(), server.Config{Settings: config.Config{Data: dir}})
	if err != nil {
		t.Fatal(err)
	}
	if err := srv.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the directory has mode %v, %v; want 0700", info.Mode(), err)
	}
}

func TestAKeyFileThatAGroupCanReadIsWarnedAbout(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	start := func() (string, error) {
		var log bytes.Buffer
		srv, err := server.Start(t.Context(), server.Config{Settings: config.Config{Data: dir}, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			return "", err
		}
		err = srv.Shutdown(t.Context())
		return log.String(), err
	}
	if log, err := start(); err != nil || strings.Contains(log, "open to a group") {
		t.Fatalf("first start: %v\n%s", err, log)
	}
	for _, name := range []string{"root.key", "secret.key"} {
		path := filepath.Join(dir, name)
		if err := os.Chmod(path, 0o640); err != nil {
			t.Fatal(err)
		}
		if log, err := start(); err != nil || !strings.Contains(log, "open to a group") || !strings.Contains(log, path) {
			t.Errorf("%s of a group: %v; want a warning that names it\n%s", name, err, log)
		}
		if err := os.Chmod(path, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := start(); err == nil || !strings.Contains(err.Error(), "chmod 600 "+path) {
			t.Errorf("%s of everyone: %v; want it refused with what to run", name, err)
		}
		if err := os.Chmod(path, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
