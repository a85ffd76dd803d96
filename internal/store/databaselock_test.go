package store

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/hushpush/hush/internal/store/pgtest"
)

// endings returns a Config.Fatal and the channel of its errors.
func endings() (fatal func(error), ended chan error) {
	ended = make(chan error, 16)
	return func(err error) { ended <- err }, ended
}

// operator returns an operator's own connection to a store's database.
func operator(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// holdersPID returns the backend that has the database lock; 0 if there is none.
func holdersPID(t *testing.T, conn *pgx.Conn) (pid int) {
	t.Helper()
	err := conn.QueryRow(t.Context(), `SELECT coalesce(max(pid), 0) FROM pg_locks WHERE locktype = 'advisory' AND classid = 1752527720 AND granted
		AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`).Scan(&pid)
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

func holdEventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !cond(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within a minute: %s", what)
		}
	}
}

func TestAHoldThatWasLostIsTakenAgain(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	fatal, ended := endings()
	s := openFor(t, Config{DatabaseURL: url, Fatal: fatal})
	conn := operator(t, url)
	for range 2 {
		was := holdersPID(t, conn)
		if was == 0 {
			t.Fatal("no backend has the database lock")
		}
		if _, err := conn.Exec(t.Context(), "SELECT pg_terminate_backend($1)", was); err != nil {
			t.Fatal(err)
		}
		holdEventually(t, "the hold is taken again", func() bool { pid := holdersPID(t, conn); return pid != 0 && pid != was })
	}
	if _, _, err := s.PutApp(t.Context(), "notes"); err != nil {
		t.Errorf("writing afterwards: %v", err)
	}
	select {
	case err := <-ended:
		t.Errorf("the process was ended: %v", err)
	default:
	}
}

// A machine that was suspended for a while has lost its connections, and another process has replaced its own.
func TestAProcessThatWasTakenOverWritesNoMoreAndEnds(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	fatal, ended := endings()
	first := openFor(t, Config{DatabaseURL: url, Fatal: fatal})
	conn := operator(t, url)
	first.db.(*postgresEngine).lock.stop() // as if it could not reacquire the lock
	first.db.(*postgresEngine).lock.done.Wait()
	second := openFor(t, Config{DatabaseURL: url, TurnWait: time.Minute})
	if _, _, err := first.PutApp(t.Context(), "of-the-first"); !errors.Is(err, errOusted) {
		t.Errorf("writing after another one has claimed the database: %v; want it refused", err)
	}
	if err := <-ended; !strings.Contains(err.Error(), "taken over by another hush process (host ") {
		t.Errorf("it ends with: %v; want the process named that has the database", err)
	}
	if _, _, err := second.PutApp(t.Context(), "of-the-second"); err != nil {
		t.Errorf("the second one writes: %v", err)
	}
	var apps string
	if err := conn.QueryRow(t.Context(), "SELECT string_agg(name, ' ') FROM apps").Scan(&apps); err != nil || apps != "of-the-second" {
		t.Errorf("apps %q, %v; want the second one's only", apps, err)
	}
}

func TestAHoldThatAnotherProcessGotMeanwhileEndsThisOne(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	fatal, ended := endings()
	openFor(t, Config{DatabaseURL: url, Fatal: fatal})
	conn := operator(t, url)
	if _, err := conn.Exec(t.Context(), "UPDATE settings SET value = $1 WHERE name = $2", encode(newHolder("another")), holderName); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), "SELECT pg_terminate_backend($1)", holdersPID(t, conn)); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, errOusted) {
		t.Errorf("it ends with: %v; want that it was taken over", err)
	}
}

func TestAProcessThatCannotConnectAnewLearnsThatItWasTakenOver(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	w := wayTo(t, url)
	fatal, ended := endings()
	s := openFor(t, Config{DatabaseURL: w.url, Fatal: fatal})
	conn := operator(t, url)
	if _, _, err := s.Engine(t.Context()); err != nil { // on a connection that stays open
		t.Fatal(err)
	}
	_ = w.listener.Close() // no new connections; existing ones stay open
	if _, err := conn.Exec(t.Context(), "UPDATE settings SET value = $1 WHERE name = $2", encode(newHolder("another")), holderName); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), "SELECT pg_terminate_backend($1)", holdersPID(t, conn)); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if !errors.Is(err, errOusted) {
			t.Errorf("it ends with: %v; want that it was taken over", err)
		}
	case <-time.After(time.Minute):
		t.Error("it has not ended within a minute")
	}
}

// The next process waits for the transactions of the previous one, even though that has lost its lock.
func TestAClaimWaitsForATransactionUnderWay(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	fatal, _ := endings()
	first := openFor(t, Config{DatabaseURL: url, Fatal: fatal})
	e := first.db.(*postgresEngine)
	under, err := e.begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	e.lock.release()
	opened := make(chan error, 1)
	go func() {
		s, err := Open(context.Background(), Config{DatabaseURL: url, TurnWait: time.Minute, Keys: unsealed})
		if err == nil {
			err = s.Close()
		}
		opened <- err
	}()
	conn := operator(t, url)
	holdEventually(t, "the next one waits for the row", func() bool {
		var waits bool
		err := conn.QueryRow(t.Context(), "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted AND locktype = 'transactionid')").Scan(&waits)
		return err == nil && waits
	})
	select {
	case err := <-opened:
		t.Errorf("the next one has opened the database meanwhile: %v", err)
	default:
	}
	if err := under.commit(t.Context()); err != nil {
		t.Errorf("committing what was begun: %v", err)
	}
	if err := <-opened; err != nil {
		t.Error(err)
	}
}

