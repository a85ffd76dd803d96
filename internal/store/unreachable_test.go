package store

import (
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/hushpush/hush/internal/store/pgtest"
	"github.com/hushpush/hush/push"
)

// way is a proxy to a database, which can be closed.
type way struct {
	listener net.Listener
	socket   string // the database's
	url      string // of the database through the proxy

	mu    sync.Mutex
	cut   bool       // guarded by mu
	conns []net.Conn // guarded by mu
}

// wayTo opens a proxy to the database that a URL of pgtest names.
func wayTo(t *testing.T, database string) *way {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &way{listener: l, socket: filepath.Join(u.Query().Get("host"), ".s.PGSQL.5432")}
	u.Host, u.RawQuery = l.Addr().String(), "sslmode=disable"
	w.url = u.String()
	var carrying sync.WaitGroup
	carrying.Go(func() { w.open(&carrying) })
	t.Cleanup(func() { w.close(); carrying.Wait() })
	return w
}

func (w *way) open(carrying *sync.WaitGroup) {
	for {
		from, err := w.listener.Accept()
		if err != nil {
			return
		}
		to, err := net.Dial("unix", w.socket)
		if err != nil || !w.keep(from, to) {
			_ = from.Close()
			continue
		}
		for _, c := range [][2]net.Conn{{from, to}, {to, from}} {
			carrying.Go(func() { _, _ = io.Copy(c[0], c[1]); _ = c[0].Close() })
		}
	}
}

// keep adds connections that close will close. It returns false, and closes them, if the proxy is closed.
func (w *way) keep(conns ...net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conns = append(w.conns, conns...)
	if w.cut {
		for _, c := range conns {
			_ = c.Close()
		}
	}
	return !w.cut
}

// close closes the proxy and its connections.
func (w *way) close() {
	_ = w.listener.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = true
	for _, c := range w.conns {
		_ = c.Close()
	}
}

// PostgreSQL has no TLS on a socket. That is an error only if TLS was required.
func TestAServerWithoutTLSIsNoReasonWhereTLSWasNotAskedFor(t *testing.T) {
	t.Parallel()
	w := wayTo(t, pgtest.URL(t))
	for mode, wanted := range map[string]bool{"prefer": false, "allow": false, "": false, "require": true} {
		u, err := url.Parse(w.url)
		if err != nil {
			t.Fatal(err)
		}
		u.Path, u.RawQuery = "/nodb", ""
		if mode != "" {
			u.RawQuery = "sslmode=" + mode
		}
		_, err = Open(t.Context(), Config{DatabaseURL: u.String(), Keys: unsealed})
		if err == nil {
			t.Fatalf("sslmode=%s: opened a database that does not exist", mode)
		}
		if told := strings.Contains(err.Error(), "TLS"); told != wanted || told == strings.Contains(err.Error(), `database "nodb" does not exist`) {
			t.Errorf("sslmode=%s: %v", mode, err)
		}
	}
}

func TestADatabaseThatCannotBeReachedIsUnavailable(t *testing.T) {
	t.Parallel()
	w := wayTo(t, pgtest.URL(t))
	url := strings.TrimSuffix(w.url, "?sslmode=disable") // so that there are two attempts
	s := openFor(t, Config{DatabaseURL: url})
	ctx := context.Background()
	if _, _, err := s.PutApp(ctx, "notes"); err != nil {
		t.Fatal(err)
	}
	_, refused := pgx.Connect(ctx, strings.Replace(url, "/test", "/no", 1))
	if got := nameError(s.db, refused); refused == nil || strings.ContainsAny(got.Error(), "\n") || strings.Contains(got.Error(), "TLS") || !errors.Is(got, refused) {
		t.Errorf("a refused connection answers %v; want one line, without TLS", got)
	}
	w.close()
	for range 3 { // first on open connections, then on new ones
		if _, err := s.App(ctx, "notes"); !errors.Is(err, push.ErrUnavailable) {
			t.Errorf("reading an app answers %v; want push.ErrUnavailable", err)
		}
	}
	if _, err := s.db.begin(ctx); !errors.Is(nameError(s.db, err), push.ErrUnavailable) {
		t.Errorf("beginning to write answers %v; want push.ErrUnavailable", err)
	}
	if err := s.Ping(ctx); err == nil || strings.ContainsAny(err.Error(), "\n") {
		t.Errorf("asked whether it can be asked, the store says %v; want an error of one line", err)
	}
}

// PgBouncer refuses settings that PostgreSQL takes in a connection's first message, with SQLSTATE 08P01.
func TestAPoolerThatRefusesOurSettingsIsNamed(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var refusing sync.WaitGroup
	refusing.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			client := pgproto3.NewBackend(conn, conn)
			if _, err := client.ReceiveStartupMessage(); err == nil {
				client.Send(&pgproto3.ErrorResponse{Severity: "FATAL", Code: "08P01", Message: "no"})
				_ = client.Flush()
			}
			_ = conn.Close()
		}
	})
	defer refusing.Wait()
	defer l.Close()
	_, err = Open(t.Context(), Config{DatabaseURL: "postgres://hush@" + l.Addr().String() + "/hush?sslmode=disable", Keys: unsealed})
	if !errors.Is(err, errPooler) {
		t.Errorf("opened: %v; want %v", err, errPooler)
	}
}
