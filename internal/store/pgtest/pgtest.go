// Package pgtest starts a private PostgreSQL for tests: one cluster per test binary, and one database per test. The cluster is in a
// temporary directory, listens only on a Unix socket there, and is removed afterwards. Without PostgreSQL on the machine, the
// tests fail with a message that says so; they are not skipped.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	startWait   = 60 * time.Second
	settings    = "-c listen_addresses='' -c max_connections=200 -c fsync=on"
	clusterUser = "hush"
)

// cluster is the test binary's PostgreSQL.
type cluster struct {
	bin  string
	dir  string // has the socket, and the data below it
	as   *syscall.SysProcAttr
	made int // the number of databases; guarded by mu
}

var (
	mu     sync.Mutex
	shared *cluster // guarded by mu
)

// Main runs a package's tests, and stops the cluster if they started one. TestMain calls it:
//
//	func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }
func Main(m *testing.M) int {
	code := m.Run()
	mu.Lock()
	defer mu.Unlock()
	if shared != nil {
		if err := shared.stop(); err != nil {
			fmt.Fprintln(os.Stderr, "pgtest:", err)
			return max(code, 1)
		}
		shared = nil
	}
	return code
}

// URL returns the URL of a new database, for Config.DatabaseURL. The first call starts the cluster.
func URL(t testing.TB) string {
	t.Helper()
	mu.Lock()
	defer mu.Unlock()
	if shared == nil {
		c, err := start()
		if err != nil {
			t.Fatalf("pgtest: %v", err)
		}
		shared = c
	}
	shared.made++
	name := fmt.Sprintf("test%d", shared.made)
	if err := shared.createDatabase(name); err != nil {
		t.Fatalf("pgtest: create database: %v", err)
	}
	return shared.url(name)
}

func (c *cluster) url(database string) string {
	u := url.URL{Scheme: "postgres", User: url.User(clusterUser), Path: "/" + database, RawQuery: url.Values{"host": {c.dir}}.Encode()}
	return u.String()
}

func (c *cluster) createDatabase(name string) error {
	ctx, cancel := context.WithTimeout(context.Background(), startWait)
	defer cancel()
	conn, err := pgx.Connect(ctx, c.url("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, "CREATE DATABASE "+name)
	return err
}

func start() (*cluster, error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	// A socket's path is limited to about 100 bytes, so a test's TMPDIR may be too long for it.
	dir, err := os.MkdirTemp("/tmp", "hush-pg")
	if err != nil {
		return nil, err
	}
	c := &cluster{bin: bin, dir: dir}
	if err := c.startIn(dir); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return c, nil
}

func (c *cluster) startIn(dir string) error {
	if err := c.notRoot(); err != nil {
		return err
	}
	if err := c.run("initdb", "--pgdata", filepath.Join(dir, "data"), "--username", clusterUser, "--auth", "trust", "--encoding", "UTF8",
		"--locale", "C.UTF-8", "--no-sync"); err != nil {
		return err
	}
	return c.run("pg_ctl", "start", "--wait", "--timeout", strconv.Itoa(int(startWait.Seconds())), "--pgdata", filepath.Join(dir, "data"),
		"--log", filepath.Join(dir, "log"), "--options", settings+" -c unix_socket_directories="+dir)
}

func (c *cluster) stop() error {
	err := c.run("pg_ctl", "stop", "--wait", "--mode", "immediate", "--pgdata", filepath.Join(c.dir, "data"))
	return errors.Join(err, os.RemoveAll(c.dir))
}

// run runs one of PostgreSQL's programs. Its output goes to a file, because the server that pg_ctl starts inherits the output, and
// the end of a pipe would be waited for.
func (c *cluster) run(program string, args ...string) error {
	out, err := os.CreateTemp("", "hush-pg")
	if err != nil {
		return err
	}
	defer os.Remove(out.Name())
	defer out.Close()
	cmd := exec.Command(filepath.Join(c.bin, program), args...)
	cmd.Dir, cmd.SysProcAttr, cmd.Stdout, cmd.Stderr = c.dir, c.as, out, out
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "TZ=UTC")
	if err := cmd.Run(); err != nil {
		said, _ := os.ReadFile(out.Name())
		log, _ := os.ReadFile(filepath.Join(c.dir, "log"))
		return fmt.Errorf("%s: %w\n%s%s", program, err, said, log)
	}
	return nil
}

// notRoot makes the cluster run as another user if the tests run as root, who may not run PostgreSQL.
func (c *cluster) notRoot() error {
	if os.Getuid() != 0 {
		return nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.Atoi(u.Uid)
		gid, err2 := strconv.Atoi(u.Gid)
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		c.as = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
		return os.Chown(c.dir, uid, gid)
	}
	return errors.New("the tests run as root, PostgreSQL may not, and there is neither a user postgres nor nobody")
}

// binaries returns the directory of initdb and pg_ctl: Debian's newest, or that of the pg_ctl on PATH.
func binaries() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/pg_ctl")
	if err != nil {
		return "", err
	}
	version := func(path string) int {
		n, _ := strconv.Atoi(strings.Split(path, "/")[4])
		return n
	}
	if len(found) > 0 {
		return filepath.Dir(slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })), nil
	}
	path, err := exec.LookPath("pg_ctl")
	if err != nil {
		return "", errors.New("no PostgreSQL here: want /usr/lib/postgresql/*/bin or pg_ctl on PATH; on Debian: apt-get install postgresql")
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return "", err
	}
	return filepath.Dir(path), nil
}