// onWarning is a log handler that calls itself with each warning, and logs nothing.
type onWarning func()

func (w onWarning) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelWarn }
func (w onWarning) Handle(context.Context, slog.Record) error    { w(); return nil }
func (w onWarning) WithAttrs([]slog.Attr) slog.Handler           { return w }
func (w onWarning) WithGroup(string) slog.Handler                { return w }

// waitingFor returns a logger for a process that waits for another one. It calls lose once the process waits.
func waitingFor(lose func()) *slog.Logger {
	return slog.New(onWarning(sync.OnceFunc(lose)))
}

func TestWhoWaitsForADatabaseConnectsAgain(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	first := openFor(t, Config{DatabaseURL: url})
	conn := operator(t, url)
	lost := make(chan error, 1)
	next := openFor(t, Config{DatabaseURL: url, TurnWait: time.Minute, Logger: waitingFor(func() {
		_, err := conn.Exec(context.Background(), `SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity
			WHERE datname = current_database() AND application_name = 'hush' AND pid NOT IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory')`)
		lost <- errors.Join(err, first.Close())
	})})
	if err := <-lost; err != nil {
		t.Error(err)
	}
	if _, _, err := next.PutApp(t.Context(), "notes"); err != nil {
		t.Error(err)
	}
}

func TestWhoWaitsForADatabaseThatGoesAwaySaysSo(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	openFor(t, Config{DatabaseURL: url})
	w := wayTo(t, url)
	_, err := Open(t.Context(), Config{DatabaseURL: w.url, TurnWait: 5 * time.Second, Keys: unsealed, Logger: waitingFor(w.close)})
	if err == nil || errors.As(err, new(*BusyError)) || !strings.Contains(err.Error(), "failed to connect") {
		t.Errorf("%v; want that it cannot connect", err)
	}
}

func TestTheLogNamesWhoIsInTheWayOnlyIfThatIsKnown(t *testing.T) {
	t.Parallel()
	for _, by := range []holder{{}, newHolder("n1")} {
		var log strings.Builder
		turn := newProcessTurn(time.Minute, slog.New(slog.NewTextHandler(&log, nil)))
		free := false
		err := turn.wait(t.Context(), "thing", func() (was bool, err error) { was, free = free, true; return was, nil }, func(context.Context) holder { return by })
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range []string{"host=", "pid=", "since="} {
			if known := by.Node != ""; strings.Contains(log.String(), word) != known || !strings.Contains(log.String(), "for=thing") {
				t.Errorf("who is known: %v, and the log says %q", known, &log)
			}
		}
	}
}

func TestWhoGivesUpWaitingSaysSo(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("Ctrl-C"))
	turn := newProcessTurn(time.Minute, slog.New(slog.DiscardHandler))
	err := turn.wait(ctx, "thing", func() (bool, error) { return false, nil }, func(context.Context) holder { return holder{} })
	if err == nil || !strings.Contains(err.Error(), "waiting for the thing: Ctrl-C") {
		t.Errorf("%v; want the reason", err)
	}
}

func TestAnErrorOfPostgreSQLIsOneLine(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]string{
		"failed to connect to `user=a database=b`:\n\t127.0.0.1:1 (h): refused\n\t[::1]:1 (h): refused": "failed to connect to `user=a database=b`: 127.0.0.1:1 (h): refused; [::1]:1 (h): refused",
		"FATAL: \x1b[31mred\x07\r\n\nblue\u202e (SQLSTATE 1)":                                           "FATAL: [31mred; blue (SQLSTATE 1)",
		"broken \xff\xfe bytes": "broken \uFFFD bytes",
		// sslmode=prefer and allow, with a server without TLS
		"x:\n\ta:1 (h): tls error: server refused TLS connection\n\ta:1 (h): server error: FATAL: no": "x: a:1 (h): server error: FATAL: no",
		"x:\n\ta:1 (h): server error: FATAL: no\n\ta:1 (h): tls error: server refused TLS connection": "x: a:1 (h): server error: FATAL: no",
		// no server, so that the errors with and without TLS are the same
		"x:\n\ta:1 (h): refused\n\tb:1 (h): refused\n\ta:1 (h): refused\n\tb:1 (h): refused": "x: a:1 (h): refused; b:1 (h): refused",
		// sslmode=require, and TLS fails for another reason
		"x: a:1 (h): tls error: server refused TLS connection":                          "x: a:1 (h): tls error: server refused TLS connection",
		"x:\n\ta:1 (h): tls error: server refused TLS connection\n\tb:1 (h): refused":   "x: a:1 (h): tls error: server refused TLS connection; b:1 (h): refused",
		"x:\n\ta:1 (h): tls error: bad certificate\n\ta:1 (h): server error: FATAL: no": "x: a:1 (h): tls error: bad certificate; a:1 (h): server error: FATAL: no",
		"": "",
	} {
		cause := errors.New(said)
		if got := oneLine(cause); got.Error() != want || !errors.Is(got, cause) {
			t.Errorf("%q: %q; want %q, and the cause kept", said, got, want)
		}
	}
	if oneLine(nil) != nil {
		t.Error("no error has become one")
	}
}
