package server_test

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hushpush/hush/internal/auth"
	"github.com/hushpush/hush/internal/config"
	"github.com/hushpush/hush/internal/logged"
	"github.com/hushpush/hush/internal/server"
	"github.com/hushpush/hush/internal/store"
	"github.com/hushpush/hush/internal/store/pgtest"
	"github.com/hushpush/hush/push"
)

func onBothDatabases(t *testing.T, test func(t *testing.T, database push.Secret)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { t.Parallel(); test(t, "") })
	t.Run("postgres", func(t *testing.T) { t.Parallel(); test(t, push.Secret(pgtest.URL(t))) })
}

// once starts a server, stops it, and returns its settings: a database that has seen its first start, with nothing in it.
func once(t *testing.T, settings config.Config) config.Config {
	t.Helper()
	startNode(t, settings).stop()
	return settings
}

// refused wants a start to be refused, and returns the words.
func refused(t *testing.T, settings config.Config) string {
	t.Helper()
	srv, err := server.Start(t.Context(), server.Config{Settings: settings, TurnWait: -1})
	if err == nil {
		_ = srv.Shutdown(t.Context())
		t.Fatal("it started; want it refused")
	}
	return err.Error()
}

func TestADatabaseBelongsToItsKeysFromTheFirstStart(t *testing.T) {
	t.Parallel()
	onBothDatabases(t, func(t *testing.T, database push.Secret) {
		settings := once(t, config.Config{Data: t.TempDir(), Database: database})
		other := once(t, config.Config{Data: t.TempDir()})
		for file, names := range map[string]*regexp.Regexp{
			"secret.key": regexp.MustCompile(`secret key [0-9a-f]{12}\b`), "root.key": regexp.MustCompile(`root key root-[0-9a-f]{8}\b`),
		} {
			path := filepath.Join(settings.Data, file)
			kept, foreign := read(t, path), read(t, filepath.Join(other.Data, file))
			for what, spoil := range map[string]func(){
				"missing": func() { _ = os.Remove(path) },
				"empty":   func() { write(t, path, "") },
				"another": func() { write(t, path, foreign) },
			} {
				spoil()
				said := refused(t, settings)
				if !names.MatchString(said) || !strings.Contains(said, path) || strings.Contains(said, "\n") {
					t.Errorf("%s %s: %s; want one line with the id of the key that is wanted, and the path", what, file, said)
				}
				if strings.Contains(said, strings.TrimSpace(kept)) || strings.Contains(said, strings.TrimSpace(foreign)) {
					t.Errorf("%s %s: the refusal shows a key", what, file)
				}
				if _, err := os.Stat(path); what == "missing" && err == nil {
					t.Errorf("a missing %s was made anew", file)
				}
				write(t, path, kept)
			}
		}
		startNode(t, settings) // with its own keys
	})
}

func TestAFreshDataDirectoryIsRefusedOnAnothersDatabase(t *testing.T) {
	t.Parallel()
	database := push.Secret(pgtest.URL(t))
	once(t, config.Config{Data: t.TempDir(), Database: database})
	fresh := config.Config{Data: t.TempDir(), Database: database}
	for range 2 {
		said := refused(t, fresh)
		for _, want := range []string{"secret key", "root key root-", "HUSH_SECRET_KEY", "copy root.key"} {
			if !strings.Contains(said, want) {
				t.Errorf("%s; want %q in it", said, want)
			}
		}
	}
	for _, file := range []string{"root.key", "secret.key"} {
		if _, err := os.Stat(filepath.Join(fresh.Data, file)); err == nil {
			t.Errorf("the refused start has left a %s", file)
		}
	}
}

func TestOfTwoFreshServersOnOneDatabaseOneStarts(t *testing.T) {
	t.Parallel()
	database := push.Secret(pgtest.URL(t))
	settings := []config.Config{{Data: t.TempDir(), Database: database}, {Data: t.TempDir(), Database: database}}
	servers, errs := make([]*server.Server, 2), make([]error, 2)
	var starts sync.WaitGroup
	for i := range settings {
		starts.Go(func() {
			servers[i], errs[i] = server.Start(t.Context(), server.Config{Settings: settings[i], TurnWait: -1})
		})
	}
	starts.Wait()
	won, lost := 0, 1
	if errs[0] != nil {
		won, lost = 1, 0
	}
	var busy *store.BusyError
	if errs[won] != nil || !errors.As(errs[lost], &busy) {
		t.Fatalf("%v and %v; want one of them refused because the database is in use", errs[0], errs[1])
	}
	for _, file := range []string{"root.key", "secret.key"} {
		if _, err := os.Stat(filepath.Join(settings[lost].Data, file)); err == nil {
			t.Errorf("the one that lost has made a %s", file)
		}
	}
	if err := servers[won].Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if said := refused(t, settings[lost]); !strings.Contains(said, "secret key") {
		t.Errorf("afterwards the one that lost: %s; want it refused for its key", said)
	}
}

func TestASecondServerWaitsForTheFirstToEnd(t *testing.T) {
	t.Parallel()
	onBothDatabases(t, func(t *testing.T, database push.Secret) {
		first := startNode(t, config.Config{Data: t.TempDir(), Database: database})
		second := first.settings
		if database != "" { // another machine, with the same keys
			second.Data = t.TempDir()
			for _, file := range []string{"root.key", "secret.key"} {
				write(t, filepath.Join(second.Data, file), read(t, filepath.Join(first.settings.Data, file)))
			}
		}
		host, _ := os.Hostname()
		if said := refused(t, second); !strings.Contains(said, "in use by another hush process (host "+host+", pid ") {
			t.Errorf("%s; want it to say who has the database", said)
		}
		var log logged.Buffer
		started := make(chan error, 1)
		go func() {
			srv, err := server.Start(t.Context(), server.Config{Settings: second, Logger: slog.New(slog.NewTextHandler(&log, nil)), TurnWait: time.Minute})
			if err == nil {
				err = srv.Shutdown(context.WithoutCancel(t.Context()))
			}
			started <- err
		}()
		eventually(t, "the second one says that it waits", func() bool { return strings.Contains(log.String(), "waiting for its end") })
		first.stop()
		if err := <-started; err != nil {
			t.Errorf("when the first one has ended, the second: %v", err)
		}
		if n := strings.Count(log.String(), "waiting for its end"); n != 1 || !strings.Contains(log.String(), "host="+host) {
			t.Errorf("it said %d times that it waits; want once, and for whom:\n%s", n, log.String())
		}
	})
}

// A process may be killed at any point of a rotation of the root key: once the new one is announced, once the old one's file
// is written, once both files are, and once all is settled.
func TestARotationOfTheRootKeyThatWasCutShortLeavesADatabaseThatStarts(t *testing.T) {
	t.Parallel()
	onBothDatabases(t, func(t *testing.T, database push.Secret) {
		settings := once(t, config.Config{Data: t.TempDir(), Database: database})
		path := filepath.Join(settings.Data, "root.key")
		old := strings.TrimSpace(read(t, path))
		made := "a root key that the process was about to write, when it was killed" // any text of enough characters
		made = strings.ReplaceAll(made, " ", "-")
		announce := func() {
			t.Helper()
			st, err := store.Open(t.Context(), store.Config{DataDir: settings.Data, DatabaseURL: database.Reveal(), Keys: func(known store.KnownKeys) (store.Keys, error) {
				ring, err := auth.LoadSecretKeys(filepath.Join(settings.Data, "secret.key"))
				return store.Keys{Sealer: ring, RootHash: known.Root[0]}, err
			}})
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(st.AnnounceRootKey(t.Context(), hex.EncodeToString(auth.Hash(made))), st.Close()); err != nil {
				t.Fatal(err)
			}
		}
		oldFile := old + "\n" + time.Now().Add(time.Hour).UTC().Format(time.RFC3339) + "\n"
		announce()
		once(t, settings)
		announce()
		write(t, path+".old", oldFile)
		once(t, settings)
		announce()
		write(t, path+".old", oldFile)
		write(t, path, made)
		n := startNode(t, settings)
		for _, key := range []string{made, old} {
			if status := n.ask(key, "GET", "/v1/apps", "", nil); status != 200 {
				t.Errorf("after the rotation that was cut short, key %.6s…: %d; want 200", key, status)
			}
		}
		n.stop()
		write(t, path, old)
		if said := refused(t, settings); !strings.Contains(said, "root key root-") {
			t.Errorf("with the key before, once the new one has started: %s", said)
		}
	})
}

func TestALostRootKeyIsReplacedAfterWhatTheRefusalSays(t *testing.T) {
	t.Parallel()
	settings := once(t, config.Config{Data: t.TempDir()})
	if err := os.Remove(filepath.Join(settings.Data, "root.key")); err != nil {
		t.Fatal(err)
	}
	statement := regexp.MustCompile(`run in the database: (DELETE [^,]*),`).FindStringSubmatch(refused(t, settings))
	if statement == nil {
		t.Fatal("the refusal does not say what to run")
	}
	runSQLite(t, filepath.Join(settings.Data, "hush.db"), statement[1])
	startNode(t, settings)
}

func runSQLite(t *testing.T, file, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.ExecContext(t.Context(), statement)
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}
